"""Numbered migrations: plain SQL files, each applied in one transaction and remembered.

A file is ``NNNN_name.sql``; its first line ends with ``oldest code: N``, the oldest schema number
whose code still runs on the result. A database whose own ``oldest code`` lies above what this code
knows is refused; one that is merely newer is not (expand, migrate, contract).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Final, NamedTuple

from parley.database.session import Row, Session
from parley.domain.errors import ConfigurationError

_FILE: Final = re.compile(r"(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
_OLDEST: Final = re.compile(r"\A--[^\n]*oldest code: (?P<version>\d+)\n")

_CREATE: Final = """
create table if not exists schema_migration (
    version integer primary key,
    name text not null,
    checksum text not null,
    oldest_code integer not null,
    applied_at integer not null
) strict
"""


class Migration(NamedTuple):
    """One step of the schema."""

    version: int
    name: str
    sql: str
    oldest_code: int

    @property
    def checksum(self) -> str:
        """Identify the text, so that an edited migration is noticed."""
        return blake2b(self.sql.encode(), digest_size=16).hexdigest()


def read_migrations(package: str, *parts: str) -> list[Migration]:
    """Read the migrations of a package folder, in order."""
    migrations = []
    for file in files(package).joinpath(*parts).iterdir():
        matched = _FILE.fullmatch(file.name)
        if matched is None:
            continue
        sql = file.read_text(encoding="utf-8")
        oldest = _OLDEST.match(sql)
        if oldest is None:
            raise ValueError(f"{file.name}: the first line does not name its oldest code")
        migrations.append(Migration(int(matched["version"]), matched["name"], sql, int(oldest["version"])))
    return sorted(migrations)


def outstanding(migrations: Sequence[Migration], applied: Sequence[tuple[Any, ...]]) -> list[Migration]:
    """Give the migrations that are not among the applied ones, which are (version, checksum, oldest code).

    Raises:
        ConfigurationError: the database needs newer code, or an applied migration was edited.
    """
    newest = migrations[-1].version
    oldest_code = max((row[2] for row in applied), default=0)
    if oldest_code > newest:
        found = max(row[0] for row in applied)
        raise ConfigurationError(
            f"the database has schema {found}, which needs newer code (this one knows {newest}); "
            "install a newer Parley, or restore a backup made before the upgrade"
        )
    checksums = {row[0]: row[1] for row in applied}
    for migration in migrations:
        if checksums.get(migration.version, migration.checksum) != migration.checksum:
            raise ConfigurationError(f"migration {migration.version:04} was edited after it was applied here")
    return [migration for migration in migrations if migration.version not in checksums]


def pending(session: Session, migrations: Sequence[Migration]) -> list[Migration]:
    """Give the migrations that the database lacks.

    Raises:
        ConfigurationError: the database needs newer code, or an applied migration was edited.
    """
    if not _has_table(session):
        return list(migrations)
    applied: list[Row] = session.execute("select version, checksum, oldest_code from schema_migration").fetchall()
    return outstanding(migrations, applied)


def migrate(session: Session, migrations: Sequence[Migration], now_ms: int) -> list[Migration]:
    """Apply what is pending, a transaction each, and give what was applied.

    Killed in the middle and run again, it goes on where it was.
    """
    todo = pending(session, migrations)
    for migration in todo:
        session.execute("begin immediate").fetchall()
        try:
            session.execute(_CREATE).fetchall()
            for _ in session.execute(migration.sql):
                pass
            row = (migration.version, migration.name, migration.checksum, migration.oldest_code, now_ms)
            session.execute("insert into schema_migration values (?, ?, ?, ?, ?)", row).fetchall()
        except BaseException:
            session.execute("rollback").fetchall()
            raise
        session.execute("commit").fetchall()
    return todo


def _has_table(session: Session) -> bool:
    found = session.execute("select 1 from sqlite_schema where name = 'schema_migration'").fetchall()
    return bool(found)
