"""One process of a small service, started by the real parent in `small_parent`, for tests of the parent alone.

It answers 201 with its number to every POST on the real wire, and probes as every process does.
Files in the folder ``FAULTS`` of the environment break it: ``die-2`` ends process 2 at its start,
``unready-2`` makes it say that it cannot do its job.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop

from parley.cli.processes.inheritance import OPTION, follow_parent, parse_inheritance, take_sockets
from parley.http.counting import RequestCounts
from parley.http.exchange import Exchange
from parley.http.health import Health, ProbeRoutes, Reports
from parley.http.wire.limits import Limits
from parley.http.wire.listener import Listener
from parley.http.wire.request import numbered_ids
from parley.http.write.service import ProbeService
from parley.telemetry.clock import SystemClock
from parley.telemetry.exposition import Exposition
from parley.telemetry.metrics import Metrics

WORK_S = 0.002
SLOW_S = 1.0
"""What a POST to ``/slow`` takes."""

DIED = 3


class SmallService:
    """One of the processes."""

    def __init__(self, slot: int, faults: Path) -> None:
        """Be process ``slot``."""
        self._slot = slot
        self._faults = faults
        self._metrics = Metrics()
        self._listener = Listener(Limits(), SystemClock(), numbered_ids(f"small-{slot}-"))
        self._metrics.connections.watch(lambda: self._listener.connections)
        self._metrics.depth_messages.value = 7

    async def run(self, inherited: str) -> None:
        """Serve until SIGTERM, then drain."""
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        service, admin = take_sockets(parse_inheritance(inherited))
        health = Health(self._reports(), SystemClock(), Exposition(self._metrics))
        await self._listener.serve(service, self._answer, observe=RequestCounts(self._metrics, "write"))
        await self._listener.serve(admin, ProbeService(ProbeRoutes(health).applications()))
        await stop.wait()
        await self._listener.drain(5)

    def _answer(self, exchange: Exchange) -> None:
        body = b'{"process":%d}' % self._slot
        work_s = SLOW_S if exchange.path == "/slow" else WORK_S
        asyncio.get_running_loop().call_later(work_s, exchange.respond, 201, [], body)

    def _reports(self) -> Reports:
        async def fine() -> None:
            return

        checks = dict.fromkeys(("database", "log", "search", "workers"), fine)
        return Reports(checks, refusals=lambda: ["told to be"] if self._is_broken("unready") else [])

    def _is_broken(self, how: str) -> bool:
        return (self._faults / f"{how}-{self._slot}").exists()

    def may_start(self) -> bool:
        """Tell whether nothing keeps it from starting."""
        return not self._is_broken("die")


def run() -> int:
    """Be the process that the parent wants."""
    faults = Path(os.environ["FAULTS"])
    given = sys.argv[1].removeprefix(f"{OPTION}=")
    inherited = parse_inheritance(given)
    follow_parent(inherited.parent_pid)
    service = SmallService(inherited.slot, faults)
    if not service.may_start():
        return DIED
    uvloop.run(service.run(given))
    return 0


if __name__ == "__main__":
    sys.exit(run())
