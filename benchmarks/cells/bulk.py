"""Bulks of 100 on the write service with the workers stopped, beside the empty handler with the same bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.stage.folder import work_folder
from benchmarks.stage.peers import running_peers
from benchmarks.stage.servers import Servers
from benchmarks.stage.tenants import APPLICATIONS
from benchmarks.suite.cell import Cell
from benchmarks.suite.effort import effort
from benchmarks.suite.loads import create
from benchmarks.suite.result import Figure, Result, Spread
from benchmarks.suite.rounds import alternate, refuse_errors, row, void_of
from benchmarks.suite.sample import Sample

SIZE: Final = 100
LEAST: Final = 60_000
SECONDS: Final = 1
"""In three, more than 500,000 messages would wait, which is when creates are refused."""


def measure() -> Mapping[str, object]:
    """Measure messages a second, and what a request that says nothing takes."""
    with (
        work_folder() as folder,
        Servers(folder) as servers,
        running_peers(folder, ("empty-wire",), servers.tokens) as peers,
    ):

        def ours() -> Sample:
            sample = create(servers.target(), size=SIZE, seconds=SECONDS)
            servers.settle(refuse_errors(sample, "a burst"))
            return sample

        def empty() -> Sample:
            return create(peers["empty-wire"].target(), size=SIZE, seconds=SECONDS)

        taken = alternate(effort().rounds, {"parley": ours, "empty-wire": empty})
        told, versions = {"connections": servers.settings()}, servers.versions()
    facts: dict[str, Any] = {"work": f"bulk of {SIZE}", "mode": "burst", "applications": APPLICATIONS, "keys": "none"}
    rows = [
        row(name, samples, unit="messages/s", durability="queued (always)", is_ours=name == "parley", **facts)
        for name, samples in taken.items()
    ]
    figure = Figure(
        name=f"bulk of {SIZE}, AOF always", unit="messages/s", at_least=LEAST,
        measured=Spread.of(sample.rate for sample in taken["parley"]), void=void_of(taken["parley"]),
        peer=f"empty-wire takes the same at {Spread.of(each.rate for each in taken['empty-wire']).median:,.0f}/s",
    )  # fmt: skip
    return Result(rows=rows, figures=[figure], settings=told, versions=versions).plain()


CELLS: Final = (Cell("bulk", f"Bulks of {SIZE}, server profile, AOF always", "bench", 90, measure),)
