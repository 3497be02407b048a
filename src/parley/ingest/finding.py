"""Whether a parent is there, with a log of its own: it knows what is not stored yet."""

from __future__ import annotations

from typing import Protocol

from parley.domain.errors import NotFoundError
from parley.domain.grants import ScopeName
from parley.log.port import Feeding
from parley.storage.port import Storage


class Finder(Protocol):
    """Finds applications and chats by their public names."""

    async def find_chat(self, token: str, chat: int | None) -> object:
        """Return if the chat (the application, if ``chat`` is ``None``) is there, or raise `NotFoundError`."""


class LogFinder:
    """Asks the log, and the database about what the log does not know: that is stored, or was never there."""

    def __init__(self, feeding: Feeding, storage: Storage) -> None:
        """Ask ``feeding``, then ``storage``."""
        self._feeding = feeding
        self._storage = storage

    async def find_chat(self, token: str, chat: int | None) -> None:
        """Return if the parent is there."""
        is_open = await self._feeding.is_open(ScopeName(token, chat))
        if is_open is None:
            await self._storage.find_chat(token, chat)
        elif not is_open:
            await self._storage.find_chat(token, None)
            raise NotFoundError("Chat")
