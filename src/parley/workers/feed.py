"""Hands documents to the index, setting aside the one that it can never take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from parley.domain.documents import Document
from parley.domain.events import Position
from parley.search.port import Target

SLICE_CHARACTERS: Final = 4 * 1024 * 1024
"""Of bodies: about so many are handed over at once, however few messages that are."""

_log = structlog.get_logger(__name__)


def characters(documents: Sequence[Document]) -> int:
    """Count those of the bodies."""
    return sum(len(document.body or "") for document in documents)


class Feed:
    """A batch that the index refuses is halved until the refused document is alone, then said and left out."""

    def __init__(self, target: Target, on_indexed: Callable[[int], None], on_refused: Callable[[], None]) -> None:
        """Feed ``target``; the others count documents."""
        self._target = target
        self._on_indexed = on_indexed
        self._on_refused = on_refused

    def onto(self, target: Target) -> Feed:
        """Give one that feeds another target and counts with this one."""
        return Feed(target, self._on_indexed, self._on_refused)

    async def put(self, documents: Sequence[Document], positions: Mapping[int, Position]) -> None:
        """Index the documents, and with the last of them the positions."""
        try:
            await self._target.index(documents, positions)
        except ValueError as error:
            if len(documents) > 1:
                half = len(documents) // 2
                await self.put(documents[:half], {})
                await self.put(documents[half:], positions)
                return
            if not documents:
                raise
            self._refused(documents[0], error)
            await self._target.index([], positions)
        else:
            self._on_indexed(len(documents))

    def _refused(self, document: Document, error: ValueError) -> None:
        _log.error("document left out of search", chat_id=document.chat_id, number=document.number, error=str(error))
        self._on_refused()
