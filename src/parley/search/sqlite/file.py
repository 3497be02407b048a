"""The index's file: opened, checked quickly, and started afresh when it cannot be used.

Everything in it can be made again from the database, so damage is answered by a new file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw
import structlog

from parley.database.named import load_queries
from parley.database.session import File, Session, connect
from parley.database.sqlite import Database
from parley.domain.errors import ConfigurationError, UnavailableError

VERSION: Final = 1
_APPLICATION_ID: Final = 1347636312
"""The bytes ``PSIX``, which a file of ours carries in its header."""

_READERS: Final = 2
_DAMAGE: Final = (apsw.CorruptError, apsw.NotADBError)
_UNUSABLE: Final = (*_DAMAGE, apsw.SQLError)
"""At the start a missing table counts too."""

_TRUNCATE_PATIENCE_MS: Final = 100
"""While it waits for readers, nothing is indexed."""

_log = structlog.get_logger(__name__)


def open_file(path: Path) -> Database:
    """Open the index file, made anew when it is missing, damaged or of another version.

    Raises:
        ConfigurationError: the file cannot be opened, or is a database of something else.
    """
    file = File(path, synchronous="normal")
    queries = load_queries("parley.search", "sql", "sqlite")
    reason = _unusable(file, queries)
    if reason is not None:
        _log.warning("search index started afresh", path=str(path), reason=reason)
        remove(path)
        _create(file, queries)
    return Database(file, queries, readers=_READERS)


def remove(path: Path) -> None:
    """Delete the file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def is_damage(error: BaseException) -> bool:
    """Tell whether SQLite found the file damaged, somewhere in the chain of causes."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _DAMAGE):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def truncate_wal(file: File) -> bool:
    """Empty the write-ahead log; `False` if somebody was reading from it.

    Raises:
        UnavailableError: the disk is full, or the file cannot be used.
    """
    try:
        session = connect(file, load_queries("parley.search", "sql", "sqlite"))
        try:
            session.set_busy_timeout(_TRUNCATE_PATIENCE_MS)
            return bool(session.rows("truncate_wal")[0][0] == 0)
        finally:
            session.close()
    except (apsw.Error, ConfigurationError) as error:
        raise UnavailableError("The search index's log cannot be emptied", code="search_unavailable") from error


def _unusable(file: File, queries: dict[str, str]) -> str | None:
    """Say why the file must be made anew, ``None`` if it need not; a new file is made at once."""
    if not file.path.exists():
        _create(file, queries)
        return None
    try:
        session = connect(file, queries, read_only=True)
    except ConfigurationError as error:
        if is_damage(error):
            return "damaged: no database"
        raise
    try:
        return _examine(session, file)
    except _UNUSABLE as error:
        return f"damaged: {error}"
    except apsw.Error as error:
        raise ConfigurationError(f"cannot open the search index {file.path}: {error}") from error
    finally:
        session.close()


def _examine(session: Session, file: File) -> str | None:
    application_id, version, tables = session.rows("identity")[0]
    if application_id != _APPLICATION_ID and tables:
        raise ConfigurationError(f"{file.path} is not a search index; name another file in PARLEY_SEARCH_URL")
    if version != VERSION:
        return f"version {version}, not {VERSION}"
    session.rows("probe")
    return None


def _create(file: File, queries: dict[str, str]) -> None:
    session = connect(file, queries)
    try:
        with session:
            session.rows("create_index")
    except apsw.Error as error:
        raise ConfigurationError(f"cannot make the search index {file.path}: {error}") from error
    finally:
        session.close()
