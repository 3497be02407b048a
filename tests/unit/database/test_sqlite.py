"""The pool on one SQLite file: what one may count on when writing, reading and closing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import apsw
import pytest

from parley.database.session import File, Session, connect, scrub
from parley.database.snapshot import open_snapshot
from parley.database.sqlite import Database
from parley.domain.errors import ConfigurationError, NotFoundError, OutcomeUnknownError, UnavailableError
from tests.support.vfs import PowerCutVfs

QUERIES = {
    "create": "create table t (x integer primary key, y integer references t (x) deferrable initially deferred)",
    "insert": "insert into t (x) values (?)",
    "all": "select x from t order by x",
}


@pytest.fixture
async def database(tmp_path: Path) -> Database:
    """Give a pool with two readers on a file with one table; the test closes it."""
    opened = Database(File(tmp_path / "parley.db"), QUERIES, readers=2)
    await opened.write(lambda session: session.rows("create"))
    return opened


@pytest.fixture
def closed(database: Database) -> Iterator[Database]:
    """Give the same, and close it afterwards."""
    yield database
    database.close()


def insert(*values: object) -> Callable[[Session], int]:
    """Give work that inserts values."""

    def work(session: Session) -> int:
        for value in values:
            session.rows("insert", value)
        return session.changes()

    return work


def held(session: Session) -> list[int]:
    """Give all values."""
    return [row[0] for row in session.rows("all")]


async def test_writes_run_one_after_another_in_their_order(closed: Database) -> None:
    """Each in a transaction of its own, on one thread."""
    seen: list[tuple[int, str, int]] = []

    def work(number: int, session: Session) -> int:
        seen.append((number, threading.current_thread().name, len(held(session))))
        session.rows("insert", number)
        return number

    results = await asyncio.gather(*(closed.write(partial(work, n)) for n in range(50)))

    assert results == list(range(50))
    assert seen == [(number, "parley.db-writer", number) for number in range(50)]


@pytest.mark.parametrize("value", [1, "not a number"])
async def test_a_write_that_sqlite_refuses_leaves_nothing(closed: Database, value: object) -> None:
    """Certainly nothing was written, and the next one goes on."""
    await closed.write(insert(1))

    with pytest.raises(UnavailableError):
        await closed.write(insert(2, value))

    assert await closed.write(insert(3)) == 1
    assert await closed.read(held) == [1, 3]


async def test_a_write_that_raises_leaves_nothing(closed: Database) -> None:
    """Our own errors reach the caller as they are."""

    def work(session: Session) -> None:
        insert(1)(session)
        raise NotFoundError("Chat")

    with pytest.raises(NotFoundError):
        await closed.write(work)
    with pytest.raises(ZeroDivisionError):
        await closed.write(lambda session: insert(1)(session) // 0)

    assert await closed.read(held) == []


async def test_a_commit_that_fails_is_an_unknown_outcome(closed: Database) -> None:
    """Only the commit's own failure; SQLite was made to fail there by a deferred constraint."""

    def work(session: Session) -> None:
        session.execute("insert into t values (1, 99)").fetchall()

    await closed.maintain(lambda session: session.execute("pragma foreign_keys = on").fetchall())
    with pytest.raises(OutcomeUnknownError):
        await closed.write(work)

    assert await closed.write(insert(2)) == 1
    assert await closed.read(held) == [2]


async def test_a_write_of_one_statement_is_a_transaction_by_itself(closed: Database) -> None:
    """It leaves all of it or nothing, also when it fails as late as at its end."""
    deferred = "insert into t values (3, null), (4, 99)"
    await closed.maintain(lambda session: session.execute("pragma foreign_keys = on").fetchall())

    await closed.write_once(lambda session: session.execute("insert into t (x) values (1), (2)").fetchall())
    with pytest.raises(UnavailableError):
        await closed.write_once(lambda session: session.execute("insert into t (x) values (3), (1)").fetchall())
    with pytest.raises(UnavailableError):
        await closed.write_once(lambda session: session.execute(deferred).fetchall())

    assert await closed.read(held) == [1, 2]


