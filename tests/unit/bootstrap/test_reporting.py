"""Which part a process can do without."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from parley.bootstrap.ports import Guard, Ports
from parley.bootstrap.reporting import Report
from parley.domain.errors import UnavailableError
from parley.log.switch import Switch
from parley.telemetry.metrics import Metrics
from tests.unit.ingest.doubles import HeldLog
from tests.unit.workers.doubles import StillClock

P = 4
UNUSED: Any = None


class Log(HeldLog):
    """A log whose partitions the test closes, or which is away."""

    def __init__(self) -> None:
        """Have all open."""
        super().__init__()
        self.shut: list[int] = []
        self.is_away = False

    async def ping(self) -> None:
        """Answer."""
        if self.is_away:
            raise UnavailableError("The log does not answer")

    async def closed(self) -> list[int]:
        """Give those that are closed."""
        return self.shut

    def withdraw(self) -> list[Any]:
        """Have nothing that waits."""
        return []


class Process:
    """A process that writes, and what it reports of the log."""

    def __init__(self) -> None:
        """Wire the report."""
        self.log = Log()
        self.switch = Switch(self.log, cast("Any", self.log), UNUSED, P, StillClock())
        ports = SimpleNamespace(
            storage=SimpleNamespace(storage=self.log),
            log=SimpleNamespace(log=self.switch),
            beside=SimpleNamespace(log=SimpleNamespace(feeding=self.log)),
            guard=Guard(self.switch, UNUSED),
        )
        report = Report(cast("Ports", ports), UNUSED, None, None, asyncio.Event())
        self._reports = report.reports(Metrics(), ["log"])

    async def spared(self) -> tuple[bool, list[str]]:
        """Give whether the log is well, and what this process can do without."""
        try:
            await self._reports.checks["log"]()
        except UnavailableError:
            return False, list(self._reports.spared())
        return True, list(self._reports.spared())


@pytest.mark.parametrize(
    ("standing", "closed", "spared"),
    [
        ([], [], []),
        ([], [1], []),
        ([0, 1], [0, 1], ["log"]),
        ([0, 1], [0, 1, 2], []),
        ([0, 1], [1], ["log"]),
    ],
)
async def test_a_log_is_spared_if_all_that_it_lacks_stands_by(
    standing: list[int], closed: list[int], spared: list[str]
) -> None:
    """A partition that nobody opens, and that does not stand by, takes nothing: its creates are refused."""
    process = Process()
    process.switch.stand_by(dict.fromkeys(standing, 5))
    process.log.shut = closed

    assert await process.spared() == (not closed, spared)


async def test_a_log_that_is_away_is_spared_if_every_partition_of_it_stands_by() -> None:
    """What was closed before it went is no matter any more."""
    process = Process()
    process.switch.stand_by(dict.fromkeys(range(P - 1), 5))
    process.log.shut = [P - 1]
    await process.spared()

    process.log.is_away = True
    process.switch.lose(frozenset(range(P)))
    some = await process.spared()
    process.switch.stand_by(dict.fromkeys(range(P), 5))

    assert some == (False, [])
    assert await process.spared() == (False, ["log"])
