"""Makes the search index again from all live messages, in the place of one that is of no use."""

from __future__ import annotations

import structlog

from parley.domain.events import Position
from parley.search.port import SearchIndex
from parley.storage.port import Changes
from parley.telemetry.clock import Clock
from parley.workers.feed import Feed
from parley.workers.walk import Walk

_log = structlog.get_logger(__name__)


class Rebuild:
    """One rebuild: the ends are read before the first message, so what changes meanwhile is followed after."""

    def __init__(self, changes: Changes, index: SearchIndex, feed: Feed, clock: Clock, slice_messages: int) -> None:
        """Walk ``changes`` into ``index`` by ``feed``."""
        self.started_at = clock.now_ms()
        self._changes = changes
        self._index = index
        self._feed = feed
        self._walk = Walk("search rebuild", changes, feed, clock, slice_messages)
        self.ends: dict[int, Position] = {}
        """From where the index is followed once it is complete."""
        self.name = ""
        """Of the index that is filled, by which another in its place is told from it."""

    async def begin(self, reason: str) -> None:
        """Remember the ends and empty the index."""
        _log.info("search rebuild began", reason=reason)
        self.ends = await self._changes.ends()
        await self._index.clear()
        self.name = await self._index.name()

    async def step(self) -> bool:
        """Index the next slice; `True` when that was all and the positions are stored."""
        if not await self._walk.step():
            return False
        await self._feed.put([], self.ends)
        self._walk.say("done")
        return True
