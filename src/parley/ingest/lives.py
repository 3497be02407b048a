"""Which lives the partitions' logs are in, as the database says, named to the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from parley.domain.errors import UnavailableError
from parley.domain.grants import Life
from parley.domain.partitions import partition_of
from parley.log.port import Feeding
from parley.storage.sharing import Scopes

LOOK_EVERY_S: Final = 0.5
"""A process that only asks the log is told of a new life at the latest after this; one that appends asks at once."""


class PresentLives:
    """Reads the partitions' lives and has the log adopt them."""

    def __init__(self, scopes: Scopes, feeding: Feeding) -> None:
        """Ask ``scopes``, tell ``feeding``."""
        self._scopes = scopes
        self._feeding = feeding
        self._lives: Mapping[int, Life] = {}

    async def renew(self) -> bool:
        """Read the lives and name them to the log; ``True`` if any is another than before.

        Raises:
            UnavailableError: the database is away.
        """
        lives = {partition.id: partition.life for partition in await self._scopes.partitions()}
        changed, self._lives = lives != self._lives, lives
        if changed:
            self._feeding.adopt(lives)
        return changed

    async def watch(self, stop: asyncio.Event) -> None:
        """Renew now and then until ``stop`` is set; while the database is away, what was last known holds."""
        while not stop.is_set():
            with suppress(UnavailableError):
                await self.renew()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()

    def partition(self, token: str) -> int:
        """Give an application's partition."""
        return partition_of(token, len(self._lives))

    def epoch(self, token: str) -> int:
        """Give the present epoch of an application's partition."""
        return self._lives[self.partition(token)].epoch
