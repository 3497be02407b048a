"""Starting on a MySQL database: migrations by one process at a time, and what is refused, with what to change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parley.database.migrations import Migration
from parley.database.mysql.address import parse_address
from parley.database.mysql.migrations import migrate, migrating, statements
from parley.database.mysql.server import Server
from parley.database.mysql.session import Session, connect
from parley.domain.errors import ConfigurationError
from parley.storage import open_storage, plan_storage
from parley.storage.mysql import migrations
from parley.storage.port import Opened, Opening
from tests.support.engines.mariadb import MariaDbServer
from tests.support.mysql_house import House, opened
from tests.support.pace import hold_async
from tests.unit.workers.doubles import StillClock


def storage(url: str, partitions: int = 4, *, accepts_relaxed: bool = False) -> Opened:
    """Name a database as production does."""
    return open_storage(url, Opening(StillClock(), str, partitions, 60, 1, 1, 1, accepts_relaxed=accepts_relaxed))


async def start(url: str, partitions: int = 4, *, accepts_relaxed: bool = False) -> None:
    """Start and stop a process's storage."""
    made = storage(url, partitions, accepts_relaxed=accepts_relaxed)
    try:
        await made.start()
    finally:
        await made.close()


async def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    """Run a statement."""
    session = await connect(parse_address(url), {})
    try:
        return (await session.execute(statement)).rows
    finally:
        await session.close()


async def test_many_processes_may_start_at_once(mysql_url: str) -> None:
    """One of them migrates, each migration once; all of them run."""
    await asyncio.gather(*(start(mysql_url) for _ in range(6)))

    assert await rows(mysql_url, "select version from schema_migration") == [(1,)]
    assert await rows(mysql_url, "select id from `partition` order by id") == [(0,), (1,), (2,), (3,)]


@pytest.mark.parametrize("done", [0, 1, 5, 12])
async def test_a_migration_that_died_in_the_middle_goes_on(mysql_url: str, done: int) -> None:
    """Whatever part of it was done, and whether it was recorded or not."""
    session = await connect(parse_address(mysql_url), {})
    for statement in list(statements(migrations()[0].sql))[:done]:
        await session.execute(statement)
    await session.close()

    await start(mysql_url)

    assert await rows(mysql_url, "select count(*) from message") == [(0,)]


async def test_the_number_of_partitions_stays(mysql_url: str, clock: StillClock) -> None:
    """What the first start made is used ever after, whatever the setting says."""
    await start(mysql_url, partitions=4)
    await start(mysql_url, partitions=9)

    async with opened(House(mysql_url, clock)) as house:
        assert len(await house.scopes.partitions()) == 4


def test_a_plan_writes_nothing(mariadb_server: MariaDbServer, mysql_url: str) -> None:
    """It tells what a start would do, before and after one."""
    before = plan_storage(mysql_url)
    tables = mariadb_server.run("show tables", parse_address(mysql_url).database)
    asyncio.run(start(mysql_url))

    assert [migration.version for migration in before] == [migration.version for migration in migrations()]
    assert tables == []
    assert plan_storage(mysql_url) == []


async def test_an_edited_or_newer_schema_is_refused(mysql_url: str) -> None:
    """As with every database."""
    await start(mysql_url)
    await rows(mysql_url, "update schema_migration set checksum = 'x'")
    with pytest.raises(ConfigurationError, match="migration 0001 was edited"):
        await start(mysql_url)

    await rows(mysql_url, "update schema_migration set oldest_code = 99")
    with pytest.raises(ConfigurationError, match="needs newer code"):
        await start(mysql_url)


async def test_a_second_migrator_waits_for_the_first(mysql_url: str) -> None:
    """They never run beside each other, not even on different connections of one process."""
    address, inside, most = parse_address(mysql_url), 0, 0

    async def run() -> None:
        nonlocal inside, most
        session = await connect(address, {})
        async with migrating(session, address.database):
            inside += 1
            most = max(most, inside)
            await migrate(session, migrations(), 1)
            inside -= 1
        await session.close()

    await asyncio.gather(*(run() for _ in range(4)))

    assert most == 1


WIDER = Migration(2, "wider", "alter table message add column language varchar(16), algorithm = instant;", 1)


@contextlib.asynccontextmanager
async def reading(url: str) -> AsyncIterator[Session]:
    """Hold a state of all messages, as a backup does."""
    session = await connect(parse_address(url), {})
    await session.begin()
    await session.execute("select count(*) from message")
    try:
        yield session
    finally:
        await session.close()


async def test_a_migration_keeps_nobody_waiting_while_it_waits_for_a_backup(mysql_url: str) -> None:
    """Others go on reading and writing, and once the backup is done so is the migration."""
    await start(mysql_url)
    migrator = await connect(parse_address(mysql_url), {})
    async with reading(mysql_url):
        migration = asyncio.create_task(migrate(migrator, [*migrations(), WIDER], 1))
        for _ in range(8):
            assert await rows(mysql_url, "select count(*) from message") == [(0,)]
            await rows(mysql_url, "update message set body = '' where number = 1")
            await hold_async(0.5)
        assert not migration.done()

    assert await migration == [WIDER]
    await migrator.close()


