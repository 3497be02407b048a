"""One connection to a SQLite file, with Parley's settings and named queries.

SQLite is opened through apsw, which brings a current SQLite and releases the interpreter while a
statement runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import apsw
import msgspec

from parley.domain.errors import ConfigurationError

_SMALLEST_FILE: Final = 512
"""SQLite takes anything smaller for a new database, and writes over it."""

_BUSY_TIMEOUT_MS: Final = 5_000
_SCRUB_WAIT_MS: Final = 100
"""For readers to end, while all writes wait: a page is read in less, and a backup is not waited for."""
_WAL_AUTOCHECKPOINT_PAGES: Final = 4_000
_WAL_SIZE_LIMIT_BYTES: Final = 64 * 1024 * 1024
_CACHE_KIB: Final = 32 * 1024
_READER_CACHE_KIB: Final = 8 * 1024


class File(NamedTuple):
    """Where a database lies and how it is synced; ``vfs`` names an apsw VFS, for fault tests."""

    path: Path
    synchronous: str = "full"
    vfs: str | None = None


Row = tuple[Any, ...]


class Session(apsw.Connection):
    """A connection that runs named queries, each to its end: an unread cursor would hold a lock."""

    queries: Mapping[str, str]
    overwrote: bool
    """Set by whoever overwrote content that must not be read again; cleared by `scrub`."""

    def rows(self, name: str, *bindings: object) -> list[Row]:
        """Run one named query and give its rows."""
        return self.execute(self.queries[name], bindings).fetchall()

    def pick(self, name: str, wanted: Sequence[object], *bindings: object) -> list[Row]:
        """Run one named query whose first binding is a JSON array, and whose one row is another: give its elements.

        Many rows travel in one statement each way, because between two steps of a statement other
        threads run, and a busy one does not give the interpreter back for a while.
        """
        return elements(self.rows(name, _encode(wanted), *bindings)[0][0]) if wanted else []

    def put(self, name: str, rows: object, *bindings: object) -> None:
        """Run one named query whose first binding is JSON; text travels unchanged, bytes must be hex."""
        self.rows(name, _encode(rows), *bindings)


def elements(written: str) -> list[Row]:
    """Read a JSON array of rows, as a query gives it."""
    rows: list[Row] = msgspec.json.decode(written)
    return rows


def _encode(values: object) -> str:
    return msgspec.json.encode(values).decode()


def connect(file: File, queries: Mapping[str, str] | None = None, *, read_only: bool = False) -> Session:
    """Open one connection with Parley's settings: WAL, and deleted content overwritten.

    Raises:
        ConfigurationError: the file cannot be opened, or is no database.
    """
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    try:
        session = Session(str(file.path), flags=flags, vfs=file.vfs)
        session.queries = queries or {}
        session.overwrote = False
        session.set_busy_timeout(_BUSY_TIMEOUT_MS)
        session.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)  # else each execution of a join plans it anew: 21 us, not 5
        if not read_only:
            session.execute("pragma journal_mode = wal").fetchall()
            session.execute(f"pragma synchronous = {file.synchronous}").fetchall()
            session.execute("pragma secure_delete = on").fetchall()
            session.execute("pragma temp_store = memory").fetchall()
            session.execute(f"pragma journal_size_limit = {_WAL_SIZE_LIMIT_BYTES}").fetchall()
            session.execute(f"pragma wal_autocheckpoint = {_WAL_AUTOCHECKPOINT_PAGES}").fetchall()
        cache = _READER_CACHE_KIB if read_only else _CACHE_KIB
        session.execute(f"pragma cache_size = -{cache}").fetchall()
    except apsw.Error as error:
        raise ConfigurationError(f"cannot open the database {file.path}: {error}") from error
    return session


@contextmanager
def peek(file: File) -> Iterator[Session]:
    """Look into a file without leaving a trace beside it, if nobody else has it open.

    Raises:
        ConfigurationError: the file cannot be opened, or is no database.
    """
    if 0 < file.path.stat().st_size < _SMALLEST_FILE:
        raise ConfigurationError(f"{file.path} is not a database; name another file, or move it away")
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    name = f"file:{quote(str(file.path))}"
    if not file.path.with_name(f"{file.path.name}-wal").exists():
        name += "?immutable=1"
    try:
        with closing(Session(name, flags, vfs=file.vfs)) as session:
            yield session
    except apsw.Error as error:
        raise ConfigurationError(f"cannot read the database {file.path}: {error}") from error


def scrub(session: Session) -> None:
    """Empty the write-ahead file if it may hold pages with overwritten content, unless somebody reads it for long."""
    if session.overwrote:
        session.set_busy_timeout(_SCRUB_WAIT_MS)
        try:
            busy, _, _ = session.execute("pragma wal_checkpoint(truncate)").fetchall()[0]
        finally:
            session.set_busy_timeout(_BUSY_TIMEOUT_MS)
        session.overwrote = bool(busy)
