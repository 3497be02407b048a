"""What a database holds of an application, read behind the product's back: rows, tombstones, ledger, letters."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from parley.verify.history import Row
from tests.faults.words import sha_of, value_of
from tests.support.engines.mariadb import MariaDbServer

_ESCAPED: Final = re.compile(r"\\(.)")
_MEANT: Final = {"n": "\n", "t": "\t", "0": "\0"}
"""What the client of MariaDB writes into its lines in the place of these."""


class StoredChat(NamedTuple):
    """One scope: a chat, or with number 0 an application as a scope of chats."""

    id: int
    number: int
    rows: tuple[Row, ...]
    tombstones: tuple[int, ...]
    gaps: tuple[tuple[int, int], ...]
    letters: tuple[int, ...]
    live: int
    """How many the scope says that it has."""
    is_gone: bool


class Rows(Protocol):
    """Asks for rows; texts come as text, absent values as ``None``."""

    def __call__(self, statement: str) -> list[tuple[Any, ...]]:
        """Give all rows of a statement."""


class Dialect(NamedTuple):
    """Where the two schemas differ."""

    messages: str
    letters: str


SQLITE = Dialect(
    messages="select id >> 32, id & 4294967295, body, deleted_at from message order by id",
    letters="select c.number, l.number, l.number from dead_letter l join chat c on c.id = l.chat_id"
    " where l.application_id = {id}",
)
MARIADB = Dialect(
    messages="select chat_id, number, body, deleted_at from message where application_id = {id}"
    " order by chat_id, number",
    letters="select l.chat, l.first, l.last from dead_letter l where l.token = '{token}'",
)


def read_stored(rows: Rows, dialect: Dialect, token: str) -> Iterator[StoredChat]:
    """Give an application's own scope, then that of every chat that it ever had."""
    ((id_, count),) = rows(f"select id, chats_count from application where token = '{token}'")  # noqa: S608
    chats = rows(
        f"select id, number, title, messages_count, deleted_at from chat where application_id = {id_} order by number"  # noqa: S608
    )
    gaps = _ranges(rows(f"select chat_id, first, last from gap where application_id = {id_}"))  # noqa: S608
    letters = _ranges(rows(dialect.letters.format(id=id_, token=token)))
    live = tuple(_row(number, title) for _, number, title, _, deleted_at in chats if deleted_at is None)
    gone = tuple(number for _, number, _, _, deleted_at in chats if deleted_at is not None)
    yield StoredChat(0, 0, live, gone, tuple(gaps[0]), (), count, is_gone=False)
    messages = defaultdict(list)
    for chat_id, number, body, deleted_at in rows(dialect.messages.format(id=id_)):
        messages[chat_id].append((number, body, deleted_at))
    for chat_id, number, _, count, deleted_at in chats:
        mine = messages[chat_id]
        yield StoredChat(
            chat_id,
            number,
            tuple(_row(number, body) for number, body, deleted in mine if deleted is None),
            tuple(number for number, _, deleted in mine if deleted is not None),
            tuple(gaps[chat_id]),
            tuple(n for first, last in letters[number] for n in range(first, last + 1)),
            count,
            is_gone=deleted_at is not None,
        )


def sqlite_rows(file: Path) -> Rows:
    """Ask an SQLite file that a server may be using."""

    def rows(statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            return database.execute(statement).fetchall()

    return rows


def mariadb_rows(server: MariaDbServer, database: str) -> Rows:
    """Ask a MariaDB, as its own client does."""

    def rows(statement: str) -> list[tuple[Any, ...]]:
        return [tuple(_read(field) for field in line) for line in server.run(statement, database)]

    return rows


def _read(field: str) -> Any:  # noqa: ANN401 - a number, a text, or nothing
    if field == "NULL":
        return None
    if field.isdecimal():
        return int(field)
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), field)


def _ranges(found: Iterable[tuple[Any, ...]]) -> defaultdict[int, list[tuple[int, int]]]:
    ranges: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for scope, first, last in found:
        ranges[scope or 0].append((first, last))
    return ranges


def _row(number: int, whole: str | None) -> Row:
    return Row(number, value_of(whole or ""), sha_of(whole or ""))
