"""The SQLite storage: one file, owned by one process, migrated when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from parley.database.copying import refuse_unfinished
from parley.database.migrations import Migration, migrate, pending, read_migrations
from parley.database.named import load_queries
from parley.database.ownership import Ownership
from parley.database.session import File, connect, peek
from parley.database.sqlite import Database
from parley.domain.errors import ConfigurationError
from parley.storage.port import Opened, Opening
from parley.storage.sqlite.append import DEFINITIONS, SqliteAppend
from parley.storage.sqlite.changes import SqliteChanges
from parley.storage.sqlite.counts import SqliteCounts
from parley.storage.sqlite.erasure import SqliteErasure
from parley.storage.sqlite.ledger import SqliteLedger
from parley.storage.sqlite.reads import SqliteStorage
from parley.storage.sqlite.tenants import SqliteTenants

_MS: Final = 1_000
_SYNCED: Final = frozenset({"full", "extra"})


def file_of(url: str) -> File:
    """Read ``sqlite:///path``; ``?synchronous=`` and ``?vfs=`` exist for fault tests.

    Raises:
        ConfigurationError: the URL names no file.
    """
    parts = urlsplit(url)
    if parts.netloc or len(parts.path) < 2:  # noqa: PLR2004 - a slash and a name
        raise ConfigurationError(f"{url!r} is not of the form sqlite:///path/to/parley.db")
    options = parse_qs(parts.query)
    synchronous, vfs = options.get("synchronous", ["full"])[0], options.get("vfs", [None])[0]
    if synchronous not in {"full", "normal", "off", "extra"}:
        raise ConfigurationError(f"synchronous={synchronous} is none of extra, full, normal, off")
    return File(Path(unquote(parts.path)), synchronous, vfs)


def queries() -> dict[str, str]:
    """Give the dialect's named queries."""
    return load_queries("parley.storage", "sql", "sqlite")


def migrations() -> list[Migration]:
    """Give the dialect's migrations, in order."""
    return read_migrations("parley.storage", "sql", "sqlite", "migrations")


def plan(url: str) -> Sequence[Migration]:
    """Give what `open_` would apply, without writing anything.

    Raises:
        ConfigurationError: the schema is newer than this code, the file cannot be read, or a restore was not finished.
    """
    file = file_of(url)
    refuse_unfinished(file.path)
    if not file.path.exists():
        return migrations()
    with peek(file) as session:
        return pending(session, migrations())


def open_(url: str, opening: Opening) -> Opened:
    """Own the file, migrate it, and open its ports."""
    file = file_of(url)
    is_synced = file.synchronous in _SYNCED
    if not (is_synced or opening.accepts_relaxed):
        raise ConfigurationError(
            f"synchronous={file.synchronous} answers before the disk has the write: take it out of "
            "PARLEY_DATABASE_URL, or accept the loss with PARLEY_LOG_DURABILITY=relaxed"
        )
    ownership = Ownership.take(file.path)
    try:
        plan(url)
        _prepare(file, opening)
        database = Database(file, queries(), readers=opening.readers, definitions=DEFINITIONS)
    except BaseException:
        ownership.release()
        raise
    clock, key_ttl_ms = opening.clock, opening.key_ttl_s * _MS

    async def start() -> None:
        """Have nothing to wait for: the file is open."""

    async def close() -> None:
        database.close()
        ownership.release()

    return Opened(
        storage=SqliteStorage(database, clock, opening.scan_max_messages, opening.scan_max_s),
        tenants=SqliteTenants(database, clock, opening.new_token, key_ttl_ms),
        changes=SqliteChanges(database),
        erasure=SqliteErasure(database, clock),
        counts=SqliteCounts(database),
        ledger=SqliteLedger(database, clock),
        inline=SqliteAppend(database, clock, key_ttl_ms, durability="stored" if is_synced else "relaxed"),
        shared=None,
        start=start,
        close=close,
    )


def _prepare(file: File, opening: Opening) -> None:
    session = connect(file, queries())
    try:
        migrate(session, migrations(), opening.clock.now_ms())
        with session:
            if not session.rows("partition_ends"):
                session.put("insert_partitions", [(index,) for index in range(opening.partitions)])
    finally:
        session.close()