async def test_a_migration_that_waits_for_too_long_says_for_what(
    mysql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is begun anew later."""
    await start(mysql_url)
    monkeypatch.setattr("parley.database.mysql.migrations._WAIT_S", 1)
    migrator = await connect(parse_address(mysql_url), {})
    async with reading(mysql_url):
        with pytest.raises(ConfigurationError, match="wait until parley backup and parley check are done"):
            await migrate(migrator, [*migrations(), WIDER], 1)

    assert await migrate(migrator, [*migrations(), WIDER], 1) == [WIDER]
    await migrator.close()


async def test_a_start_that_waited_for_a_restore_refuses_what_it_left(mysql_url: str) -> None:
    """It looked at an empty place, waited, and the restore was killed in its midst."""
    address = parse_address(mysql_url)
    restore = await connect(address, {})
    async with migrating(restore, address.database):
        late = asyncio.create_task(start(mysql_url))
        while not await rows(mysql_url, "select 1 from information_schema.processlist where state = 'User lock'"):
            await hold_async(0.05)
        await restore.execute("create table restoring (id int primary key)")

    with pytest.raises(ConfigurationError, match="did not come to its end"):
        await late
    await restore.close()


async def test_a_wrong_password_is_refused(mysql_url: str) -> None:
    """The sentence says who was refused and what to change, and not the password."""
    wrong = mysql_url.replace("pa55-of-the-tests", "not-this-one")

    with pytest.raises(ConfigurationError, match=r"refuses its user: Access denied.*GRANT ALL ON `parley_") as refused:
        await start(wrong)
    assert "not-this-one" not in refused.value.detail


async def test_a_missing_database_or_server_is_refused(mysql_url: str) -> None:
    """Each with its own sentence."""
    missing = mysql_url.replace("/parley_test", "/parley_missing")
    away = mysql_url.replace(f":{parse_address(mysql_url).port}/", ":1/")

    with pytest.raises(ConfigurationError, match="the database cannot be used: Unknown database"):
        await start(missing)
    with pytest.raises(ConfigurationError, match=r"does not answer.*is PARLEY_DATABASE_URL right"):
        await start(away)


async def test_a_missing_privilege_is_refused(own_server: MariaDbServer) -> None:
    """Before the first request needs it: to make tables, or to write rows."""
    url = own_server.create_database("parley")
    reader = f"{url.replace('parley:', 'reader:')}?ssl=off"
    (own_server.folder / "user.sql").write_text(
        "CREATE USER reader@`127.0.0.1` IDENTIFIED BY 'pa55-of-the-tests';\n"
        "GRANT SELECT ON parley.* TO reader@`127.0.0.1`;\n"
    )
    own_server.restart()

    with pytest.raises(ConfigurationError, match=r"CREATE command denied.*GRANT ALL ON `parley`\.\* TO 'reader'"):
        await start(reader)
    await start(url)
    with pytest.raises(ConfigurationError, match=r"INSERT.* command denied"):
        await start(reader)


async def test_a_collation_that_folds_is_refused(mysql_url: str) -> None:
    """With the statement that changes it."""
    name = parse_address(mysql_url).database
    await rows(mysql_url, f"alter database `{name}` character set latin1")

    with pytest.raises(ConfigurationError, match=f"ALTER DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"):
        await start(mysql_url)


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--max-allowed-packet=4M", "max_allowed_packet = 4194304; set it to 16777216 or more"),
        ("--binlog-format=STATEMENT", "binlog_format = STATEMENT; set it to ROW or MIXED"),
        (
            "--sync-binlog=0",
            "before the disk has the write: set innodb_flush_log_at_trx_commit = 1, and sync_binlog = 1",
        ),
        ("--innodb-flush-log-at-trx-commit=2", "before the disk has the write"),
    ],
)
async def test_a_server_that_is_set_up_otherwise_is_refused(tmp_path: Path, option: str, complaint: str) -> None:
    """The sentence has the setting to change; that it does not sync may be accepted."""
    with MariaDbServer(tmp_path / "mariadb", [option]) as server:
        url = server.create_database("parley")

        with pytest.raises(ConfigurationError, match=complaint):
            await start(url)
        if "before the disk" in complaint:
            await start(url, accepts_relaxed=True)


@pytest.mark.parametrize(
    ("product", "version", "is_old"),
    [("MariaDB", (10, 5), True), ("MariaDB", (10, 6), False), ("MySQL", (5, 7), True), ("MySQL", (8, 0), False)],
)
def test_an_old_server_is_refused(product: str, version: tuple[int, int], is_old: bool) -> None:  # noqa: FBT001
    """The sentence names what will do."""
    variables = {"max_allowed_packet": str(2**24)}
    server = Server(product, version, variables, "utf8mb4", "utf8mb4_bin")

    if not is_old:
        server.check("parley")
        return
    with pytest.raises(ConfigurationError, match=r"use MySQL 8\.0 or MariaDB 10\.6, or later"):
        server.check("parley")
