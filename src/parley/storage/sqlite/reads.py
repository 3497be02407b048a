"""Chats and messages as the database has them: single rows, pages, picks and scans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from parley.database.session import Session
from parley.database.sqlite import Database
from parley.domain.cursors import NUMBER_MAX, Window
from parley.domain.documents import ChatId
from parley.domain.errors import NotFoundError
from parley.domain.model import Chat, Message
from parley.domain.text import fold
from parley.storage.port import Page, Scan, Storage
from parley.storage.sqlite.rows import Row, chat_of, message_id, message_of, range_above, range_below
from parley.telemetry.clock import Clock

T = TypeVar("T")

_SCAN_SLICE: Final = 500
"""Messages a scan holds in memory, and looks at between two looks at the clock."""


class SqliteStorage:
    """Reads on the reader threads, each on one snapshot."""

    def __init__(self, database: Database, clock: Clock, scan_max_messages: int, scan_max_s: float) -> None:
        """Read ``database``; a scan stops after ``scan_max_messages`` rows or ``scan_max_s`` seconds."""
        self._database = database
        self._clock = clock
        self._scan_max_messages = scan_max_messages
        self._scan_max_s = scan_max_s

    async def find_chat(self, token: str, chat: int | None) -> ChatId:
        """Give the chat's ids (with 0 for the chat, if ``chat`` is ``None``) or raise `NotFoundError`."""
        return await self._database.read(partial(self._ids, token, chat))

    async def get_chat(self, token: str, chat: int) -> Chat:
        """Give one chat."""

        def work(session: Session) -> Chat:
            scope = (self._ids(token, None, session).application, chat)
            return chat_of(_one(session.rows("get_chat", *scope), "Chat"))

        return await self._database.read(work)

    async def page_chats(self, token: str, window: Window) -> Page[Chat]:
        """Give a page of live chats by number: one range read."""

        def work(session: Session) -> Page[Chat]:
            application = self._ids(token, None, session).application

            def above(number: int, limit: int) -> list[Row]:
                return session.rows("chats_after", application, number, limit)

            def below(number: int, limit: int) -> list[Row]:
                return session.rows("chats_before", application, number, limit)

            return _page(window, above, below, chat_of)

        return await self._database.read(work)

    async def get_message(self, token: str, chat: int, number: int) -> Message:
        """Give one message."""

        def work(session: Session) -> Message:
            key = message_id(self._ids(token, chat, session).chat, number)
            return message_of(
                _one(
                    session.rows(
                        "get_message",
                        key,
                    ),
                    "Message",
                )
            )

        return await self._database.read(work)

    async def page_messages(self, token: str, chat: int, window: Window) -> Page[Message]:
        """Give a page of live messages by number: one range read."""

        def work(session: Session) -> Page[Message]:
            chat_id = self._ids(token, chat, session).chat

            def above(number: int, limit: int) -> list[Row]:
                return session.rows("messages_after", *range_above(chat_id, number), limit)

            def below(number: int, limit: int) -> list[Row]:
                return session.rows("messages_before", *range_below(chat_id, number), limit)

            return _page(window, above, below, message_of)

        return await self._database.read(work)

    async def pick_messages(self, chat: ChatId, numbers: Sequence[int]) -> list[Message]:
        """Give those of the numbers that are live, ascending."""
        keys = [message_id(chat.chat, number) for number in sorted(numbers)]

        def work(session: Session) -> list[Message]:
            return [message_of(row) for row in session.pick("pick_messages", keys)]

        return await self._database.read(work)

    async def scan_messages(self, chat: ChatId, folded: str, after: int, limit: int) -> Scan:
        """Look through one chat for a folded text, slice by slice, bounded in rows and time."""
        found: list[Message] = []
        deadline = self._clock.monotonic() + self._scan_max_s
        for _ in range(0, self._scan_max_messages, _SCAN_SLICE):
            looked_at = await self._database.read(partial(_look_through, range_above(chat.chat, after), folded))
            found += looked_at.items
            if len(found) > limit:
                return Scan(found[:limit], found[limit - 1].number)
            if looked_at.next_after is None:
                return Scan(found, None)
            after = looked_at.next_after
            if self._clock.monotonic() > deadline:
                break
        return Scan(found, after)

    async def ping(self) -> None:
        """Return if the database answers."""
        await self._database.read(lambda session: session.rows("partition_ends"))

    def _ids(self, token: str, chat: int | None, session: Session) -> ChatId:
        found = session.rows("find_application", token)
        application: int = _one(found, "ChatApplication")[0]
        if chat is None:
            return ChatId(application, 0)
        return ChatId(application, _one(session.rows("find_chat", application, chat), "Chat")[0])


def _look_through(ids: tuple[int, int], folded: str, session: Session) -> Scan:
    """Look for the folded text in one slice; long bodies take their time, so not on the loop's thread."""
    rows = session.rows("bodies_after", *ids, _SCAN_SLICE)
    found = [message_of(row) for row in rows if row[1] is not None and folded in fold(row[1])]
    return Scan(found, rows[-1][0] if len(rows) == _SCAN_SLICE else None)


def _one(rows: list[Row], what: str) -> Row:
    if not rows:
        raise NotFoundError(what)
    return rows[0]


def _page(
    window: Window,
    above: Callable[[int, int], list[Row]],
    below: Callable[[int, int], list[Row]],
    make: Callable[[Row], T],
) -> Page[T]:
    """Read one row more than asked for, to know whether the page has a neighbour."""
    if window.before is not None:
        rows = below(window.before, window.limit + 1)
        more_before = len(rows) > window.limit
        items = [make(row) for row in reversed(rows[: window.limit])]
        return Page(items, more_before, bool(above(window.before - 1, 1)))
    after = window.after or 0
    rows = above(after, window.limit + 1)
    more_after = len(rows) > window.limit
    items = [make(row) for row in rows[: window.limit]]
    return Page(items, after > 0 and bool(below(min(after + 1, NUMBER_MAX), 1)), more_after)


if TYPE_CHECKING:
    _conforms: type[Storage] = SqliteStorage
