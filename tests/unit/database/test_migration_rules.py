"""The rules of docs/migrations.md that can be seen in a file, each with a sample that breaks it."""

from __future__ import annotations

import re

import pytest

from parley.database.migrations import Migration
from parley.database.mysql.migrations import statements
from parley.storage import mysql, sqlite
from tests.schemas.recorded import VERSIONS, file_of
from tests.support.next_release import NAME, NEWEST, next_migration

BACK = re.compile(r"^-- back: \S+", re.MULTILINE)
REPEATABLE = re.compile(r"create table if not exists |drop table if exists |alter table |update |delete from ")
"""An `alter table` that was done before is recognised by the runner; an insert would be there twice."""
UNLOCKED = re.compile(r", algorithm = instant$|, algorithm = inplace, lock = none$")
"""The server refuses the statement if it cannot keep to that."""
LARGE = re.compile(r"^(?:update|delete from) (?:chat|message|idempotency_key|`?change`?)\b")
"""A statement on all rows of these holds locks for as long as it takes: a worker does it, a batch at a time."""
RELEASED = re.compile(r"insert into [`\"]schema_migration.*?values ?\((.*)\);$", re.MULTILINE | re.IGNORECASE)
SHIPPED = {"mysql": mysql.migrations(), "sqlite": sqlite.migrations()}


def broken_rules(sql: str, *, is_mysql: bool) -> list[str]:
    """Say what a migration's text after the first does against the rules."""
    broken = [] if BACK.search(sql) else ["says no way back"]
    for statement in statements(sql):
        line = " ".join(statement.split())
        if LARGE.match(line):
            broken.append(f"fills a large table: {line}")
        if is_mysql and not REPEATABLE.match(line):
            broken.append(f"cannot be repeated: {line}")
        if is_mysql and line.startswith("alter table") and not UNLOCKED.search(line):
            broken.append(f"may lock the table: {line}")
    return broken


def released(version: int, dialect: str) -> dict[int, tuple[str, str]]:
    """Give name and checksum of the migrations in a kept database of a released schema."""
    rows = RELEASED.findall(file_of(version, dialect).read_text("utf-8"))
    fields = [row.replace("'", "").split(",") for values in rows for row in values.split("),(")]
    return {int(number): (name, checksum) for number, name, checksum, *_ in fields}


@pytest.mark.parametrize(
    ("sql", "breaks"),
    [
        ("create table if not exists a (x int);", "says no way back"),
        ("-- back: restore only\ncreate table a (x int);", "cannot be repeated"),
        ("-- back: restore only\ninsert into a values (1);", "cannot be repeated"),
        ("-- back: restore only\nalter table a add column x int;", "may lock"),
        ("-- back: restore only\nalter table a add key x (x), algorithm = inplace;", "may lock"),
        ("-- back: restore only\nupdate message\nset body = '';", "fills a large table"),
    ],
)
def test_a_migration_that_breaks_a_rule_is_seen(sql: str, breaks: str) -> None:
    """One rule at a time."""
    (broken,) = broken_rules(sql, is_mysql=True)

    assert breaks in broken


@pytest.mark.parametrize("dialect", SHIPPED)
def test_the_shipped_migrations_keep_the_rules(dialect: str) -> None:
    """The first made the tables of an empty database, and has nothing to go back to."""
    texts = {migration.name: migration.sql for migration in SHIPPED[dialect][1:]} | {NAME: next_migration(dialect)}

    broken = {name: broken_rules(sql, is_mysql=dialect == "mysql") for name, sql in texts.items()}

    assert not any(broken.values()), broken


def test_the_first_migration_can_be_repeated_on_mysql() -> None:
    """One that died in the middle runs again from its first statement."""
    assert all(REPEATABLE.match(statement) for statement in statements(SHIPPED["mysql"][0].sql))


def test_both_dialects_have_the_same_migrations() -> None:
    """So that a schema's number means the same on either, and so does what code it needs."""
    named = {
        dialect: [(migration.version, migration.name, migration.oldest_code) for migration in shipped]
        for dialect, shipped in SHIPPED.items()
    }

    assert named["mysql"] == named["sqlite"]


@pytest.mark.parametrize("dialect", SHIPPED)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_migration_is_never_edited(dialect: str, version: int) -> None:
    """Databases remember what they were made by, and refuse another text under the same number."""
    kept = released(version, dialect)
    by_number = {migration.version: migration for migration in SHIPPED[dialect]}

    assert list(kept) == list(range(1, version + 1))
    for number, (name, checksum) in kept.items():
        same = (by_number[number].name, by_number[number].checksum) == (name, checksum)
        assert same, f"{number:04} was released; write {NEWEST + 1:04} instead"


def test_an_edit_is_seen() -> None:
    """Even of a comment."""
    first: Migration = SHIPPED["mysql"][0]

    assert first._replace(sql=first.sql + "\n").checksum != released(1, "mysql")[1][1]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("dialect", "empty"), [("mysql", set()), ("sqlite", {"dead_letter"})])
def test_a_kept_database_has_rows_in_every_table(version: int, dialect: str, empty: set[str]) -> None:
    """A file has no dead letters: nobody stores later there what a log holds."""
    text = file_of(version, dialect).read_text("utf-8")
    made = re.findall(r"^create table [`\"]?(\w+)", text, re.MULTILINE | re.IGNORECASE)
    filled = re.findall(r"^insert into [`\"](\w+)", text, re.MULTILINE | re.IGNORECASE)

    assert {*made} - {*filled} == empty
    assert len(made) >= 10
