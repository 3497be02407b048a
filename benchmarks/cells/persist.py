"""One worker stores a backlog of single messages into MariaDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benchmarks.stage.folder import work_folder
from benchmarks.stage.servers import STORE, Servers
from benchmarks.stage.tenants import APPLICATIONS
from benchmarks.suite.cell import Cell
from benchmarks.suite.cpu import memory_mb, metered
from benchmarks.suite.effort import effort
from benchmarks.suite.loads import create
from benchmarks.suite.result import Figure, Result, Spread
from benchmarks.suite.rounds import refuse_errors, row
from benchmarks.suite.sample import Sample

LEAST: Final = 30_000
DEEP: Final = {"PARLEY_DEPTH_MAX_MESSAGES": "2000000", "PARLEY_DEPTH_MAX_BYTES": str(4 << 30)}
"""No 503 before the backlog is complete."""


def measure() -> Mapping[str, object]:
    """Let a backlog grow while no worker runs, then start one and watch it; each round."""
    drained: list[Sample] = []
    memory: list[float] = []
    with work_folder() as folder, Servers(folder, aof="everysec", env=DEEP) as servers:
        for _ in range(effort().rounds):
            waiting: list[Sample] = []
            while sum(sample.answered for sample in waiting) < effort().backlog:
                waiting.append(refuse_errors(create(servers.target()), "a burst"))
            drained.append(drain(servers, memory))
            servers.settle(*waiting)
        told, versions = {"connections": servers.settings()}, servers.versions()
    figure = Figure(
        name=f"persist into MariaDB, backlog of {effort().backlog:,}", unit="messages/s", at_least=LEAST,
        measured=Spread.of(sample.rate for sample in drained),
        peer=f"the worker's memory after it: {Spread.of(memory).median:,.0f} MB",
    )  # fmt: skip
    one = row(
        "parley worker", drained, work="persist", mode="backlog", applications=APPLICATIONS, unit="messages/s",
        durability="queued (everysec)", is_ours=True,
    )  # fmt: skip
    return Result(rows=[one], figures=[figure], settings=told, versions=versions).plain()


def drain(servers: Servers, memory: list[float]) -> Sample:
    """Watch one worker from when it is ready: what it stored before that counts neither as messages nor as time."""
    with servers.working(STORE) as worker:
        assert worker.process is not None  # noqa: S101 - it was started
        engines = {name: pid for name, pid in servers.target().processes.items() if name != "service"}
        before = servers.rows()
        with metered(engines) as spent:
            servers.await_stored()
        memory.append(memory_mb(worker.process.pid))
        return Sample(answered=servers.rows() - before, errors=0, seconds=spent.seconds, spent=spent)


CELLS: Final = (Cell("persist", "Persist into MariaDB, one worker", "bench", 300, measure),)
