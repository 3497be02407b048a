"""Kills, stops and hangs Parley's own processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from itertools import cycle, islice
from typing import Final

from tests.faults.embedded import EmbeddedSite
from tests.faults.run import Strike
from tests.faults.server import ServerSite
from tests.support.fleet import Member
from tests.support.pace import hold_async
from tests.support.stopping import halt

_KILLS: Final = 5
_WORKER_KILLS: Final = 67
"""So that three runs are 200."""
_WORKER_LIFE_S: Final = (0.05, 0.5)
_HANGS_S: Final = 4.0
_ROLLS: Final = 7
"""So that three runs are more than 20."""


async def kill_server(strike: Strike[EmbeddedSite]) -> None:
    """Kill the one process of an embedded site under a volley."""
    server = strike.site.server
    for _ in range(_KILLS):
        async with strike.unknown_volley("kill -9"):
            server.kill()
            await asyncio.to_thread(server.start)
        await strike.calm()


async def kill_services(strike: Strike[ServerSite]) -> None:
    """Kill write processes and APIs in turn under a volley: clients go on at the others."""
    members = cycle([*strike.site.writers, *strike.site.apis])
    for member in (next(members) for _ in range(_KILLS)):
        async with strike.unknown_volley(f"kill -9 of {member.role}"):
            member.kill()
            await hold_async(1)
            member.start(wait=False)
        await strike.calm()


async def kill_workers(strike: Strike[ServerSite]) -> None:
    """Kill the workers in turn, each a moment after it was ready, with creates on their way, while the other starts.

    Hardly anything is stored meanwhile: that it all is in time is measured from the end of the last kill.
    """
    starting: list[asyncio.Task[None]] = []
    for i in range(_WORKER_KILLS):
        worker, is_last = strike.site.workers[i % len(strike.site.workers)], i == _WORKER_KILLS - 1
        while len(starting) >= len(strike.site.workers):
            await starting.pop(0)
        await hold_async(strike.rng.uniform(*_WORKER_LIFE_S))
        async with strike.load.volley(), strike.fault("kill -9 of work", watched=is_last):
            worker.kill()
            await strike.load.acknowledge(1)
        starting.append(asyncio.create_task(asyncio.to_thread(worker.start)))
    await asyncio.gather(*starting)
    strike.told["kills"] = _WORKER_KILLS


async def hang_server(strike: Strike[EmbeddedSite]) -> None:
    """Stop the one process where it is, so that it answers nobody, and let it go on."""
    process = strike.site.server.process
    assert process is not None
    await _hang(strike, process.pid, lambda: process.send_signal(signal.SIGCONT), "SIGSTOP")


async def hang_worker(strike: Strike[ServerSite]) -> None:
    """Stop a worker for longer than its leases last: another takes over, and the first writes nothing when it wakes."""
    worker = strike.site.workers[0]
    async with strike.load.volley(), strike.fault("SIGSTOP of work"):
        worker.halt()
        await hold_async(_LEASE_IS_OVER_S)
        worker.signal(signal.SIGCONT)
    await strike.calm()


async def stop_server(strike: Strike[EmbeddedSite]) -> None:
    """End the process as a deployment does and start the next: no answer is lost."""
    server = strike.site.server

    def roll() -> None:
        server.stop()
        server.start()

    await _roll(strike, [roll], "SIGTERM")


async def stop_services(strike: Strike[ServerSite]) -> None:
    """End each process in turn as a deployment does, and start the next: no answer is lost."""

    def rolling(member: Member) -> Callable[[], None]:
        def roll() -> None:
            member.stop()
            member.start()

        return roll

    await _roll(strike, [rolling(member) for member in strike.site.fleet.members], "SIGTERM")


_LEASE_IS_OVER_S: Final = 14.0


async def _hang(strike: Strike[EmbeddedSite], pid: int, go_on: Callable[[], None], name: str) -> None:
    for _ in range(3):
        async with strike.load.volley(), strike.fault(name):
            halt(pid)
            await hold_async(_HANGS_S)
            go_on()
        await strike.calm()


async def _roll(strike: Strike[EmbeddedSite] | Strike[ServerSite], rolls: list[Callable[[], None]], name: str) -> None:
    before = strike.load.unknown
    for roll in islice(cycle(rolls), _ROLLS):
        async with strike.load.volley(), strike.fault(name):
            await asyncio.to_thread(roll)
        await strike.calm()
    lost = strike.told["lost_answers"] = strike.load.unknown - before
    if lost:
        strike.wrong(f"{lost} requests were not answered")
