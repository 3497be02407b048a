"""Copies one state of a SQLite file into another file while others write on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import apsw

from parley.database.session import File, Session, connect
from parley.domain.errors import ConfigurationError, UnavailableError

_PAGES: Final = 2_000
"""Copied between two looks at how far it is."""

UNFINISHED: Final = ".restoring"
"""Ends the name of a file that is to become a database, and is not complete."""


def copy_state(source: Session, path: Path, queries: Mapping[str, str], show: Callable[[int, int], None]) -> Session:
    """Copy what ``source`` sees, which is inside a transaction, and give a session on the copy.

    ``show`` hears how many pages of how many are copied. The copy is one file, without a log beside it.

    Raises:
        UnavailableError: the file cannot be read to its end.
    """
    copy = Session(str(path))
    copy.queries = queries
    try:
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(_PAGES)
                show(backup.page_count - backup.remaining, backup.page_count)
        leave_alone(copy)
    except apsw.Error as error:
        copy.close()
        raise UnavailableError(f"the database cannot be copied: {error}") from error
    return copy


def refuse_damaged(copy: Session) -> None:
    """Have SQLite check all of a copy, while nobody waits for it.

    Raises:
        UnavailableError: what is there is damaged.
    """
    try:
        found = copy.execute("pragma integrity_check").fetchall()
    except apsw.Error as error:
        raise UnavailableError(f"the copy of the database cannot be read: {error}") from error
    if found != [("ok",)]:
        raise UnavailableError(f"the database is damaged: {found[0][0]}; parley check says more")


def open_copy(path: Path, queries: Mapping[str, str]) -> Session:
    """Open a copy to work on it, as a database is opened."""
    return connect(File(path), queries)


def leave_alone(copy: Session) -> None:
    """Have all of a database in its one file, with no log beside it."""
    copy.execute("pragma journal_mode = delete").fetchall()


def sync(path: Path) -> None:
    """Have a file's content, or a folder's names, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_unfinished(path: Path) -> None:
    """Refuse a place where a restore began and did not come to its end.

    Raises:
        ConfigurationError: it is one.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    if unfinished.exists() and not path.exists():
        raise ConfigurationError(
            f"a restore into {path.parent} did not come to its end: run parley restore again, which begins anew, or "
            f"remove {unfinished} to begin without it"
        )
