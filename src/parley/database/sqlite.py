"""One SQLite file: a writer thread that owns all writes, and reader threads beside it.

SQLite is opened through apsw, which brings a current SQLite and releases the interpreter while a
statement runs. One connection a thread: a connection shared by threads fails inside transactions.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

import apsw
import msgspec

from parley.domain.errors import ConfigurationError, OutcomeUnknownError, UnavailableError

_SMALLEST_FILE: Final = 512
"""SQLite takes anything smaller for a new database, and writes over it."""

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
        if not wanted:
            return []
        row = self.rows(name, _encode(wanted), *bindings)[0]
        elements: list[Row] = msgspec.json.decode(row[0])
        return elements

    def put(self, name: str, rows: Sequence[Row]) -> None:
        """Run one named query whose binding is a JSON array of rows; text travels unchanged, bytes as hex."""
        if rows:
            self.rows(name, _encode(rows))

    def each(self, name: str, rows: Sequence[Row]) -> None:
        """Run one named query for each of the rows: for inserts, where JSON costs 11 us a row against 5."""
        self.executemany(self.queries[name], rows)


def _encode(values: Sequence[object]) -> str:
    return msgspec.json.encode(values).decode()


T = TypeVar("T")
Work = Callable[[Session], T]


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
        if not read_only:
            session.execute("pragma journal_mode = wal").fetchall()
            session.execute(f"pragma synchronous = {file.synchronous}").fetchall()
            session.execute("pragma secure_delete = on").fetchall()
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


class _Job(NamedTuple):
    run: Callable[[Session, Work[object]], object]
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
        name = file.path.name
        self._writer = _start(f"{name}-writer", _serve, self._writes, connect(file, queries))
        self._readers = [
            _start(f"{name}-reader-{index}", _serve, self._reads, connect(file, queries, read_only=True))
            for index in range(readers)
        ]

    def write(self, work: Work[T]) -> asyncio.Future[T]:
        """Run ``work(session)`` in one transaction on the writer thread.

        Raises (through the future):
            UnavailableError: SQLite failed and certainly nothing was written.
            OutcomeUnknownError: the commit itself failed.
        """
        return _submit(self._writes, _transact, work)

    def maintain(self, work: Work[T]) -> asyncio.Future[T]:
        """Run ``work(session)`` on the writer thread outside any transaction, as a checkpoint needs.

        Raises (through the future):
            UnavailableError: SQLite failed.
        """
        return _submit(self._writes, _directly, work)

    def read(self, work: Work[T]) -> asyncio.Future[T]:
        """Run ``work(session)`` on one snapshot on a reader thread.

        Raises (through the future):
            UnavailableError: SQLite failed.
        """
        return _submit(self._reads, _snapshot, work)

    def close(self) -> None:
        """Finish what was handed in, close the connections, end the threads.

        The writer's is the last one: SQLite then moves the write-ahead file into the database.
        """
        for _ in self._readers:
            self._reads.put(None)
        for reader in self._readers:
            reader.join()
        self._writes.put(None)
        self._writer.join()


def _submit(
    queue: SimpleQueue[_Job | None], run: Callable[[Session, Work[object]], object], work: Work[T]
) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    queue.put(_Job(run, work, future, loop))  # type: ignore[arg-type]  # a future of T is filled with a T only
    return future


def _start(name: str, target: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, name=name, daemon=True)
    thread.start()
    return thread


def _serve(queue: SimpleQueue[_Job | None], session: Session) -> None:
    while (job := queue.get()) is not None:
        try:
            result = job.run(session, job.work)
        except Exception as error:  # noqa: BLE001 - handed to the caller, who is in another thread
            _settle(job, _failed, error)
        else:
            _settle(job, _done, result)
    session.close()


def _settle(job: _Job, settle: Callable[[asyncio.Future[object], object], None], value: object) -> None:
    if not job.loop.is_closed():
        job.loop.call_soon_threadsafe(settle, job.future, value)


def _done(future: asyncio.Future[object], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _failed(future: asyncio.Future[object], error: object) -> None:
    if not future.done() and isinstance(error, Exception):
        future.set_exception(error)


def _transact(session: Session, work: Work[object]) -> object:
    try:
        session.execute("begin immediate").fetchall()
        try:
            result = work(session)
        except BaseException:
            _roll_back(session)
            raise
    except apsw.Error as error:
        raise UnavailableError("The database does not answer", code="database_unavailable") from error
    _commit(session)
    return result


def _commit(session: Session) -> None:
    try:
        session.execute("commit").fetchall()
    except apsw.Error as error:
        _roll_back(session)
        raise OutcomeUnknownError("The commit failed; the write may exist") from error


def _roll_back(session: Session) -> None:
    if session.in_transaction:  # SQLite rolls back by itself when the disk is full
        session.execute("rollback").fetchall()


def _directly(session: Session, work: Work[object]) -> object:
    try:
        return work(session)
    except apsw.Error as error:
        raise UnavailableError("The database does not answer", code="database_unavailable") from error


def _snapshot(session: Session, work: Work[object]) -> object:
    try:
        session.execute("begin").fetchall()
        try:
            return work(session)
        finally:
            session.execute("rollback").fetchall()
    except apsw.Error as error:
        raise UnavailableError("The database does not answer", code="database_unavailable") from error


def scrub(session: Session) -> None:
    """Empty the write-ahead file if it may hold pages with overwritten content."""
    if session.overwrote:
        busy, _, _ = session.execute("pragma wal_checkpoint(truncate)").fetchall()[0]
        session.overwrote = bool(busy)


def integrity(file: File) -> list[str]:
    """Give what SQLite's own integrity check finds in a file; empty when it is sound."""
    session = connect(file, read_only=True)
    try:
        rows = session.execute("pragma integrity_check").fetchall()
        return [str(row[0]) for row in rows if row[0] != "ok"]
    except apsw.Error as error:
        return [str(error)]
    finally:
        session.close()
