"""Which lives the partitions' logs are in, as the database says, named to the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Protocol

from parley.domain.errors import UnavailableError
from parley.domain.grants import Life
from parley.domain.partitions import partition_of
from parley.log.port import Feeding
from parley.storage.sharing import Scopes

LOOK_EVERY_S: Final = 0.5
"""A process that only asks the log is told of a new life at the latest after this; one that appends asks at once."""

AWAY_LOOK_S: Final = 0.2
"""The same while the log is away: the database may begin to stand by."""


class Switched(Protocol):
    """Whoever stands in front of the log."""

    @property
    def cut_off(self) -> frozenset[int]:
        """The partitions whose log is away, and that do not stand by."""

    def stand_by(self, epochs: Mapping[int, int]) -> None:
        """Hear which partitions stand by, and in which epochs."""


class PresentLives:
    """Reads the partitions' lives and has the log adopt them."""

    def __init__(self, scopes: Scopes, feeding: Feeding, switch: Switched | None = None) -> None:
        """Ask ``scopes``, tell ``feeding``, and ``switch`` where one stands in front of the log."""
        self._scopes = scopes
        self._feeding = feeding
        self._switch = switch
        self._lives: Mapping[int, Life] = {}
        self._turn = asyncio.Lock()

    async def renew(self) -> bool:
        """Read the lives and name them to the log; ``True`` if any is another than before.

        One at a time: what was read first would else be believed last.

        Raises:
            UnavailableError: the database is away.
        """
        async with self._turn:
            return await self._renew()

    async def _renew(self) -> bool:
        rows = await self._scopes.partitions()
        lives = {row.id: row.life for row in rows}
        changed, self._lives = lives != self._lives, lives
        if changed:
            self._feeding.adopt(lives)
            if self._switch is not None:
                self._switch.stand_by({row.id: row.life.epoch for row in rows if row.stands_by})
        return changed

    async def watch(self, stop: asyncio.Event) -> None:
        """Renew now and then until ``stop`` is set; while the database is away, what was last known holds."""
        while not stop.is_set():
            with suppress(UnavailableError):
                await self.renew()
            is_cut_off = self._switch is not None and self._switch.cut_off
            with suppress(TimeoutError):
                async with asyncio.timeout(AWAY_LOOK_S if is_cut_off else LOOK_EVERY_S):
                    await stop.wait()

    def partition(self, token: str) -> int:
        """Give an application's partition."""
        return partition_of(token, len(self._lives))

    def epoch(self, token: str) -> int:
        """Give the present epoch of an application's partition."""
        return self._lives[self.partition(token)].epoch
