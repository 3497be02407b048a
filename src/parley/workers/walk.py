"""Hands all live messages to the search index, a slice a step."""

from __future__ import annotations

from typing import Final

import structlog

from parley.storage.port import Changes
from parley.telemetry.clock import Clock
from parley.workers.feed import Feed

_REPORT_EVERY_S: Final = 5.0

_log = structlog.get_logger(__name__)


class Walk:
    """One walk by chat and number; a step that failed is repeated from where the one before ended."""

    def __init__(self, name: str, changes: Changes, feed: Feed, clock: Clock, slice_messages: int) -> None:
        """Walk ``changes`` into ``feed``; log lines begin with ``name``."""
        self._name = name
        self._changes = changes
        self._feed = feed
        self._clock = clock
        self._slice_messages = slice_messages
        self._after = (0, 0)
        self._messages = 0
        self._begun = self._reported = clock.monotonic()

    async def step(self) -> bool:
        """Index the next slice; `True` when there is none left."""
        documents = await self._changes.walk(self._after, self._slice_messages)
        if not documents:
            return True
        await self._feed.put(documents, {})
        last = documents[-1]
        self._after = (last.chat_id, last.number)
        self._messages += len(documents)
        if self._clock.monotonic() - self._reported >= _REPORT_EVERY_S:
            self._reported = self._clock.monotonic()
            self.say("goes on")
        return False

    def say(self, what: str) -> None:
        """Log how far it is."""
        elapsed_s = self._clock.monotonic() - self._begun
        _log.info(f"{self._name} {what}", messages=self._messages, elapsed_s=round(elapsed_s, 1))
