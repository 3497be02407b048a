"""Which applications and chats are known to be live: positive knowledge only.

A hit lets a create go on without a read; the append checks the gates again, so a stale hit costs
a refused append and never a message in a deleted chat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from parley.domain.errors import NotFoundError, ParleyError, UnavailableError
from parley.domain.numbering import Reason
from parley.ingest.capacity import Capacity
from parley.ingest.deadline import Deadline
from parley.ingest.finding import Finder

_MOST: Final = 200_000

Then = Callable[[ParleyError | None], None]


class Parents:
    """Remembers live applications and chats, and asks about others."""

    def __init__(
        self, finder: Finder, most: int = _MOST, *, answer_timeout_s: float = 5, capacity: Capacity | None = None
    ) -> None:
        """Ask ``finder`` for what is not remembered; beyond ``most`` applications and chats all are forgotten.

        Who waits for an answer is counted in ``capacity``, and waits for ``answer_timeout_s`` at most.
        """
        self._finder = finder
        self._most = most
        self._answer_timeout_s = answer_timeout_s
        self._capacity = capacity or Capacity()
        self._chats: dict[str, set[int]] = {}
        self._count = 0
        self._lookups: set[asyncio.Task[None]] = set()

    def resolve(self, token: str, chat: int | None, then: Then, body_bytes: int = 0) -> None:
        """Call ``then(None)`` if the parent is live, at once if that is remembered, else its error.

        ``body_bytes`` is how much the request keeps in memory meanwhile.
        """
        known = self._chats.get(token)
        if known is not None and (chat is None or chat in known):
            then(None)
            return
        try:
            self._capacity.take(body_bytes)
        except UnavailableError as error:
            then(error)
            return
        lookup = asyncio.create_task(self._look_up(token, chat, then))
        self._lookups.add(lookup)
        lookup.add_done_callback(partial(self._looked, body_bytes))

    def add(self, token: str, chat: int | None) -> None:
        """Remember a live application, or one of its live chats."""
        if self._count >= self._most:
            self._chats.clear()
            self._count = 0
        if token not in self._chats:
            self._chats[token] = set()
            self._count += 1
        if chat is not None and chat not in self._chats[token]:
            self._chats[token].add(chat)
            self._count += 1

    def forget(self, token: str, chat: int | None) -> None:
        """Forget a chat, or an application with all its chats."""
        if chat is None and token in self._chats:
            self._count -= 1 + len(self._chats.pop(token))
        elif chat in self._chats.get(token, ()):
            self._chats[token].discard(chat)
            self._count -= 1

    def refused(self, token: str, chat: int | None, reason: Reason) -> NotFoundError | None:
        """Follow a gate that the log found closed: forget the parent and give its error."""
        if reason is Reason.APPLICATION_GONE:
            self.forget(token, None)
            return NotFoundError("ChatApplication")
        if reason is Reason.CHAT_GONE:
            self.forget(token, chat)
            return NotFoundError("Chat")
        if reason is Reason.MESSAGE_GONE:
            return NotFoundError("Message")
        return None

    async def _look_up(self, token: str, chat: int | None, then: Then) -> None:
        error: ParleyError | None = ParleyError("Internal error")
        try:
            with Deadline(self._answer_timeout_s):
                await self._finder.find_chat(token, chat)
            self.add(token, chat)
            error = None
        except ParleyError as refusal:
            error = refusal
        finally:
            then(error)  # in this task: what it writes has what is left of the time

    def _looked(self, body_bytes: int, lookup: asyncio.Task[None]) -> None:
        self._lookups.discard(lookup)
        self._capacity.give_back(body_bytes)
        lookup.result()  # a fault is told to the loop
