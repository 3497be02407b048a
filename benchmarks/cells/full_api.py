"""A create through the full API beside an empty Litestar handler behind the same server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.stage.folder import work_folder
from benchmarks.stage.peers import running_peers, settings
from benchmarks.stage.servers import Servers
from benchmarks.stage.tenants import APPLICATIONS
from benchmarks.suite.cell import Cell
from benchmarks.suite.effort import effort
from benchmarks.suite.loads import SHARE, create, offer_creates
from benchmarks.suite.result import Result, Spread
from benchmarks.suite.rounds import against, alternate, refuse_errors, row
from benchmarks.suite.sample import Sample

LEAST: Final = 0.7
EMPTY: Final = "empty-litestar"


def measure() -> Mapping[str, object]:
    """Measure both in turn, then percentiles of both at 60 % of the slower one."""
    with (
        work_folder() as folder,
        Servers(folder, aof="everysec") as servers,
        running_peers(folder, (EMPTY,), servers.tokens) as peers,
    ):
        ours, empty = servers.target("api"), peers[EMPTY].target()

        def settled(sample: Sample) -> Sample:
            servers.settle(refuse_errors(sample, "a burst"))
            return sample

        closed = alternate(effort().rounds, {
            "parley": lambda: settled(create(ours)),
            EMPTY: lambda: create(empty),
        })  # fmt: skip
        rate = SHARE * min(Spread.of(each.rate for each in samples).median for samples in closed.values())
        opened = alternate(effort().rounds, {
            "parley": lambda: settled(offer_creates(ours, rate)),
            EMPTY: lambda: offer_creates(empty, rate),
        })  # fmt: skip
        told, versions = {"connections": servers.settings(), **settings((EMPTY,))}, servers.versions()
    facts: dict[str, Any] = {"work": "create", "mode": "burst", "applications": APPLICATIONS, "keys": "none"}
    rows = [
        row(name, closed[name], opened[name], durability="relaxed (everysec)", is_ours=name == "parley", **facts)
        for name in closed
    ]
    figure = against("full API create against an empty Litestar handler", closed, "parley", EMPTY, at_least=LEAST)
    return Result(rows=rows, figures=[figure], settings=told, versions=versions).plain()


CELLS: Final = (Cell("full-api", "Creates through the full API", "bench", 120, measure),)
