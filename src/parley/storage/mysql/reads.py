"""Chats and messages as the database has them: single rows, pages, picks and scans."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.domain.cursors import NUMBER_MAX, Window
from parley.domain.documents import ChatId
from parley.domain.errors import NotFoundError
from parley.domain.events import NUMBER_LIMIT
from parley.domain.model import Chat, Message
from parley.domain.text import fold
from parley.storage.mysql.rows import Row, chat_of, message_of
from parley.storage.port import Page, Scan, Storage
from parley.telemetry.clock import Clock

T = TypeVar("T")

_SCAN_SLICE: Final = 500
"""Messages a scan holds in memory, and looks at between two looks at the clock."""
_PICK_SLICE: Final = 500
"""From 1,000 on MariaDB makes a table of the numbers first."""


class MySqlStorage:
    """Reads on the pool; each statement sees what is committed at its start."""

    def __init__(self, database: Database, clock: Clock, scan_max_messages: int, scan_max_s: float) -> None:
        """Read ``database``; a scan stops after ``scan_max_messages`` rows or ``scan_max_s`` seconds."""
        self._database = database
        self._clock = clock
        self._scan_max_messages = scan_max_messages
        self._scan_max_s = scan_max_s

    async def find_chat(self, token: str, chat: int | None) -> ChatId:
        """Give the chat's ids (with 0 for the chat, if ``chat`` is ``None``) or raise `NotFoundError`."""
        if chat is None:
            return ChatId(await self._database.read(lambda session: _find_application(session, token)), 0)
        return await self._database.read(lambda session: _find_chat(session, token, chat))

    async def get_chat(self, token: str, chat: int) -> Chat:
        """Give one chat."""

        async def work(session: Session) -> Chat:
            row = _one(await session.rows("get_chat", chat, token.encode()), "ChatApplication")
            if row[1] is None:
                raise NotFoundError("Chat")
            return chat_of(row[1:])

        return await self._database.read(work)

    async def page_chats(self, token: str, window: Window) -> Page[Chat]:
        """Give a page of live chats by number: one range read."""

        async def work(session: Session) -> Page[Chat]:
            application = await _find_application(session, token)

            async def above(number: int, limit: int) -> list[Row]:
                return await session.rows("chats_after", application, number, limit)

            async def below(number: int, limit: int) -> list[Row]:
                return await session.rows("chats_before", application, number, limit)

            return await _page(window, above, below, chat_of)

        return await self._database.read(work)

    async def get_message(self, token: str, chat: int, number: int) -> Message:
        """Give one message."""

        async def work(session: Session) -> Message:
            rows = await session.rows("get_message", chat, number, token.encode())
            _ids(rows)
            return message_of(_one([row[2:] for row in rows if row[2] is not None], "Message"))

        return await self._database.read(work)

    async def page_messages(self, token: str, chat: int, window: Window) -> Page[Message]:
        """Give a page of live messages by number: one range read, in one statement with all it depends on."""
        if window.before is None:
            name, bound, beside = "messages_after", window.after or 0, (0, window.after or 0)
        else:
            name, bound, beside = "messages_before", window.before, (window.before, NUMBER_MAX)
        place = token.encode(), token.encode(), chat, bound

        async def work(session: Session) -> Page[Message]:
            rows = await session.rows(name, *place, *place, window.limit + 1)
            told = rows or await session.rows("empty_page", *beside, chat, token.encode())
            if not rows:
                _ids(told)
            return _page_of(window, [row[:-1] for row in rows], message_of, is_neighboured=bool(told[0][-1]))

        return await self._database.read(work)

    async def pick_messages(self, chat: ChatId, numbers: Sequence[int]) -> list[Message]:
        """Give those of the numbers that are live, ascending."""
        wanted = sorted({number for number in numbers if 0 < number <= NUMBER_LIMIT})

        async def work(session: Session) -> list[Message]:
            found: list[Message] = []
            for start in range(0, len(wanted), _PICK_SLICE):
                slice_ = tuple(wanted[start : start + _PICK_SLICE])
                found += map(message_of, await session.rows("pick_messages", *chat, slice_))
            return found

        return await self._database.read(work)

    async def scan_messages(self, chat: ChatId, folded: str, after: int, limit: int) -> Scan:
        """Look through one chat for a folded text, slice by slice, bounded in rows and time."""
        found: list[Message] = []
        deadline = self._clock.monotonic() + self._scan_max_s
        for _ in range(0, self._scan_max_messages, _SCAN_SLICE):
            rows = await self._slice(chat, after)
            found += await asyncio.to_thread(_matching, rows, folded)  # long bodies take their time
            if len(found) > limit:
                return Scan(found[:limit], found[limit - 1].number)
            if len(rows) < _SCAN_SLICE:
                return Scan(found, None)
            after = rows[-1][0]
            if self._clock.monotonic() > deadline:
                break
        return Scan(found, after)

    async def ping(self) -> None:
        """Return if the database answers."""
        await self._database.read(lambda session: session.rows("partition_ends"))

    async def _slice(self, chat: ChatId, after: int) -> list[Row]:
        return await self._database.read(lambda session: session.rows("bodies_after", *chat, after, _SCAN_SLICE))


def _matching(rows: Sequence[Row], folded: str) -> list[Message]:
    return [message_of(row) for row in rows if row[1] is not None and folded in fold(row[1])]


async def _find_application(session: Session, token: str) -> int:
    application: int = _one(await session.rows("find_application", token.encode()), "ChatApplication")[0]
    return application


async def _find_chat(session: Session, token: str, chat: int) -> ChatId:
    return _ids(await session.rows("find_chat", chat, token.encode()))


def _ids(rows: Sequence[Row]) -> ChatId:
    """Give the ids of application and chat with which the first row begins; there may be none of either."""
    application, chat, *_ = _one(rows, "ChatApplication")
    if chat is None:
        raise NotFoundError("Chat")
    return ChatId(application, chat)


def _one(rows: Sequence[Row], what: str) -> Row:
    if not rows:
        raise NotFoundError(what)
    return rows[0]


async def _page(
    window: Window,
    above: Callable[[int, int], Awaitable[list[Row]]],
    below: Callable[[int, int], Awaitable[list[Row]]],
    make: Callable[[Row], T],
) -> Page[T]:
    if window.before is not None:
        rows = await below(window.before, window.limit + 1)
        return _page_of(window, rows, make, is_neighboured=bool(await above(window.before - 1, 1)))
    after = window.after or 0
    rows = await above(after, window.limit + 1)
    is_neighboured = after > 0 and bool(await below(min(after + 1, NUMBER_MAX), 1))
    return _page_of(window, rows, make, is_neighboured=is_neighboured)


def _page_of(window: Window, rows: Sequence[Row], make: Callable[[Row], T], *, is_neighboured: bool) -> Page[T]:
    """Make a page of one row more than was asked for, if there are so many, in the order in which they were read."""
    has_more = len(rows) > window.limit
    items = [make(row) for row in rows[: window.limit]]
    if window.before is None:
        return Page(items, is_neighboured, has_more)
    return Page(items[::-1], has_more, is_neighboured)


if TYPE_CHECKING:
    _conforms: type[Storage] = MySqlStorage
