"""Substring search in one chat of 100,000 messages among 1,000,000, asked as clients ask it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import quote

from benchmarks.stage.embedded import Embedded
from benchmarks.stage.folder import work_folder
from benchmarks.stage.servers import EVERYTHING, Servers
from benchmarks.stage.tenants import APPLICATIONS, Caller, chat_paths, fill_chat
from benchmarks.suite.cell import Cell
from benchmarks.suite.effort import effort
from benchmarks.suite.result import Figure, Result, Row, Spread
from benchmarks.suite.sample import percentiles_ms
from parley.domain.text import fold
from tests.support.data import data_folder

SEARCHED_SHARE: Final = 0.1
BULK: Final = 500
PAGE: Final = 50
QUERIES: Final = 200
"""Of each kind, each round."""
SHORTEST: Final = 3
"""Folded code points from which on the embedded index answers."""
LONGEST: Final = 12
EMBEDDED_MOST_MS, OPENSEARCH_MOST_MS = 30, 50
REPEATED: Final = (
    "the the the", "the the the the the", "the " * 50, "...", "haha", "and the", "http://", "ing ",
)  # fmt: skip
DEEP: Final = {"PARLEY_DEPTH_MAX_MESSAGES": "2000000", "PARLEY_DEPTH_MAX_BYTES": str(4 << 30)}


class Doors(Protocol):
    """Where messages are created and searched."""

    api: str
    write: str
    tokens: list[str]


def measure_embedded() -> Mapping[str, object]:
    """Fill, let the index catch up, search."""
    with work_folder() as folder, Embedded(folder, chats=1) as product:
        bodies = fill(product)
        product.settle(effort().corpus)
        told = {"connections": product.settings()}
        rows, figure = search(product, bodies, EMBEDDED_MOST_MS, "embedded")
    return Result(rows=rows, figures=[figure], settings=told).plain()


def measure_opensearch() -> Mapping[str, object]:
    """Fill with the workers on, let them catch up, search."""
    with work_folder() as folder, Servers(folder, env=DEEP) as servers, servers.working(EVERYTHING):
        bodies = fill(servers)
        servers.settle(effort().corpus)
        servers.await_indexed()
        told, versions = {"connections": servers.settings()}, servers.versions()
        rows, figure = search(servers, bodies, OPENSEARCH_MOST_MS, "OpenSearch")
    return Result(rows=rows, figures=[figure], settings=told, versions=versions).plain()


def fill(doors: Doors) -> list[str]:
    """Post real bodies, drawn at random: a tenth into the chat that is searched, the rest all around it."""
    rng, write = random.Random(7), Caller(doors.write)  # noqa: S311 - the same messages every time
    bodies = read_bodies()
    searched, *others = chat_paths(doors.tokens, 1)
    left = effort().corpus
    while left:
        count = min(BULK, left)
        path = searched if rng.random() < SEARCHED_SHARE else rng.choice(others)
        fill_chat(write, path, rng.choices(bodies, k=count))
        left -= count
    return bodies


def read_bodies() -> list[str]:
    """Read the bodies of both sets of chats."""
    files = (data_folder() / name / "messages.jsonl" for name in ("gitter-rooms", "ubuntu-irc"))
    lines = (line for file in files for line in file.read_bytes().split(b"\n") if line)
    return [body for line in lines if (body := json.loads(line)["body"]).strip()]


def search(doors: Doors, bodies: Sequence[str], most_ms: float, engine: str) -> tuple[list[Row], Figure]:
    """Ask for first pages, one after the other; the goal is of hits and misses together."""
    api, path = Caller(doors.api), f"{chat_paths(doors.tokens, 1)[0]}/messages/search?limit={PAGE}&q="
    rng = random.Random(8)  # noqa: S311 - the same queries every time
    taken: dict[str, list[dict[str, float]]] = {"hits and misses": [], "repeated phrases": []}
    for _ in range(effort().rounds):
        queries = {"hits and misses": list(draw(bodies, rng, QUERIES)), "repeated phrases": list(REPEATED)}
        for kind, texts in queries.items():
            taken[kind].append(percentiles_ms([_timed(api, path + quote(text)) for text in texts]))
    rows = [
        Row(
            contender=f"parley, {engine}", work=f"search, {kind}", mode="one after the other", is_ours=True,
            applications=APPLICATIONS,
            latency_ms={name: Spread.of(each[name] for each in rounds) for name in rounds[0]},
        )
        for kind, rounds in taken.items()
    ]  # fmt: skip
    figure = Figure(
        name=f"substring search, {effort().corpus:,} messages, {engine}, p95", unit="ms", at_most=most_ms,
        measured=Spread.of(each["p95"] for each in taken["hits and misses"]),
    )  # fmt: skip
    return rows, figure


def draw(bodies: Sequence[str], rng: random.Random, count: int) -> Iterator[str]:
    """Draw queries of 3 to 12 characters: out of bodies, and glued of two bodies, which mostly miss."""
    kept = 0
    while kept < 2 * count:
        body, length = rng.choice(bodies), rng.randint(SHORTEST, LONGEST)
        start = rng.randrange(max(1, len(body) - length + 1))
        text = body[start : start + length]
        if kept % 2:
            text = text[: length // 2 + 1] + rng.choice(bodies)[: length // 2]
        if len(fold(text.strip())) >= SHORTEST:
            kept += 1
            yield text.strip()


def _timed(api: Caller, path: str) -> float:
    began = time.perf_counter()
    api.call("GET", path)
    return time.perf_counter() - began


CELLS: Final = (
    Cell("search-embedded", "Substring search, embedded", "bench", 70, measure_embedded),
    Cell("search-opensearch", "Substring search, OpenSearch", "bench", 160, measure_opensearch),
)
