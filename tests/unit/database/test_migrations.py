"""Migrations: each in one transaction, in order, once; and what a database must not be opened with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from parley.database.migrations import Migration, migrate, pending, read_migrations
from parley.database.session import File, Session, connect
from parley.domain.errors import ConfigurationError
from parley.storage import plan_storage

FIRST = Migration(1, "first", "create table a (x integer) strict; insert into a values (1);", 1)
SECOND = Migration(2, "second", "create table b (x integer) strict; insert into b select x from a;", 1)
BROKEN = Migration(2, "second", "create table b (x integer) strict; insert into nowhere values (1);", 1)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Give a connection to an empty database."""
    with closing(connect(File(tmp_path / "parley.db"))) as opened:
        yield opened


def tables(session: Session) -> list[str]:
    """Give the tables' names."""
    rows = session.execute("select name from sqlite_schema where type = 'table' order by name").fetchall()
    return [str(row[0]) for row in rows]


def versions(session: Session) -> list[tuple[int, int]]:
    """Give what was applied, and when."""
    return list(session.execute("select version, applied_at from schema_migration order by version"))


def test_a_new_database_gets_every_migration_once(session: Session) -> None:
    """In order; run again, nothing is left to do."""
    assert migrate(session, [FIRST, SECOND], now_ms=7) == [FIRST, SECOND]
    assert migrate(session, [FIRST, SECOND], now_ms=8) == []

    assert tables(session) == ["a", "b", "schema_migration"]
    assert versions(session) == [(1, 7), (2, 7)]
    assert session.execute("select x from b").fetchall() == [(1,)]


def test_a_migration_that_fails_leaves_what_was_before_it(session: Session) -> None:
    """Its first statement is undone too; corrected, the run goes on where it was."""
    with pytest.raises(apsw.Error, match="nowhere"):
        migrate(session, [FIRST, BROKEN], now_ms=7)
    after_failure = tables(session), versions(session), session.in_transaction

    assert migrate(session, [FIRST, SECOND], now_ms=8) == [SECOND]
    assert after_failure == (["a", "schema_migration"], [(1, 7)], False)
    assert versions(session) == [(1, 7), (2, 8)]


def test_a_migration_that_was_edited_is_refused(session: Session) -> None:
    """What is applied is history; nothing is written."""
    migrate(session, [FIRST], now_ms=7)
    edited = FIRST._replace(sql=FIRST.sql + " ")

    with pytest.raises(ConfigurationError, match="migration 0001 was edited"):
        migrate(session, [edited, SECOND], now_ms=8)
    assert versions(session) == [(1, 7)]


def test_a_schema_that_needs_newer_code_is_refused(session: Session) -> None:
    """The message says which, and what to do; nothing is written."""
    migrate(session, [FIRST, SECOND._replace(oldest_code=2)], now_ms=7)

    with pytest.raises(ConfigurationError, match=r"schema 2, which needs newer code \(this one knows 1\); install"):
        migrate(session, [FIRST], now_ms=8)


def test_a_newer_schema_that_older_code_can_use_is_taken(session: Session) -> None:
    """Expand, migrate, contract: one step back stays possible."""
    migrate(session, [FIRST, SECOND], now_ms=7)

    assert migrate(session, [FIRST], now_ms=8) == []


def test_a_migration_without_a_statement_gives_a_release_a_number(session: Session) -> None:
    """Code that only reads otherwise than before has one, so that a later migration can ask for it."""
    empty = Migration(2, "reads", "-- Bodies are read from b. oldest code: 1\n-- back: nothing\n", 1)

    assert migrate(session, [FIRST, empty], now_ms=7) == [FIRST, empty]
    assert versions(session) == [(1, 7), (2, 7)]


def test_a_plan_writes_nothing(session: Session, tmp_path: Path) -> None:
    """Pending migrations are told, by an empty database, an old one and a missing one."""
    empty = pending(session, [FIRST, SECOND])
    after_empty = tables(session)
    migrate(session, [FIRST], now_ms=7)
    missing = tmp_path / "folder" / "parley.db"

    assert empty == [FIRST, SECOND]
    assert after_empty == []
    assert pending(session, [FIRST, SECOND]) == [SECOND]
    assert versions(session) == [(1, 7)]
    assert plan_storage(f"sqlite://{missing}")
    assert not missing.parent.exists()


def test_the_shipped_migrations_are_numbered_without_a_hole() -> None:
    """1, 2, 3…; none needs code newer than itself."""
    shipped = read_migrations("parley.storage", "sql", "sqlite", "migrations")

    assert [migration.version for migration in shipped] == list(range(1, len(shipped) + 1))
    assert all(1 <= migration.oldest_code <= migration.version for migration in shipped)
