"""The search port on one SQLite file: a writer thread that indexes, reader threads that search."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import structlog

from parley.database.session import Session
from parley.database.sqlite import Database
from parley.domain.documents import WHOLE_CHAT, ChatId, Document
from parley.domain.errors import ConfigurationError, OutcomeUnknownError, UnavailableError
from parley.domain.events import NUMBER_LIMIT, Position
from parley.domain.text import fold
from parley.search.port import Candidates, SearchIndex, Upkeep
from parley.search.sqlite.file import is_damage, open_file, remove, truncate_wal
from parley.search.sqlite.phrases import indexable, match_expression

_NUMBER_BITS: Final = 32
_CHAT_LIMIT: Final = 2**31 - 1
_NOOP_CHANGES: Final = 2
"""A merge that changed fewer rows than this had nothing to do, says SQLite's manual."""

_log = structlog.get_logger(__name__)
T = TypeVar("T")


class SqliteSearch:
    """An FTS5 trigram index whose keys are chat id << 32 | number, so that a chat is one range."""

    shortest = 3

    def __init__(self, path: Path) -> None:
        """Open the file, afresh if need be."""
        self._path = path
        self._database: Database | None = open_file(path)
        self._damaged = False
        self._cleared = 0

    async def start(self) -> None:
        """Do nothing: the file was opened."""

    async def index(self, documents: Sequence[Document], positions: Mapping[int, Position]) -> None:
        """Put or remove the documents, and remember each partition's position with them."""
        chats, removed, kept = _sort(documents)

        def work(session: Session) -> None:
            if kept:
                bodies = _json({key: indexable(fold(body)) for key, body in kept})
                session.rows("mark_replaced", bodies)
                session.rows("put_documents", bodies)
            if removed or chats:
                session.rows("mark_removed")
                session.rows("remove_documents", _json(removed))
            for chat_id in chats:
                session.rows("remove_chat", *_range(chat_id, 0))
            for partition, position in positions.items():
                session.rows("put_position", partition, *position)

        await self._answer(self._open().write(work))

    async def candidates(self, chat: ChatId, folded: str, after: int, limit: int) -> Candidates:
        """Give up to ``limit`` numbers above ``after`` whose message may hold ``folded``."""
        if len(folded) < self.shortest:
            raise ValueError(f"{len(folded)} code points are too few for the index")
        expression = match_expression(folded)
        low, high = _range(chat.chat, after)

        def work(session: Session) -> list[int] | None:
            if not session.rows("positions"):
                return None
            return [row[0] & NUMBER_LIMIT for row in session.rows("candidates", expression, low, high, limit)]

        numbers = await self._answer(self._open().read(work))
        if numbers is None:
            raise _unavailable("The search index is being built")
        return Candidates(numbers, numbers[-1] if len(numbers) == limit else None)

    async def positions(self) -> dict[int, Position]:
        """Give the last indexed position by partition; start afresh if the file was found damaged."""
        if self._damaged:
            await self.clear()
        rows = await self._answer(self._open().read(lambda session: session.rows("positions")))
        return {partition: Position(epoch, id_) for partition, epoch, id_ in rows}

    async def clear(self) -> None:
        """Put an empty file in the place of this one: quicker than emptying it, and it mends damage."""
        old, self._database, self._damaged = self._database, None, True
        try:
            self._database = await asyncio.to_thread(_replace, old, self._path)
        except (ConfigurationError, OSError) as error:
            raise _unavailable("The search index cannot be made anew") from error
        self._damaged = False
        self._cleared += 1

    async def name(self) -> str:
        """Count the files of this process, which alone puts others in their place."""
        return str(self._cleared)

    async def ping(self) -> None:
        """Return if the index answers."""
        await self._answer(self._open().read(lambda session: session.rows("identity")))

    async def sync(self) -> None:
        """Sync the write-ahead log, once for many transactions: SQLite itself does it per checkpoint only."""

        def work(_: Session) -> None:
            log = os.open(self._path.with_name(self._path.name + "-wal"), os.O_RDONLY)
            try:
                os.fsync(log)
            finally:
                os.close(log)

        await self._answer(self._open().maintain(work))

    async def tidy(self) -> bool:
        """Write the index anew without removed text, some pages a call, then empty the write-ahead log."""
        database = self._open()
        left = await self._answer(database.write(_merge_slice))
        if left is None:
            if not await self._answer(asyncio.to_thread(truncate_wal, database.file)):
                return True
            left = await self._answer(database.write(_end_merging))
        return left

    async def close(self) -> None:
        """Finish what was handed in and close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> Database:
        if self._database is None or self._damaged:
            raise _unavailable("The search index is being made anew")
        return self._database

    async def _answer(self, outcome: Awaitable[T]) -> T:
        try:
            return await outcome
        except (UnavailableError, OutcomeUnknownError) as error:
            if is_damage(error) and not self._damaged:
                self._damaged = True
                _log.error("search index damaged", path=str(self._path), error=str(error.__cause__))
            raise _unavailable("The search index does not answer") from error
        except OSError as error:
            raise _unavailable("The search index cannot be synced") from error


def _unavailable(detail: str) -> UnavailableError:
    return UnavailableError(detail, code="search_unavailable")


def _replace(old: Database | None, path: Path) -> Database:
    if old is not None:
        old.close()
    remove(path)
    return open_file(path)


def _sort(documents: Sequence[Document]) -> tuple[list[int], list[int], list[tuple[int, str]]]:
    """Part the documents into chats that are gone, keys that are gone, and bodies by rising key."""
    chats: list[int] = []
    latest: dict[int, str | None] = {}
    for chat_id, number, body, *_ in documents:
        if not 0 <= number <= NUMBER_LIMIT or not 0 < chat_id <= _CHAT_LIMIT:
            raise ValueError(f"chat id {chat_id}, number {number} has no place in the index")
        if number == WHOLE_CHAT:
            chats.append(chat_id)
        else:
            latest[chat_id << _NUMBER_BITS | number] = body
    removed = sorted(key for key, body in latest.items() if body is None)
    kept = sorted((key, body) for key, body in latest.items() if body is not None)
    return chats, removed, kept


def _range(chat_id: int, after: int) -> tuple[int, int]:
    """Give (low, high) so that ``low < key <= high`` are the chat's messages above ``after``."""
    first = chat_id << _NUMBER_BITS
    return first | min(max(after, 0), NUMBER_LIMIT), first | NUMBER_LIMIT


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _merge_slice(session: Session) -> bool | None:
    """Do a slice; give whether there is more, ``None`` when everything was merged just now."""
    dirty, merging = session.rows("upkeep")[0]
    if merging:
        before = session.total_changes()
        session.rows("merge")
        return True if session.total_changes() - before >= _NOOP_CHANGES else None
    if dirty:
        session.rows("begin_merging")
        session.rows("merge_everything")
    return bool(dirty)


def _end_merging(session: Session) -> bool:
    session.rows("end_merging")
    return False


if TYPE_CHECKING:
    _conforms: type[SearchIndex] = SqliteSearch
    _tidies: type[Upkeep] = SqliteSearch
