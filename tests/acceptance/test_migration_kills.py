"""``parley migrate`` of a next release, killed at every statement and run again; and by two processes at once."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from parley.database.mysql.address import parse_address
from parley.database.mysql.migrations import migrating, statements
from parley.database.mysql.session import connect
from tests.schemas.recorded import load_mysql, load_sqlite
from tests.support.commands import check_is_clean, refusal, run_parley
from tests.support.engines.mariadb import MariaDbServer
from tests.support.next_release import NAME, NEWEST, NextRelease, next_migration
from tests.support.polling import wait_for
from tests.support.server import Server, parley_command
from tests.support.statement_relay import StatementRelay

KILLED = -signal.SIGKILL
COLUMNS = """
select table_name, column_name, ordinal_position, column_type, is_nullable, column_default, collation_name, extra
from information_schema.columns where table_schema = database() order by 1, 3
"""
KEYS = """
select table_name, index_name, seq_in_index, column_name, non_unique
from information_schema.statistics where table_schema = database() order by 1, 2, 3
"""
MESSAGES = """
select application_id, chat_id, number, position, body, sender, metadata, hex(created_hash)
from message order by 1, 2, 3
"""
AROUND = 4
"""Statements around those of a migration's file in its transaction: begin, the table of migrations, its row, commit."""


def statements_of(dialect: str) -> int:
    """Count the statements of the next release's migration."""
    return len(list(statements(next_migration(dialect))))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> NextRelease:
    """Give the next release."""
    return NextRelease(tmp_path_factory.mktemp("release") / "next")


class State(NamedTuple):
    """All that is in a database but when it was migrated."""

    schema: list[Any]
    rows: dict[str, list[Any]]
    versions: list[Any]


def state_of_file(file: Path) -> State:
    """Read an embedded database."""
    with closing(sqlite3.connect(file)) as database:
        schema = database.execute("select type, name, tbl_name, sql from sqlite_schema order by 1, 2").fetchall()
        names = [row[1] for row in schema if row[0] == "table" and row[1] != "schema_migration"]
        rows = {name: database.execute(f'select * from "{name}"').fetchall() for name in names}  # noqa: S608
        versions = database.execute("select version, name, checksum, oldest_code from schema_migration").fetchall()
    return State(schema, rows, versions)


def state_of_database(server: MariaDbServer, name: str) -> State:
    """Read a database on a server."""
    columns = server.run(COLUMNS, name)
    tables = {row[0] for row in columns} - {"schema_migration"}
    rows = {table: sorted(server.run(f"select * from `{table}`", name)) for table in tables}  # noqa: S608
    versions = server.run("select version, name, checksum, oldest_code from schema_migration order by 1", name)
    return State([columns, server.run(KEYS, name)], rows, versions)


def test_a_file_is_as_before_or_migrated_after_a_kill_at_any_statement(tmp_path: Path, release: NextRelease) -> None:
    """Run again, it is what an uninterrupted run makes of it, and nothing that was written is lost."""
    folder = tmp_path / "dying"
    shutil.copytree(release.env["PYTHONPATH"], folder)
    shutil.copy(Path(__file__).parents[1] / "support" / "next_release" / "dying.py", folder / "sitecustomize.py")

    def migrated(name: str, dies_at: int) -> tuple[int, Path]:
        file = tmp_path / name / "parley.db"
        load_sqlite(NEWEST, file)
        env = {"PYTHONPATH": str(folder), "DIES_AT": str(dies_at)}
        return run_parley("migrate", "--data-dir", file.parent, env=env).returncode, file

    load_sqlite(NEWEST, tmp_path / "before.db")
    code, whole = migrated("whole", -1)
    before, expected = state_of_file(tmp_path / "before.db"), state_of_file(whole)
    kills, left = 0, before
    while left == before:
        kills += 1
        killed, file = migrated(f"killed-{kills}", kills)
        left = state_of_file(file)
        again = run_parley("migrate", "--data-dir", file.parent, env=release.env)

        assert left in (before, expected), f"half a migration after a kill at statement {kills}"
        assert (killed, again.returncode) == (KILLED, 0), again.stderr
        assert state_of_file(file) == expected, f"killed at statement {kills}"

    assert code == 0
    assert kills == AROUND + statements_of("sqlite") + 1
    assert [row[:-1] for row in expected.rows["message"]] == before.rows["message"]
    check_is_clean(whole.parent)


