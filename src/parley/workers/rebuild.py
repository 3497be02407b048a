"""Makes the search index again from all live messages, a slice a step."""

from __future__ import annotations

from typing import Final

import structlog

from parley.domain.events import Position
from parley.storage.port import Changes
from parley.telemetry.clock import Clock
from parley.workers.feed import Feed

_REPORT_EVERY_S: Final = 5.0

_log = structlog.get_logger(__name__)


class Rebuild:
    """One rebuild: the ends are read before the first message, so what changes meanwhile is followed after."""

    def __init__(self, changes: Changes, feed: Feed, clock: Clock, slice_messages: int) -> None:
        """Walk ``changes`` into ``feed``."""
        self.started_at = clock.now_ms()
        self._changes = changes
        self._feed = feed
        self._clock = clock
        self._slice_messages = slice_messages
        self._after = (0, 0)
        self._ends: dict[int, Position] = {}
        self._messages = 0
        self._begun = self._reported = clock.monotonic()

    async def begin(self, reason: str) -> None:
        """Remember the ends and empty the index."""
        _log.info("search rebuild began", reason=reason)
        self._ends = await self._changes.ends()
        await self._feed.index.clear()

    async def step(self) -> bool:
        """Index the next slice; `True` when that was all and the positions are stored."""
        documents = await self._changes.walk(self._after, self._slice_messages)
        if not documents:
            await self._feed.put([], self._ends)
            self._say("search rebuild done")
            return True
        await self._feed.put(documents, {})
        last = documents[-1]
        self._after = (last.chat_id, last.number)
        self._messages += len(documents)
        if self._clock.monotonic() - self._reported >= _REPORT_EVERY_S:
            self._reported = self._clock.monotonic()
            self._say("search rebuild goes on")
        return False

    def _say(self, event: str) -> None:
        elapsed_s = self._clock.monotonic() - self._begun
        _log.info(event, messages=self._messages, elapsed_s=round(elapsed_s, 1))
