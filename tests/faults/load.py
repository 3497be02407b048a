"""Clients that write, change, delete, read and search without end, at random, as a seed says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Final

from tests.faults.client import Doors, RecordedClient
from tests.faults.reading import Readers
from tests.faults.recorder import Recorder
from tests.faults.world import KnownApplication
from tests.faults.writing import Writers
from tests.support.pace import hold_async
from tests.support.workload import Progress, at_work

CLIENTS: Final = 96
IN_FLIGHT: Final = 32
_BULKS_IN_VOLLEY: Final = 0.1
WAITS: Final = 0.1
"""Of the creates, those that ask to be answered once they are stored."""
_THINKS_S: Final = 0.24
"""A client's mean pause between two operations: the machine is to be busy, not full."""
_LOOKS_AGAIN_S: Final = 0.2
"""A client's pause after it was refused."""


class Load:
    """All clients of a run, and how far they are."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a load is made of
        self,
        doors: Doors,
        applications: Sequence[KnownApplication],
        recorder: Recorder,
        seed: int,
        progress: Progress,
        waits: float = WAITS,
    ) -> None:
        """Ask at the doors for what the applications have; ``waits`` of the creates ask to be stored first."""
        self.waits = waits
        self.acknowledged = 0
        """Creates that were answered with 201."""
        self.stored = 0
        """Those of them that were answered as stored."""
        self.unknown = 0
        """Writes whose outcome nobody told."""
        self.creating = 0
        """Creates that are on their way at present."""
        self.progress = progress
        self.doors, self.applications, self._recorder, self._seed = doors, applications, recorder, seed
        self._hurrying = False
        self._pausing = False
        self._stopping = False
        self._busy = 0

    @asynccontextmanager
    async def running(self, clients: int = CLIENTS) -> AsyncIterator[None]:
        """Run the clients inside; on leaving, each finishes what it is at."""
        async with at_work(self._live(Random(f"{self._seed}-{i}")) for i in range(clients)):
            yield
            self._stopping = True

    async def acknowledge(self, more: int) -> None:
        """Wait until so many more creates are acknowledged."""
        goal = self.acknowledged + more
        await self.progress.reach(lambda: self.acknowledged >= goal)

    @asynccontextmanager
    async def volley(self) -> AsyncIterator[None]:
        """Have all clients create, and go inside in the very turn in which enough are on their way.

        From that turn on they do all that they usually do.
        """
        self._hurrying = True
        try:
            await self.progress.reach(lambda: self.creating >= IN_FLIGHT)
        finally:
            self._hurrying = False
        yield

    @asynccontextmanager
    async def pausing(self) -> AsyncIterator[None]:
        """Have no client be at anything inside."""
        self._pausing = True
        try:
            await self.progress.reach(lambda: not self._busy)
            yield
        finally:
            self._pausing = False
            self.progress.note()

    async def _live(self, rng: Random) -> None:
        client = RecordedClient(self._recorder)
        writers = Writers(client, self.doors, rng, self)
        readers = Readers(client, self.doors, rng)
        deeds: list[tuple[int, Callable[[KnownApplication], Awaitable[bool]]]] = [
            (38, writers.post), (4, writers.post_bulk), (2, writers.create_chat), (8, writers.edit),
            (6, writers.delete), (1, writers.delete_chat), (14, readers.get), (6, readers.walk),
            (2, readers.get_chat), (2, readers.walk_chats), (7, readers.count), (7, readers.search),
        ]  # fmt: skip
        weights = [weight for weight, _ in deeds]
        try:
            while not self._stopping:
                (_, deed), *_ = rng.choices(deeds, weights)
                if self._hurrying:
                    deed = writers.post_bulk if rng.random() < _BULKS_IN_VOLLEY else writers.post
                self._busy += 1
                done = await deed(rng.choice(self.applications))
                self._busy -= 1
                self.progress.note()
                await hold_async(self._pause_s(rng, done=done))
                await self.progress.reach(lambda: not self._pausing)
        finally:
            client.close()

    def _pause_s(self, rng: Random, *, done: bool) -> float:
        if not done:
            return _LOOKS_AGAIN_S
        return 0 if self._hurrying else rng.expovariate(1 / _THINKS_S)

    @property
    def is_over(self) -> bool:
        """Whether clients are to end."""
        return self._stopping
