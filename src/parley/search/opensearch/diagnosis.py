"""Looks at the engine behind a search URL: which it is, its health, its disks, its index and what it can analyse."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from parley.domain.errors import ConfigurationError, UnavailableError
from parley.search.opensearch.address import Address, parse_address
from parley.search.opensearch.banner import read_banner
from parley.search.opensearch.layout import Names, describe
from parley.search.opensearch.wire import RefusedError, UntrustedError, Wire
from parley.telemetry.findings import Finding

_FORBIDDEN: Final = (401, 403)
_ROUTING: Final = "cluster.routing.allocation.disk."
_DEFAULTS: Final = {"watermark.low": 85.0, "watermark.flood_stage": 95.0}
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)%")
_BLOCKS: Final = ("read_only", "read_only_allow_delete", "write", "read")
_SAMPLE: Final = "parley"


async def diagnose(url: str) -> list[Finding]:
    """Look at the engine, changing nothing.

    Raises:
        ConfigurationError: the URL is not of its form.
    """
    address = parse_address(url)
    wire = Wire(address)
    findings: list[Finding] = []
    try:
        async for finding in _findings(wire, address):
            findings.append(finding)  # noqa: PERF401 - kept up to the failure
    except (ConfigurationError, UnavailableError) as error:
        findings.append(Finding("search", "fail", error.detail, _advice(error, Names(address.prefix))))
    finally:
        await wire.close()
    return findings


async def _findings(wire: Wire, address: Address) -> AsyncIterator[Finding]:
    names = Names(address.prefix)
    engine = read_banner(await wire.ask("GET", "/"))
    yield Finding("search", "ok", f"{engine.name} {engine.version}")
    yield judge_health(await wire.ask("GET", f"/_cluster/health/{names.all}", timeout="1s"))
    settings = await wire.ask("GET", "/_cluster/settings", include_defaults="true", flat_settings="true")
    nodes = await wire.ask("GET", "/_nodes/stats/fs", filter_path="nodes.*.name,nodes.*.fs.total")
    for finding in judge_disks(settings, nodes):
        yield finding
    indexes = await wire.ask("GET", f"/{names.all}/_settings", filter_path="*.settings.index.blocks")
    yield judge_blocks(indexes)
    yield await _look_at_analysis(wire, address)


def _advice(error: ConfigurationError | UnavailableError, names: Names) -> str:
    if isinstance(error, RefusedError) and error.status in _FORBIDDEN:
        return f"let the user of PARLEY_SEARCH_URL monitor the cluster, and manage, read and write {names.all}"
    if isinstance(error, UntrustedError):
        return "name the certificate's authority by ?ca=/path/to/ca.pem, or write http://"
    return "start it, or correct PARLEY_SEARCH_URL; search answers 503 until then, everything else works"


def judge_health(health: Mapping[str, Any]) -> Finding:
    """Judge what ``_cluster/health`` says of the indexes."""
    status, nodes = health.get("status"), health.get("number_of_nodes")
    missing = health.get("unassigned_shards", 0)
    found = f"status {status}, {nodes} nodes, {missing} shards of the index without a node"
    if status == "red":
        return Finding("search health", "fail", found, "a part of the index is away: see the engine's log")
    if status == "yellow":
        return Finding("search health", "warn", found, "copies of the index are missing: a lost node stops search")
    return Finding("search health", "ok", found)


def judge_disks(settings: Mapping[str, Any], nodes: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge each node's disk by the watermarks that the engine acts on."""
    told = {**settings.get("defaults", {}), **settings.get("persistent", {}), **settings.get("transient", {})}
    watched = str(told.get(f"{_ROUTING}threshold_enabled", "true")) == "true"
    low, flood = (_percent(told.get(f"{_ROUTING}{name}"), usual) for name, usual in _DEFAULTS.items())
    for node in nodes.get("nodes", {}).values():
        total = node["fs"]["total"]
        used = 100 - 100 * total["available_in_bytes"] / max(1, total["total_in_bytes"])
        found = f"{node.get('name', '?')}: {used:.0f}% of its disk is used"
        if used >= flood and watched:
            advice = f"make room: above {flood:.0f}% the engine refuses to index, and search falls behind"
            yield Finding("search disk", "fail", found, advice)
        elif used >= low:
            yield Finding("search disk", "warn", found, f"make room: above {flood:.0f}% the engine refuses to index")
        else:
            yield Finding("search disk", "ok", found)


def judge_blocks(indexes: Mapping[str, Any]) -> Finding:
    """Judge what keeps the indexes from being written or read."""
    blocked = sorted(
        f"{index} {name}"
        for index, facts in indexes.items()
        for name in _BLOCKS
        if str(facts["settings"]["index"]["blocks"].get(name, "false")) == "true"
    )
    if not blocked:
        return Finding("search index", "ok", "nothing blocks it")
    advice = 'make room on the disk, then PUT /INDEX/_settings {"index.blocks.read_only_allow_delete": null}'
    return Finding("search index", "fail", f"blocked: {', '.join(blocked)}", advice)


async def _look_at_analysis(wire: Wire, address: Address) -> Finding:
    """Have a word cut into grams as the index does it."""
    layout: Any = describe(address, "")
    for name, tokenizer in layout["settings"]["index"]["analysis"]["tokenizer"].items():
        try:
            answer = await wire.ask("POST", "/_analyze", {"tokenizer": tokenizer, "text": _SAMPLE})
        except RefusedError as error:
            if error.status in _FORBIDDEN:
                return Finding("search analysis", "ok", "this user may not try it; making the index will tell")
            return Finding("search analysis", "fail", f"{name}: {error.detail}", "let it cut n-grams of 1 to 3")
        grams = {token["token"] for token in answer.get("tokens", ())}
        if grams != _grams(tokenizer["min_gram"], tokenizer["max_gram"]):
            advice = "the engine cuts texts otherwise than searches expect: use a supported one"
            return Finding("search analysis", "fail", f"{name} cuts {_SAMPLE!r} into {sorted(grams)}", advice)
    return Finding("search analysis", "ok", "it cuts texts into grams as the index needs them")


def _grams(shortest: int, longest: int) -> set[str]:
    sizes = range(shortest, longest + 1)
    return {_SAMPLE[at : at + size] for size in sizes for at in range(len(_SAMPLE) - size + 1)}


def _percent(text: object, usual: float) -> float:
    matched = _PERCENT.fullmatch(str(text))
    return float(matched[1]) if matched else usual
