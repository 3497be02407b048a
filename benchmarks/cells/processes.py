"""One, two and four write processes on one port: on two cores more must not be less."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from benchmarks.stage.folder import work_folder
from benchmarks.stage.servers import Servers
from benchmarks.stage.tenants import APPLICATIONS
from benchmarks.suite.cell import Cell
from benchmarks.suite.cpu import children, own_s
from benchmarks.suite.effort import effort
from benchmarks.suite.loads import create
from benchmarks.suite.result import Figure, Result, Spread
from benchmarks.suite.rounds import against, alternate, refuse_errors, row
from benchmarks.suite.sample import Sample
from benchmarks.suite.target import Target
from tests.support.server import free_ports

COUNTS: Final = (1, 2, 4)
LEAST: Final = 0.95
"""Of what one process does: a regression would be below it."""
WARM_S: Final = 2
"""The first of several processes answers while the others still start, which takes the CPU that is measured."""


def measure() -> Mapping[str, object]:
    """Measure each count in turn, with fairness by the CPU that each process spent."""
    fairness: dict[int, list[float]] = {count: [] for count in COUNTS}
    with work_folder() as folder, Servers(folder, aof="everysec") as servers:

        def load(count: int) -> Sample:
            admin = f"127.0.0.1:{free_ports(1)[0]}"
            member = servers.fleet.start("write", "--processes", str(count), "--admin-bind", admin)
            assert member.process is not None  # noqa: S101 - it was started
            workers = children(member.process.pid)
            target = Target(member.url, servers.tokens, {**servers.target().processes, "service": member.process.pid})
            warm = create(target, seconds=WARM_S)
            before = [own_s(pid) for pid in workers]
            sample = refuse_errors(create(target), "a burst")
            spent = [own_s(pid) - past for pid, past in zip(workers, before, strict=True)]
            if spent:
                fairness[count].append(min(spent) / max(spent))
            member.stop()
            servers.settle(warm, sample)
            return sample

        runs: dict[str, Callable[[], Sample]] = {str(count): partial(load, count) for count in COUNTS}
        taken = alternate(effort().rounds, runs)
        told, versions = {"connections": servers.settings()}, servers.versions()
    facts: dict[str, Any] = {"work": "create", "mode": "burst", "applications": APPLICATIONS, "keys": "none"}
    rows = [
        row(f"parley × {count}", taken[str(count)], processes=count, durability="relaxed (everysec)", is_ours=True,
            **facts)
        for count in COUNTS
    ]  # fmt: skip
    figures = [
        against(f"{count} write processes against one", taken, str(count), "1", at_least=LEAST) for count in COUNTS[1:]
    ] + [
        Figure(name=f"least busy of {count} processes against the busiest", measured=Spread.of(shares), unit="×")
        for count, shares in fairness.items()
        if shares
    ]
    return Result(rows=rows, figures=figures, settings=told, versions=versions).plain()


CELLS: Final = (Cell("processes", "One, two and four write processes, AOF everysec", "bench", 260, measure),)
