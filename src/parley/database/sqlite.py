"""One SQLite file: a writer thread that owns all writes, and reader threads beside it.

SQLite is opened through apsw, which brings a current SQLite and releases the interpreter while a
statement runs. One connection a thread: a connection shared by threads fails inside transactions.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar

import apsw
import msgspec

from parley.domain.errors import ConfigurationError, OutcomeUnknownError, UnavailableError

_VALUES: Final = re.compile(r"\bvalues\s+(\((?:\?,\s*)*\?\))")
_LARGEST_CHUNK: Final = 256
_STATEMENT_CACHE: Final = 256
_BUSY_TIMEOUT_MS: Final = 5_000
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

    def rows(self, name: str, *bindings: object) -> list[Row]:
        """Run one named query and give its rows."""
        return self.execute(self.queries[name], bindings).fetchall()

    def each(self, name: str, bindings: Iterable[Row]) -> list[Row]:
        """Run one named query for each of the bindings and give all rows, in order."""
        return self.executemany(self.queries[name], bindings).fetchall()

    def pick(self, name: str, bindings: Sequence[Row]) -> list[Row]:
        """Run one named query with its ``values (…)`` repeated for the bindings.

        The query's one row is a JSON array; its elements are given. One row instead of many,
        because each row that is fetched hands the interpreter to other threads, and a busy one
        keeps it for a while.
        """
        found: list[Row] = []
        start = 0
        while start < len(bindings):
            count = min(_LARGEST_CHUNK, 1 << (len(bindings) - start).bit_length() - 1)
            sql = repeat_values(self.queries[name], count)
            chunk = tuple(chain.from_iterable(bindings[start : start + count]))
            row: Row = self.execute(sql, chunk).fetchall()[0]
            found += msgspec.json.decode(row[0])
            start += count
        return found


@lru_cache(maxsize=1024)
def repeat_values(sql: str, count: int) -> str:
    """Give ``sql`` with its ``values (?, …)`` group repeated ``count`` times."""
    return _VALUES.sub(lambda found: "values " + ", ".join([found[1]] * count), sql)


T = TypeVar("T")
Work = Callable[[Session], T]


def connect(file: File, queries: Mapping[str, str] | None = None, *, read_only: bool = False) -> Session:
    """Open one connection with Parley's settings: WAL, and deleted content overwritten.

    Raises:
        ConfigurationError: the file cannot be opened, or is no database.
    """
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    try:
        connection = Session(str(file.path), flags=flags, vfs=file.vfs, statementcachesize=_STATEMENT_CACHE)
        connection.queries = queries or {}
        connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
        if not read_only:
            connection.execute("pragma journal_mode = wal").fetchall()
            connection.execute(f"pragma synchronous = {file.synchronous}").fetchall()
            connection.execute("pragma secure_delete = on").fetchall()
            connection.execute(f"pragma journal_size_limit = {_WAL_SIZE_LIMIT_BYTES}").fetchall()
            connection.execute(f"pragma wal_autocheckpoint = {_WAL_AUTOCHECKPOINT_PAGES}").fetchall()
        cache = _READER_CACHE_KIB if read_only else _CACHE_KIB
        connection.execute(f"pragma cache_size = -{cache}").fetchall()
    except apsw.Error as error:
        raise ConfigurationError(f"cannot open the database {file.path}: {error}") from error
    return connection


class _Job(NamedTuple):
    work: Work[object]
    future: asyncio.Future[object]
    loop: asyncio.AbstractEventLoop


class Database:
    """A pool on one file. `write` runs in one transaction each, in order; `read` runs beside."""

    def __init__(self, file: File, queries: Mapping[str, str] | None = None, *, readers: int) -> None:
        """Open the connections and start the threads. The file is created if it is not there."""
        self.file = file
        self._writes: SimpleQueue[_Job | None] = SimpleQueue()
        self._reads: SimpleQueue[_Job | None] = SimpleQueue()
        writer = connect(file, queries)
        self._threads = [_start(f"{file.path.name}-writer", _serve, self._writes, writer, _transact)]
        for index in range(readers):
            reader = connect(file, queries, read_only=True)
            self._threads.append(_start(f"{file.path.name}-reader-{index}", _serve, self._reads, reader, _snapshot))
        self._readers = readers

    def write(self, work: Work[T]) -> asyncio.Future[T]:
        """Run ``work(connection)`` in one transaction on the writer thread.

        Raises (through the future):
            UnavailableError: SQLite failed and certainly nothing was written.
            OutcomeUnknownError: the commit itself failed.
        """
        return _submit(self._writes, work)

    def read(self, work: Work[T]) -> asyncio.Future[T]:
        """Run ``work(connection)`` on one snapshot on a reader thread.

        Raises (through the future):
            UnavailableError: SQLite failed.
        """
        return _submit(self._reads, work)

    def close(self) -> None:
        """Finish what was handed in, close the connections, end the threads."""
        self._writes.put(None)
        for _ in range(self._readers):
            self._reads.put(None)
        for thread in self._threads:
            thread.join()


def _submit(queue: SimpleQueue[_Job | None], work: Work[T]) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    queue.put(_Job(work, future, loop))  # type: ignore[arg-type]  # a future of T is filled with a T only
    return future


def _start(name: str, target: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, name=name, daemon=True)
    thread.start()
    return thread


def _serve(
    queue: SimpleQueue[_Job | None],
    connection: Session,
    run: Callable[[Session, Work[object]], object],
) -> None:
    while (job := queue.get()) is not None:
        try:
            result = run(connection, job.work)
        except Exception as error:  # noqa: BLE001 - handed to the caller, who is in another thread
            _settle(job, _failed, error)
        else:
            _settle(job, _done, result)
    connection.close()


def _settle(job: _Job, settle: Callable[[asyncio.Future[object], object], None], value: object) -> None:
    if not job.loop.is_closed():
        job.loop.call_soon_threadsafe(settle, job.future, value)


def _done(future: asyncio.Future[object], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _failed(future: asyncio.Future[object], error: object) -> None:
    if not future.done() and isinstance(error, Exception):
        future.set_exception(error)


def _transact(connection: Session, work: Work[object]) -> object:
    try:
        connection.execute("begin immediate").fetchall()
        try:
            result = work(connection)
        except BaseException:
            connection.execute("rollback").fetchall()
            raise
    except apsw.Error as error:
        raise UnavailableError("The database does not answer", code="database_unavailable") from error
    _commit(connection)
    return result


def _commit(connection: Session) -> None:
    try:
        connection.execute("commit").fetchall()
    except apsw.Error as error:
        if connection.in_transaction:
            connection.execute("rollback").fetchall()
        raise OutcomeUnknownError("The commit failed; the write may exist") from error


def _snapshot(connection: Session, work: Work[object]) -> object:
    try:
        connection.execute("begin").fetchall()
        try:
            return work(connection)
        finally:
            connection.execute("rollback").fetchall()
    except apsw.Error as error:
        raise UnavailableError("The database does not answer", code="database_unavailable") from error


def integrity(file: File) -> list[str]:
    """Give what SQLite's own integrity check finds in a file; empty when it is sound."""
    connection = connect(file, read_only=True)
    try:
        rows = connection.execute("pragma integrity_check").fetchall()
        return [str(row[0]) for row in rows if row[0] != "ok"]
    except apsw.Error as error:
        return [str(error)]
    finally:
        connection.close()
