"""Substring search: candidates from the index, verified on the stored body, until the page is full."""

from __future__ import annotations

from typing import Final

from parley.domain.model import Message
from parley.domain.text import fold
from parley.search.port import SearchIndex
from parley.storage.port import Scan, Storage

_MAX_ROUNDS: Final = 50
"""Times one request asks the index again because candidates were deleted or did not hold the text."""


class Search:
    """Finds messages of one chat by a literal text, canonically caseless."""

    def __init__(self, storage: Storage, index: SearchIndex) -> None:
        """Take candidates from ``index`` and bodies from ``storage``."""
        self._storage = storage
        self._index = index

    async def search_messages(self, token: str, chat: int, text: str, after: int, limit: int) -> Scan:
        """Give up to ``limit`` messages above ``after`` that hold ``text``, ascending.

        A text of one or two folded code points looks at a bounded part of the chat: the page may
        be short, and ``next_after`` says where to go on.

        Raises:
            NotFoundError: the chat or its application is not there.
            UnavailableError: the search engine is away.
        """
        chat_id = await self._storage.find_chat(token, chat)
        folded = fold(text)
        if len(folded) < self._index.shortest:
            return await self._storage.scan_messages(chat_id, folded, after, limit)
        found: list[Message] = []
        for _ in range(_MAX_ROUNDS):
            wanted = limit + 1 - len(found)
            candidates = await self._index.candidates(chat_id, folded, after, wanted)
            messages = await self._storage.pick_messages(chat_id, candidates.numbers)
            found += [message for message in messages if folded in fold(message.body)]
            if len(found) > limit:
                return Scan(found[:limit], found[limit - 1].number)
            if candidates.next_after is None:
                return Scan(found, None)
            after = candidates.next_after
        return Scan(found, after)
