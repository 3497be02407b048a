"""The server profile with its workers on: how soon a message is stored and found, and what one machine takes in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.stage.folder import work_folder
from benchmarks.stage.servers import EVERYTHING, STORE, Servers
from benchmarks.stage.tenants import APPLICATIONS, chat_paths
from benchmarks.suite.cell import Cell
from benchmarks.suite.effort import effort
from benchmarks.suite.loads import create
from benchmarks.suite.open_loop import Load, Probe, run_open_loop
from benchmarks.suite.probes import Probes
from benchmarks.suite.result import Figure, Result, Spread
from benchmarks.suite.rounds import refuse_errors, row, void_of
from benchmarks.suite.sample import Sample, percentiles_ms

STORED_RATE: Final = 10_000
STORED_P99_MS: Final = 250
WHOLE_RATE: Final = 4_000
FOUND_P99_MS: Final = 2_000
TAKEN_LEAST: Final = 0.99
_FACTS: Final[Mapping[str, Any]] = {"applications": APPLICATIONS, "keys": "none", "durability": "queued (always)"}


def measure_stored() -> Mapping[str, object]:
    """Offer the rate of the goal for a minute a round, persist on and index off; clients ask to be told when stored."""
    samples, stored = [], []
    with work_folder() as folder, Servers(folder) as servers, servers.working(STORE):
        for _ in range(effort().rounds):
            probes = Probes(servers.write, servers.api, f"/api/v1/applications/{servers.tokens[0]}/chats/1")
            samples.append(offer(servers, STORED_RATE, probes, [probes.store]))
            stored.append(percentiles_ms(probes.stored))
        told, versions = {"connections": servers.settings()}, servers.versions()
    figures = [
        Figure(
            name=f"create to stored at {STORED_RATE:,}/s offered, p99", unit="ms", at_most=STORED_P99_MS,
            measured=Spread.of(each["p99"] for each in stored),
            peer=f"p50 {Spread.of(each['p50'] for each in stored).median:,.0f} ms",
        ),
        taken(STORED_RATE, samples),
    ]  # fmt: skip
    rows = [row("parley", (), samples, work=f"create, {STORED_RATE:,}/s offered", mode="sustained", is_ours=True,
                **_FACTS)]  # fmt: skip
    return Result(rows=rows, figures=figures, settings=told, versions=versions).plain()


def measure_whole() -> Mapping[str, object]:
    """Find the ceiling with everything on, then offer the goal's rate for a minute a round and look for messages."""
    closed, opened, found = [], [], []
    with work_folder() as folder, Servers(folder) as servers, servers.working(EVERYTHING):
        chat = f"/api/v1/applications/{servers.tokens[0]}/chats/1"
        for _ in range(effort().rounds):
            seconds = max(1, effort().long_s // 6)
            closed.append(create(servers.target(), seconds=seconds))
            servers.settle(refuse_errors(closed[-1], "creates"))
            servers.await_indexed()
            probes = Probes(servers.write, servers.api, chat)
            opened.append(offer(servers, WHOLE_RATE, probes, [probes.find, probes.find]))
            servers.await_indexed()
            found.append(percentiles_ms(probes.found))
        told, versions = {"connections": servers.settings()}, servers.versions()
    figures = [
        Figure(
            name="create, everything on one machine, closed loop", unit="/s", at_least=WHOLE_RATE,
            measured=Spread.of(sample.rate for sample in closed), void=void_of(closed),
        ),
        taken(WHOLE_RATE, opened),
        Figure(
            name=f"searchable at {WHOLE_RATE:,}/s offered, p99", unit="ms", at_most=FOUND_P99_MS,
            measured=Spread.of(each["p99"] for each in found),
            peer=f"p50 {Spread.of(each['p50'] for each in found).median:,.0f} ms",
        ),
    ]  # fmt: skip
    rows = [
        row("parley", closed, work="create", mode="whole", is_ours=True, **_FACTS),
        row("parley", (), opened, work=f"create, {WHOLE_RATE:,}/s offered", mode="whole", is_ours=True, **_FACTS),
    ]
    return Result(rows=rows, figures=figures, settings=told, versions=versions).plain()


def offer(servers: Servers, rate: int, probes: Probes, doing: Sequence[Probe]) -> Sample:
    """Offer a rate to all chats but the probes'; what is not taken is a missed goal, what is refused is no run."""
    load = Load(
        rate, [path for path in chat_paths(servers.tokens) if not path.endswith(f"{servers.tokens[0]}/chats/1")]
    )
    sample = run_open_loop(load, servers.target(), effort().long_s, doing)
    servers.settle(refuse_errors(sample, f"{rate:,} creates/s offered"), beside=probes.sent)
    return sample


def taken(rate: int, samples: Sequence[Sample]) -> Figure:
    """Tell which part of what was offered was taken in its time."""
    return Figure(
        name=f"taken of {rate:,}/s offered", unit="×", at_least=TAKEN_LEAST,
        measured=Spread.of(sample.rate / rate for sample in samples),
    )  # fmt: skip


CELLS: Final = (
    Cell("stored", f"Create to stored at {STORED_RATE:,}/s offered", "bench", 405, measure_stored),
    Cell("whole", "The server profile, everything on one machine", "bench", 500, measure_whole),
)
