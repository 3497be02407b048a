"""Brings a database to this code's schema, one process at a time.

A statement that changes the schema commits by itself: a migration that died in the middle runs again from its first
statement, so each must do no harm when it is repeated. ``alter table`` has no words for that which MySQL knows too:
one that finds its column or key made, or gone, was done before.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Final

from parley.database.migrations import Migration, outstanding
from parley.database.mysql.errors import ContendedError, FailedError
from parley.database.mysql.session import Session
from parley.domain.errors import ConfigurationError

_WAIT_S: Final = 60
_PAUSE_S: Final = 2.0
"""For which the others go on, between two attempts to have a table alone."""
_IMPATIENT: Final = "set session lock_wait_timeout = 1"
_DONE_BEFORE: Final = frozenset({1060, 1061, 1091})
"""The server's codes for a column that is there, a key that is there, and either that is not."""
_COMMENT: Final = re.compile(r"^--[^\n]*\n", re.MULTILINE)
_END: Final = re.compile(r";[ \t]*(?:\n|\Z)")

_CREATE: Final = """
create table if not exists schema_migration (
    version int not null primary key,
    name varchar(255) not null,
    checksum varchar(64) not null,
    oldest_code int not null,
    applied_at bigint not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin
"""
_TABLE: Final = (
    "select 1 from information_schema.tables where table_schema = database() and table_name = 'schema_migration'"
)
_RECORD: Final = (
    "insert into schema_migration (version, name, checksum, oldest_code, applied_at) values (%s, %s, %s, %s, %s)"
)


@asynccontextmanager
async def migrating(session: Session, database: str) -> AsyncIterator[None]:
    """Keep out other processes that would migrate the same database, while inside.

    Raises:
        ConfigurationError: another process is at it for longer than a minute.
    """
    name = "parley.migrate." + blake2b(database.encode(), digest_size=16).hexdigest()
    got = await session.execute_slowly("select get_lock(%s, %s)", (name, _WAIT_S))
    if got.rows[0][0] != 1:
        raise ConfigurationError("another process is migrating the database for a long time; wait until it is done")
    try:
        yield
    finally:
        await session.execute("select release_lock(%s)", (name,))


async def pending(session: Session, migrations: Sequence[Migration]) -> list[Migration]:
    """Give the migrations that the database lacks.

    Raises:
        ConfigurationError: the database needs newer code, or an applied migration was edited.
    """
    if not (await session.execute(_TABLE)).rows:
        return list(migrations)
    applied = await session.execute("select version, checksum, oldest_code from schema_migration")
    return outstanding(migrations, applied.rows)


async def migrate(session: Session, migrations: Sequence[Migration], now_ms: int) -> list[Migration]:
    """Apply what is pending and give what was applied; to be called while `migrating`.

    Raises:
        ConfigurationError: somebody reads or writes a table for longer than a minute that has to be changed.
    """
    todo = await pending(session, migrations)
    if todo:
        await session.execute(_IMPATIENT)
        await session.execute_slowly(_CREATE)
    for migration in todo:
        for statement in statements(migration.sql):
            await _run(session, statement)
        row = (migration.version, migration.name, migration.checksum, migration.oldest_code, now_ms)
        await session.execute(_RECORD, row)
    return todo


async def _run(session: Session, statement: str) -> None:
    give_up_at = time.monotonic() + _WAIT_S
    while True:
        try:
            await session.execute_slowly(statement)
        except ContendedError as error:
            if time.monotonic() >= give_up_at:
                raise ConfigurationError(
                    "a transaction has held for a minute what the migration changes: wait until parley backup and "
                    "parley check are done, or end what else reads for so long, and repeat this"
                ) from error
            await asyncio.sleep(_PAUSE_S)
        except FailedError as error:
            if error.code not in _DONE_BEFORE:
                raise
            return
        else:
            return


def statements(sql: str) -> Iterator[str]:
    """Cut a file into statements: each ends with a semicolon at the end of a line."""
    for statement in _END.split(_COMMENT.sub("", sql)):
        if statement.strip():
            yield statement.strip()
