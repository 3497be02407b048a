"""Chats and messages as the database has them: single rows, pages, picks and scans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from parley.database.session import Session, elements
from parley.database.sqlite import Database
from parley.domain.cursors import Window
from parley.domain.documents import ChatId
from parley.domain.errors import NotFoundError
from parley.domain.events import NUMBER_LIMIT
from parley.domain.model import Chat, Message
from parley.domain.text import fold
from parley.storage.port import Page, Scan, Storage
from parley.storage.sqlite.rows import Row, chat_of, message_id, message_of, range_above
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

        def work(session: Session) -> ChatId:
            if chat is None:
                return ChatId(_one(session.rows("find_application", token), "ChatApplication")[0], 0)
            return ChatId(*_in_chat(session.rows("find_chat", token, chat)))

        return await self._database.read_once(work)

    async def get_chat(self, token: str, chat: int) -> Chat:
        """Give one chat."""
        return await self._database.read_once(
            lambda session: chat_of(_in_chat(session.rows("get_chat", token, chat))[1:])
        )

    async def page_chats(self, token: str, window: Window) -> Page[Chat]:
        """Give a page of live chats by number: one range read."""
        name, bound = ("chats_after", window.after or 0) if window.before is None else ("chats_before", window.before)

        def work(session: Session) -> Page[Chat]:
            row = _one(session.rows(name, token, bound, window.limit + 1), "ChatApplication")
            return _page(window, row, chat_of)

        return await self._database.read_once(work)

    async def get_message(self, token: str, chat: int, number: int) -> Message:
        """Give one message."""
        bound = number if number <= NUMBER_LIMIT else 0

        def work(session: Session) -> Message:
            message = _in_chat(session.rows("get_message", token, chat, bound))[2:]
            if message[0] is None:
                raise NotFoundError("Message")
            return message_of(message)

        return await self._database.read_once(work)

    async def page_messages(self, token: str, chat: int, window: Window) -> Page[Message]:
        """Give a page of live messages by number: one range read."""
        if window.before is None:
            name, bound = "messages_after", min(window.after or 0, NUMBER_LIMIT)
        else:
            name, bound = "messages_before", min(window.before, NUMBER_LIMIT + 1)

        def work(session: Session) -> Page[Message]:
            row = _in_chat(session.rows(name, token, chat, bound, window.limit + 1))
            return _page(window, row, message_of)

        return await self._database.read_once(work)

    async def pick_messages(self, chat: ChatId, numbers: Sequence[int]) -> list[Message]:
        """Give those of the numbers that are live, ascending."""
        keys = [message_id(chat.chat, number) for number in sorted(numbers)]

        def work(session: Session) -> list[Message]:
            return [message_of(row) for row in session.pick("pick_messages", keys)]

        return await self._database.read_once(work)

    async def scan_messages(self, chat: ChatId, folded: str, after: int, limit: int) -> Scan:
        """Look through one chat for a folded text, slice by slice, bounded in rows and time."""
        found: list[Message] = []
        deadline = self._clock.monotonic() + self._scan_max_s
        for _ in range(0, self._scan_max_messages, _SCAN_SLICE):
            looked_at = await self._database.read_once(partial(_look_through, range_above(chat.chat, after), folded))
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
        await self._database.read_once(lambda session: session.rows("partition_ends"))


def _look_through(ids: tuple[int, int], folded: str, session: Session) -> Scan:
    """Look for the folded text in one slice; long bodies take their time, so not on the loop's thread."""
    rows = session.rows("bodies_after", *ids, _SCAN_SLICE)
    found = [message_of(row) for row in rows if row[1] is not None and folded in fold(row[1])]
    return Scan(found, rows[-1][0] if len(rows) == _SCAN_SLICE else None)


def _one(rows: list[Row], what: str) -> Row:
    if not rows:
        raise NotFoundError(what)
    return rows[0]


def _in_chat(rows: list[Row]) -> Row:
    """Give the one row, which begins with the application and tells next whether the chat is there."""
    row = _one(rows, "ChatApplication")
    if row[1] is None:
        raise NotFoundError("Chat")
    return row


def _page(window: Window, row: Row, make: Callable[[Row], T]) -> Page[T]:
    """Make a page of a row that ends with whether there is a neighbour, and with one item more than asked for."""
    *_, is_neighboured, written = row
    rows = elements(written)
    has_more = len(rows) > window.limit
    items = [make(each) for each in rows[: window.limit]]
    if window.before is None:
        return Page(items, bool(is_neighboured), has_more)
    return Page(items[::-1], has_more, bool(is_neighboured))


if TYPE_CHECKING:
    _conforms: type[Storage] = SqliteStorage