async def test_a_write_of_one_statement_is_none_of_a_transaction_that_was_left_open(closed: Database) -> None:
    """Else it would be told as stored and be lost with that one."""

    def leave_open(session: Session) -> None:
        session.execute("begin").fetchall()
        insert(1)(session)

    await closed.maintain(leave_open)
    await closed.write_once(insert(2))

    assert await closed.read(held) == [2]


@pytest.mark.parametrize(
    ("kind", "error", "told"),
    [("write", apsw.FullError, UnavailableError), ("sync", apsw.IOError, OutcomeUnknownError)],
)
async def test_a_write_of_one_statement_tells_what_a_failing_disk_did(
    kind: str, error: type[Exception], told: type[Exception], tmp_path: Path
) -> None:
    """Certainly nothing if the disk was full; if the sync failed, nobody knows."""
    ill = False

    def operate(operation: str) -> None:
        if ill and operation == kind:
            raise error

    vfs = PowerCutVfs(f"once-{kind}", operate)
    database = Database(File(tmp_path / "parley.db", vfs=vfs.name), QUERIES, readers=1)
    await database.write_once(lambda session: session.rows("create"))

    ill = True
    with pytest.raises(told):
        await database.write_once(insert(1))
    ill = False
    await database.write_once(insert(2))

    assert await database.read(held) == [2]
    database.close()
    vfs.unregister()


async def test_a_writer_has_its_own_definitions(tmp_path: Path) -> None:
    """Temporary ones: readers and the file know nothing of them."""
    queries = {
        **QUERIES,
        "define": "create temp view doubled as select 2 * x from t",
        "doubled": "select * from doubled",
    }
    database = Database(File(tmp_path / "parley.db"), queries, readers=1, definitions=("define",))
    await database.write(lambda session: session.rows("create"))
    await database.write(insert(21))

    assert await database.write(lambda session: session.rows("doubled")) == [(42,)]
    with pytest.raises(UnavailableError):
        await database.read(lambda session: session.rows("doubled"))
    database.close()


async def test_a_reader_sees_one_committed_snapshot(closed: Database) -> None:
    """Writes that commit meanwhile are seen by the next read; a write under way by nobody."""
    first_look, write_is_done = threading.Event(), threading.Event()

    def work(session: Session) -> tuple[list[int], list[int]]:
        first = held(session)
        first_look.set()
        assert write_is_done.wait(5)
        return first, held(session)

    reading = closed.read(work)
    assert await asyncio.to_thread(first_look.wait, 5)
    await closed.write(insert(1))
    write_is_done.set()

    assert await reading == ([], [])
    assert await closed.read(held) == [1]


async def test_readers_run_beside_each_other_and_the_writer(closed: Database) -> None:
    """Two reads and a write wait for each other, which one thread could not do."""
    meeting = threading.Barrier(3)

    def work(_: Session) -> int:
        return meeting.wait(5)

    arrived = await asyncio.gather(closed.read(work), closed.read(work), closed.write(work))

    assert sorted(arrived) == [0, 1, 2]


async def test_a_reader_cannot_write(closed: Database) -> None:
    """Its connection is read-only, and fit for the next read."""
    with pytest.raises(UnavailableError):
        await closed.read(insert(1))

    assert await closed.read(held) == []


async def test_closing_finishes_what_was_handed_in(database: Database, tmp_path: Path) -> None:
    """Queued writes and reads are done and told; afterwards no write-ahead file is left."""
    writes = [database.write(insert(number)) for number in range(20)]
    reads = [database.read(held) for _ in range(20)]

    database.close()

    assert await asyncio.gather(*writes) == [1] * 20
    assert len(await asyncio.gather(*reads)) == 20
    assert not (tmp_path / "parley.db-wal").exists()
    with closing(connect(File(tmp_path / "parley.db"), QUERIES)) as session:
        assert held(session) == list(range(20))


