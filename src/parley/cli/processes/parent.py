"""The parent of several processes on one port: starts, watches, replaces and ends them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from signal import SIGTERM
from typing import Final, NamedTuple

import structlog

from parley.cli.processes.backoff import Backoff
from parley.cli.processes.child import Child, Nursery
from parley.cli.processes.merged_metrics import Merged
from parley.cli.processes.slot import Care, Slot
from parley.cli.processes.steering import steer
from parley.domain.errors import ConfigurationError, ParleyError
from parley.telemetry.clock import Clock
from parley.workers.runner import wait_for_event

_SCRAPE_EVERY_S: Final = 1.0
"""A process that is killed takes with it what it counted since then."""

_log = structlog.get_logger(__name__)


class Wishes(NamedTuple):
    """What the operator wants."""

    stop: asyncio.Event
    replace: asyncio.Event
    """Set for each round; what is wished during a round makes one more."""


class Told(NamedTuple):
    """Whom the parent tells how it stands."""

    ready: Callable[[], None]
    """Every process is ready, at the start and after each round."""
    replacing: Callable[[], None]
    """A round begins."""


class Parent:
    """Has a process in every slot. It keeps the sockets open, so no connection that waits in a queue is lost."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        nursery: Nursery,
        clock: Clock,
        jitter: Callable[[], float],
        end_within_s: float,
    ) -> None:
        """Take one listening socket a slot; a process may take ``end_within_s`` to end."""
        self.wishes = Wishes(asyncio.Event(), asyncio.Event())
        self.merged = Merged()
        """What processes that have ended had counted."""
        self.children: set[Child] = set()
        """All that run, those that are being replaced included."""
        self._sockets = sockets
        self._nursery = nursery
        self._clock = clock
        self._end_within_s = end_within_s
        care = Care(self._start, self.wishes.stop, end_within_s, clock)
        self.slots = [Slot(number, Backoff(jitter), care) for number in range(1, len(sockets) + 1)]
        self._burials: set[asyncio.Task[None]] = set()
        self._served: list[int] = []
        self._clean = True

    async def run(self, told: Told) -> bool:
        """Run until told to stop; tell whether every process then ended as it should.

        The first process is started alone, so that what is wrong with the configuration is said once.

        Raises:
            ParleyError: the first process ended before it was ready; it has said why.
        """
        self._steer([0])
        first = await self.slots[0].open()
        if first.ended.is_set() and not self.wishes.stop.is_set():
            raise ParleyError(f"the first process ended with {first.exit_code} before it was ready")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(keeper) for keeper in (self._watch(), *(slot.keep() for slot in self.slots))]
            await self._until_open()
            if not self.wishes.stop.is_set():
                told.ready()
            while not self.wishes.stop.is_set():
                await _until_any(self.wishes.stop, self.wishes.replace)
                if not self.wishes.stop.is_set():
                    self.wishes.replace.clear()
                    told.replacing()
                    await self._replace_all()
                    told.ready()
            await self._end_all()
            for task in tasks:
                task.cancel()
        return self._clean

    async def _start(self, number: int) -> Child:
        child = await self._nursery.start(number, self._sockets[number - 1], self._clock.monotonic())
        self.children.add(child)
        burial = asyncio.create_task(self._bury(child), name=f"burial-{number}")
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)
        if self.wishes.stop.is_set():
            child.terminate()
        return child

    async def _bury(self, child: Child) -> None:
        await child.ended.wait()
        self.children.discard(child)
        self.merged.keep(child.exposition)
        if self.wishes.stop.is_set():
            self._clean &= child.exit_code in {0, -SIGTERM}  # not yet listening to signals: it had nothing to finish

    async def _watch(self) -> None:
        """Ask every process for its metrics, and keep new connections away from slots that nobody serves."""
        while not self.wishes.stop.is_set():
            await asyncio.gather(*(child.scrape() for child in list(self.children)))
            served = [index for index, slot in enumerate(self.slots) if slot.trouble is None]
            if served != self._served:
                self._steer(served)
                _log.info("new connections steered", processes=[index + 1 for index in served])
            await wait_for_event(self.wishes.stop, _SCRAPE_EVERY_S)

    def _steer(self, served: list[int]) -> None:
        self._served = served
        steer(self._sockets, served)

    async def _replace_all(self) -> None:
        """Replace one after the other; the first that fails ends the round, for the next would fail alike."""
        for slot in self.slots:
            try:
                await slot.replace()
            except ConfigurationError as error:
                if not self.wishes.stop.is_set():
                    _log.error("processes not replaced", process=slot.number, error=error.detail)
                return
            if self.wishes.stop.is_set():
                return
        _log.info("processes replaced", processes=len(self.slots))

    async def _until_open(self) -> None:
        for slot in self.slots:
            await _until_any(slot.opened, self.wishes.stop)

    async def _end_all(self) -> None:
        children = list(self.children)
        for child in children:
            child.terminate()
        await asyncio.gather(*(child.end(self._end_within_s) for child in children))
        while self._burials:
            await asyncio.wait(set(self._burials))


async def _until_any(*events: asyncio.Event) -> None:
    """Return when one of the events is set."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()
