"""The real log over the real storage in this process, for tests that own the disk below."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from parley.domain.errors import ParleyError
from parley.domain.events import Entry
from parley.domain.numbering import Appended, Outcome, Replayed
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.log import open_log
from parley.storage import open_storage
from parley.storage.port import Opened, Opening
from parley.telemetry.clock import SystemClock


class House:
    """The embedded log over the storage, as a server has them."""

    def __init__(self, url: str, opened: Opened) -> None:
        """Put a log on the opened database."""
        log = open_log(url, inline=opened.inline, clock=SystemClock()).log
        self.opened = opened
        self._batcher = Batcher(log, BatchLimits(256, 1024 * 1024), SystemClock(), lambda *_: None)

    async def append(self, entry: Entry) -> Appended | Replayed:
        """Append through the group commit and give the outcome.

        Raises:
            ParleyError: what a client would be told.
        """
        settled: asyncio.Future[Outcome | ParleyError] = asyncio.get_running_loop().create_future()
        self._batcher.submit(entry, 200, 30, settled.set_result)
        outcome = await settled
        if isinstance(outcome, ParleyError):
            raise outcome
        assert isinstance(outcome, Appended | Replayed), outcome
        return outcome


@asynccontextmanager
async def opened_at(url: str, rng: Random) -> AsyncIterator[House]:
    """Open the database at the URL as a starting server does."""
    tokens = iter(lambda: f"{rng.getrandbits(128):032x}", "")
    opening = Opening(SystemClock(), lambda: next(tokens), 4, 86_400, 2, 200_000, 1.0, accepts_relaxed=True)
    opened = open_storage(url, opening)
    try:
        await opened.start()
        yield House(url, opened)
    finally:
        await opened.close()