async def test_a_caller_that_went_away_is_not_told(closed: Database) -> None:
    """A cancelled wait does not undo the write that has begun, and harms nobody."""
    has_begun, may_end = threading.Event(), threading.Event()

    def work(session: Session) -> int:
        has_begun.set()
        assert may_end.wait(5)
        return insert(1)(session)

    writing = closed.write(work)
    assert await asyncio.to_thread(has_begun.wait, 5)
    writing.cancel()
    may_end.set()

    assert await closed.write(insert(2)) == 1
    assert await closed.read(held) == [1, 2]


async def test_what_nobody_waits_for_any_more_is_not_begun(closed: Database) -> None:
    """Else those who gave up would keep the threads from those who have not."""
    may_go_on = threading.Event()
    seen: list[str] = []

    def note(name: str, session: Session) -> None:
        del session
        seen.append(name)

    holding = [hold(lambda _: may_go_on.wait(5)) for hold in (closed.read, closed.read, closed.write)]
    given_up = [closed.read(partial(note, "read")), closed.write(partial(note, "write"))]
    kept = [closed.read(partial(note, "kept")), closed.write(partial(note, "kept"))]
    for future in given_up:
        future.cancel()
    may_go_on.set()
    await asyncio.gather(*holding, *kept)

    assert seen == ["kept", "kept"]


async def test_the_file_is_written_durably_and_read_beside(closed: Database) -> None:
    """Write-ahead logging, a full sync, overwriting of what is deleted."""
    pragmas = ("journal_mode", "synchronous", "secure_delete")

    def work(session: Session) -> list[object]:
        return [session.execute(f"pragma {name}").fetchall()[0][0] for name in pragmas]

    assert await closed.maintain(work) == ["wal", 2, 1]


async def test_scrubbing_empties_the_write_ahead_file_once_something_was_overwritten(
    closed: Database, tmp_path: Path
) -> None:
    """Not while a reader holds an older snapshot: then it is still to do."""
    wal = tmp_path / "parley.db-wal"

    def overwrite(session: Session) -> None:
        insert(1)(session)
        session.overwrote = True

    await closed.maintain(scrub)
    untouched = wal.stat().st_size
    await closed.write(overwrite)
    await closed.maintain(scrub)

    assert untouched > 0
    assert wal.stat().st_size == 0
    assert await closed.maintain(lambda session: session.overwrote) is False


async def test_scrubbing_holds_nobody_up_while_somebody_reads_for_long(closed: Database, tmp_path: Path) -> None:
    """As a backup does: it is given up within a moment, and is still to do when the reader is done."""

    def overwrite(session: Session) -> None:
        insert(1)(session)
        session.overwrote = True

    await closed.write(overwrite)
    with closing(open_snapshot(File(tmp_path / "parley.db"), {})):
        await closed.write(insert(2))
        async with asyncio.timeout(2):
            await closed.maintain(scrub)
        put_off = await closed.maintain(lambda session: session.overwrote)
    await closed.maintain(scrub)

    assert put_off is True
    assert await closed.maintain(lambda session: session.overwrote) is False
    assert await closed.maintain(lambda session: session.execute("pragma busy_timeout").fetchall()) == [(5_000,)]


async def test_a_picker_gets_one_row_for_each_that_is_there(closed: Database) -> None:
    """Names that are wanted twice or not there, none at all, and more than any statement has parameters."""
    queries = {"pick": "select json_group_array(json_array(x)) from t join json_each(?) w on w.value = x where x > ?"}
    await closed.write(insert(*range(1, 40_001)))

    def work(session: Session) -> list[list[object]]:
        session.queries = {**QUERIES, **queries}
        wanted: tuple[list[int], ...] = ([], [7], [7, 8, 40_001, 8], list(range(40_000)))
        return [sorted(row[0] for row in session.pick("pick", numbers, 7)) for numbers in wanted]

    none, same, two, many = await closed.read(work)

    assert (none, same, two, len(many)) == ([], [], [8, 8], 39_992)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Named, and not touched."""
    (tmp_path / "parley.db").write_bytes(b"something else, long enough to be read as a header of a database file" * 20)

    with pytest.raises(ConfigurationError, match=r"parley\.db"):
        connect(File(tmp_path / "parley.db"))
