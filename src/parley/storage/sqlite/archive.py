"""Backs up and restores the one SQLite file of an embedded database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import apsw

from parley.database.copying import UNFINISHED, copy_state, leave_alone, open_copy, refuse_damaged, sync
from parley.database.migrations import migrate, pending
from parley.database.ownership import Ownership
from parley.database.session import File, Session
from parley.database.snapshot import open_snapshot
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.storage.archive import Archive, History, Holdings, Show
from parley.storage.holding import FOLLOWER, read_holdings
from parley.storage.sqlite import file_of, migrations, queries

_BLOCK: Final = 1024 * 1024
_FILE_MODE: Final = 0o600


class SqliteArchive:
    """One file, which may be in use while it is saved."""

    kind = "sqlite"
    file = "parley.db"

    def __init__(self, file: File) -> None:
        """Name the database."""
        self._file = file
        self._queries = queries()
        self.newest = migrations()[-1].version

    def save(self, file: Path, show: Show) -> Holdings:
        """Write one state of the database, while others write on, and say what it holds."""
        with closing(open_snapshot(self._present(), self._queries)) as snapshot:
            self._refuse_unmigrated(snapshot.session)
            copied = copy_state(snapshot.session, file, self._queries, show)
        with closing(copied) as copy:
            refuse_damaged(copy)
            return read_holdings(copy.rows)

    def load(self, file: Path, history: History, show: Show) -> Holdings:
        """Make the file of a copy under another name, which it loses once it is complete."""
        path = self._file.path
        with self._owned():
            for present in (path, *_beside(path)):
                if present.exists():
                    raise ConfigurationError(
                        f"{present} is there already, and a restore goes into an empty place: "
                        "choose another with --data-dir, or move that folder away"
                    )
            unfinished = path.with_name(path.name + UNFINISHED)
            for left in (unfinished, *_beside(unfinished)):
                left.unlink(missing_ok=True)
            _copy_file(file, unfinished, show)
            with closing(open_copy(unfinished, self._queries)) as session, _translating():
                migrate(session, migrations(), history.now_ms)
                holdings = self._begin(session, history)
                leave_alone(session)
            _publish(unfinished, path)
        return holdings

    def begin(self, history: History) -> Holdings:
        """Begin a history in the file, whose owner has been stopped."""
        with self._owned(), closing(open_copy(self._present().path, self._queries)) as session, _translating():
            self._refuse_unmigrated(session)
            return self._begin(session, history)

    def holdings(self) -> Holdings:
        """Say what the file holds at present."""
        with closing(open_snapshot(self._present(), self._queries)) as snapshot:
            self._refuse_unmigrated(snapshot.session)
            return read_holdings(snapshot.rows)

    def _begin(self, session: Session, history: History) -> Holdings:
        holdings = read_holdings(session.rows)
        with session:
            for place in holdings.partitions:
                floor = place.floor(history.epochs[place.id], history.now_ms)
                session.rows("begin_partition", floor.epoch, *floor, history.burn, place.id)
            for query in ("forget_keys", "forget_changes", "forget_followers"):
                session.rows(query)
            for place in holdings.partitions:
                floor = place.floor(history.epochs[place.id], history.now_ms)
                session.rows("record_follower", FOLLOWER, place.id, *floor)
        return holdings

    @contextmanager
    def _owned(self) -> Iterator[None]:
        ownership = Ownership.take(self._file.path)
        try:
            yield
        finally:
            ownership.release()

    def _present(self) -> File:
        if not self._file.path.exists():
            raise ConfigurationError(f"there is no database {self._file.path}")
        return self._file

    def _refuse_unmigrated(self, session: Session) -> None:
        todo = pending(session, migrations())
        if todo:
            raise ConfigurationError(
                f"the database {self._file.path} lacks {len(todo)} migrations; run parley migrate first"
            )


def open_archive(url: str) -> SqliteArchive:
    """Name ``sqlite:///path``.

    Raises:
        ConfigurationError: the URL names no file.
    """
    return SqliteArchive(file_of(url))


def _beside(path: Path) -> list[Path]:
    """Name what SQLite may have left beside a file, and would play into another one of its name."""
    return [path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal")]


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise UnavailableError(f"the database cannot be written: {error}") from error


def _copy_file(source: Path, target: Path, show: Show) -> None:
    total = source.stat().st_size
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    with source.open("rb") as from_, os.fdopen(descriptor, "wb") as to:
        while block := from_.read(_BLOCK):
            to.write(block)
            show(to.tell(), total)


def _publish(unfinished: Path, path: Path) -> None:
    """Let a complete file be the database, durably."""
    sync(unfinished)
    unfinished.rename(path)
    sync(path.parent)


if TYPE_CHECKING:
    _conforms: type[Archive] = SqliteArchive
