"""The storage port for readers beside a log of its own: each read is of everything that was acknowledged before it.

While the log's end cannot be read, what the database does not know is unknown, not absent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from parley.domain.cursors import Window
from parley.domain.documents import ChatId
from parley.domain.errors import NotFoundError, UnavailableError
from parley.domain.model import Chat, Message
from parley.queries.following import Follower
from parley.queries.overlaid import Overlaid
from parley.storage.port import Page, Scan, Storage

T = TypeVar("T")
Asked = ParamSpec("Asked")


class CaughtUp:
    """Catches up with the log, then asks."""

    def __init__(self, follower: Follower, overlaid: Overlaid) -> None:
        """Catch up ``follower`` before each question to ``overlaid``."""
        self._follower = follower
        self._overlaid = overlaid

    async def find_chat(self, token: str, chat: int | None) -> ChatId:
        """Give the chat's ids."""
        if chat is None:  # applications are in the database before they are answered
            return await self._overlaid.find_chat(token, None)
        return await self._ask(self._overlaid.find_chat, token, chat)

    async def get_chat(self, token: str, chat: int) -> Chat:
        """Give one chat."""
        return await self._ask(self._overlaid.get_chat, token, chat)

    async def page_chats(self, token: str, window: Window) -> Page[Chat]:
        """Give a page of live chats by number."""
        return await self._ask(self._overlaid.page_chats, token, window)

    async def get_message(self, token: str, chat: int, number: int) -> Message:
        """Give one message."""
        return await self._ask(self._overlaid.get_message, token, chat, number)

    async def page_messages(self, token: str, chat: int, window: Window) -> Page[Message]:
        """Give a page of live messages by number."""
        return await self._ask(self._overlaid.page_messages, token, chat, window)

    async def pick_messages(self, chat: ChatId, numbers: Sequence[int]) -> list[Message]:
        """Give those of the numbers that are live, ascending."""
        return await self._ask(self._overlaid.pick_messages, chat, numbers)

    async def scan_messages(self, chat: ChatId, folded: str, after: int, limit: int) -> Scan:
        """Look through the stored messages of one chat."""
        return await self._ask(self._overlaid.scan_messages, chat, folded, after, limit)

    async def ping(self) -> None:
        """Return if the database answers."""
        await self._overlaid.ping()

    async def _ask(self, ask: Callable[Asked, Awaitable[T]], *asked: Asked.args, **named: Asked.kwargs) -> T:
        is_caught_up = await self._follower.catch_up()
        if not is_caught_up:
            self._follower.note_lack()
        try:
            return await ask(*asked, **named)
        except NotFoundError as error:
            if not is_caught_up and error.code != "application_not_found":
                raise UnavailableError("The end of the log cannot be read", code="log_unavailable") from error
            raise


if TYPE_CHECKING:
    _conforms: type[Storage] = CaughtUp