class Databases:
    """Databases of the newest schema, and ``parley migrate`` of the next release on each through a relay."""

    def __init__(self, server: MariaDbServer, release: NextRelease) -> None:
        """Begin without one."""
        self.names: list[str] = []
        self._server = server
        self._release = release

    def make(self) -> str:
        """Make one and give its name."""
        self.names.append(f"parley_migration_{len(self.names)}")
        load_mysql(NEWEST, self._server.create_database(self.names[-1]))
        return self.names[-1]

    async def migrate(self, name: str, *, kill_at: int = 0) -> tuple[int | None, list[str]]:
        """Run it, killed when the server has the statement of this number under the lock; give code and statements."""
        heard: list[str] = []

        def hear(statement: str) -> None:
            if heard or "get_lock" in statement:
                heard.append(statement)
                if len(heard) == kill_at:
                    process.kill()

        async with StatementRelay(self._server.port, hear).open() as port:
            process = await self.start(self._server.url(name).replace(f":{self._server.port}/", f":{port}/"))
            _, said = await process.communicate()
        assert process.returncode in {0, KILLED}, said.decode()
        return process.returncode, heard

    async def start(self, url: str) -> asyncio.subprocess.Process:
        """Start it."""
        outside = {key: value for key, value in os.environ.items() if not key.startswith("PARLEY_")}
        return await asyncio.create_subprocess_exec(
            *parley_command(), "migrate", "--database-url", url, env={**outside, **self._release.env},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip


@pytest.fixture
def databases(mariadb_server: MariaDbServer, release: NextRelease) -> Iterator[Databases]:
    """Give how to make databases, which go at the end."""
    made = Databases(mariadb_server, release)
    yield made
    mariadb_server.run(";".join(f"drop database `{name}`" for name in made.names))


def test_a_database_is_migrated_after_a_kill_at_any_statement(
    mariadb_server: MariaDbServer, databases: Databases
) -> None:
    """Run again while the server may still be at the dead one's statement: the same as an uninterrupted run makes."""
    whole = databases.make()
    before = mariadb_server.run(MESSAGES, whole)
    code, heard = asyncio.run(databases.migrate(whole))
    expected = state_of_database(mariadb_server, whole)
    (recorded,) = (at for at, statement in enumerate(heard, 1) if "into schema_migration" in statement)

    for statement in range(recorded - statements_of("mysql"), recorded + 1):
        name = databases.make()
        killed, _ = asyncio.run(databases.migrate(name, kill_at=statement))
        again, _ = asyncio.run(databases.migrate(name))

        assert (killed, again) == (KILLED, 0), heard[statement - 1]
        assert state_of_database(mariadb_server, name) == expected, f"killed at {heard[statement - 1]}"

    assert code == 0
    assert mariadb_server.run(MESSAGES, whole) == before
    assert expected.versions[-1][:2] == [str(NEWEST + 1), NAME]


def test_of_two_processes_one_migrates_and_the_other_finds_it_done(
    mariadb_server: MariaDbServer, databases: Databases
) -> None:
    """Both wait for the lock, so that neither has looked at the schema before the other is at it; both end well."""
    name = databases.make()
    url = mariadb_server.url(name)
    waiting = "select id from information_schema.processlist where db = database() and info like 'select get_lock%'"

    async def run() -> list[int | None]:
        session = await connect(parse_address(url), {})
        async with migrating(session, name):
            both = [await databases.start(url) for _ in range(2)]
            await asyncio.to_thread(
                wait_for, lambda: len(mariadb_server.run(waiting, name)) == len(both), "both wait for the lock", 20
            )
        await session.close()
        await asyncio.gather(*(process.communicate() for process in both))
        return [process.returncode for process in both]

    codes = asyncio.run(run())

    assert codes == [0, 0]
    assert mariadb_server.run("select version from schema_migration order by 1", name)[-1] == [str(NEWEST + 1)]


def test_a_process_that_owns_the_file_keeps_a_second_from_migrating_it(tmp_path: Path, release: NextRelease) -> None:
    """It says which process that is, and changes nothing; when that one has ended, it migrates."""
    server = Server(tmp_path)
    file = server.data_dir / "parley.db"
    load_sqlite(NEWEST, file)
    with server:
        refused = run_parley("migrate", "--data-dir", server.data_dir, env=release.env)
        versions = state_of_file(file).versions
    done = run_parley("migrate", "--data-dir", server.data_dir, env=release.env)

    assert "is in use by process" in refusal(refused)
    assert versions[-1][0] == NEWEST
    assert done.returncode == 0, done.stderr
    assert state_of_file(file).versions[-1][0] == NEWEST + 1
