"""Whether a parent is there, with a log of its own: it knows what is not stored yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from parley.domain.errors import NotFoundError, UnavailableError
from parley.domain.grants import ScopeName
from parley.log.port import Feeding
from parley.storage.port import Storage


class Finder(Protocol):
    """Finds applications and chats by their public names."""

    async def find_chat(self, token: str, chat: int | None) -> object:
        """Return if the chat (the application, if ``chat`` is ``None``) is there, or raise `NotFoundError`."""


class LogFinder:
    """Asks the log, and the database about what the log does not know: that is stored, or was never there.

    While the log is away, a chat that the database does not know may be there all the same.
    """

    def __init__(self, feeding: Feeding, storage: Storage, is_away: Callable[[str], bool]) -> None:
        """Ask ``feeding``, then ``storage``; of a token ``is_away`` says that its log cannot be asked."""
        self._feeding = feeding
        self._storage = storage
        self._is_away = is_away

    async def find_chat(self, token: str, chat: int | None) -> None:
        """Return if the parent is there.

        Raises:
            NotFoundError: it is not.
            UnavailableError: nobody can tell.
        """
        if self._is_away(token):
            await self._find_stored(token, chat)
            return
        is_open = await self._feeding.is_open(ScopeName(token, chat))
        if is_open is None:
            await self._storage.find_chat(token, chat)
        elif not is_open:
            await self._storage.find_chat(token, None)
            raise NotFoundError("Chat")

    async def _find_stored(self, token: str, chat: int | None) -> None:
        try:
            await self._storage.find_chat(token, chat)
        except NotFoundError as error:
            if error.code == "application_not_found":  # applications are stored before they are answered
                raise
            raise UnavailableError("The log is away, which may have this chat", code="log_unavailable") from error
