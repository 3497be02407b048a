"""Hands all live messages to the search index, a slice a step."""

from __future__ import annotations

from typing import Final

import structlog

from parley.domain.documents import Document
from parley.storage.port import Changes
from parley.telemetry.clock import Clock
from parley.workers.feed import SLICE_CHARACTERS, Feed, characters

_REPORT_EVERY_S: Final = 5.0
_PAGE_MESSAGES: Final = 64
"""The largest bodies fill a slice with so many."""

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
        documents = await self._next()
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

    async def _next(self) -> list[Document]:
        """Read the next slice page by page: it ends with the one that makes it full of messages or characters."""
        found: list[Document] = []
        after, size = self._after, 0
        while len(found) < self._slice_messages and size < SLICE_CHARACTERS:
            page = await self._changes.walk(after, min(_PAGE_MESSAGES, self._slice_messages - len(found)))
            if not page:
                break
            found += page
            after, size = (page[-1].chat_id, page[-1].number), size + characters(page)
        return found

    def say(self, what: str) -> None:
        """Log how far it is."""
        elapsed_s = self._clock.monotonic() - self._begun
        _log.info(f"{self._name} {what}", messages=self._messages, elapsed_s=round(elapsed_s, 1))
