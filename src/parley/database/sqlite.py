"""One SQLite file: a writer thread that owns all writes, and reader threads beside it.

One connection a thread: a connection shared by threads fails inside transactions.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from queue import SimpleQueue
from typing import Final, NamedTuple, TypeVar

import apsw
from apsw import SQLITE_IOERR_READ, SQLITE_IOERR_WRITE

from parley.database.session import File, Session, connect
from parley.domain.errors import OutcomeUnknownError, UnavailableError

T = TypeVar("T")
Work = Callable[[Session], T]


_LATE: Final = (apsw.IOError, apsw.NoMemError)
"""What a commit can fail with after its last frame is in the write-ahead file, as when the sync fails."""

_EARLY: Final = frozenset({SQLITE_IOERR_READ, SQLITE_IOERR_WRITE})
"""Of these, what comes before: without its last frame a transaction is not there."""


class _Job(NamedTuple):
    run: Callable[[Session, Work[object]], object]
    work: Work[object]
    future: asyncio.Future[object]
    loop: asyncio.AbstractEventLoop


class Database:
    """A pool on one file. `write` runs in one transaction each, in order; `read` runs beside."""

    def __init__(
        self, file: File, queries: Mapping[str, str] | None = None, *, readers: int, definitions: Iterable[str] = ()
    ) -> None:
        """Open the connections and start the threads. The file is created if it is not there.

        ``definitions`` names queries that make the writer's temporary views and triggers.
        """
        self.file = file
        self._writes: SimpleQueue[_Job | None] = SimpleQueue()
        self._reads: SimpleQueue[_Job | None] = SimpleQueue()
        name = file.path.name
        writer = connect(file, queries)
        for definition in definitions:
            writer.rows(definition)
        self._writer = _start(f"{name}-writer", _serve, self._writes, writer)
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

    def write_once(self, work: Work[T]) -> asyncio.Future[T]:
        """Run ``work(session)``, whose one writing statement is a transaction by itself.

        Between two statements another thread may take the interpreter, and a busy one keeps it for
        milliseconds: a write that must be quick is one statement.

        Raises (through the future):
            UnavailableError: SQLite failed and certainly nothing was written.
            OutcomeUnknownError: it failed so late that the write may exist.
        """
        return _submit(self._writes, _once, work)

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

    def read_once(self, work: Work[T]) -> asyncio.Future[T]:
        """Run ``work(session)``, whose one statement is a snapshot by itself, on a reader thread.

        Raises (through the future):
            UnavailableError: SQLite failed.
        """
        return _submit(self._reads, _directly, work)

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
        if job.future.cancelled():  # nobody waits for it, and nothing of it has begun
            continue
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


def _once(session: Session, work: Work[object]) -> object:
    try:
        _roll_back(session)  # inside a transaction that could not be ended, the statement would not be one
        return work(session)
    except apsw.Error as error:
        if isinstance(error, _LATE) and getattr(error, "extendedresult", None) not in _EARLY:
            raise OutcomeUnknownError("The commit failed; the write may exist") from error
        raise UnavailableError("The database does not answer", code="database_unavailable") from error


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
