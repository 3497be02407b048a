"""Connections to a real server: lost, late, refused, and what those above are told."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from asyncmy.connection import Connection

from parley.database.mysql.address import parse_address
from parley.database.mysql.errors import ContendedError, FailedError, LostError
from parley.database.mysql.session import Session, connect
from parley.database.mysql.transactions import CommitLostError, Database
from parley.domain.errors import ConflictError, OutcomeUnknownError, UnavailableError
from parley.storage.sharing import Applied
from tests.support.commit_cut import CommitCut
from tests.support.engines.mariadb import MariaDbServer
from tests.support.mysql_house import House, opened
from tests.unit.workers.doubles import StillClock

QUERIES = {
    "one": "select 1", "id": "select connection_id()", "wait": "select sleep(30)", "put": "insert into t values (%s)",
    "count": "select count(*) from t", "kill": "kill %s", "settings": "select @@sql_mode, @@time_zone, @@autocommit, "
    "@@collation_connection, @@character_set_client, @@character_set_results",
    "isolation": "show variables where variable_name in ('transaction_isolation', 'tx_isolation')",
    "lock": "update u set n = n + 1 where id = %s",
}  # fmt: skip


@asynccontextmanager
async def database(url: str, sessions: int = 2) -> AsyncIterator[Database]:
    """Open a database with one table of its own."""
    made = Database(parse_address(url), QUERIES, sessions=sessions, jitter=lambda: 0.5)
    session = await made.connect()
    await session.execute("create table if not exists t (x int primary key) engine = InnoDB")
    await session.close()
    try:
        yield made
    finally:
        await made.close()


async def ask(session: Session) -> int:
    """Give a connection's number."""
    return int((await session.rows("id"))[0][0])


async def test_every_session_has_the_same_settings(mysql_url: str) -> None:
    """Strict, in UTC, each statement by itself, whatever the server's own are."""
    async with database(mysql_url) as db:
        ((mode, zone, autocommit, *texts),) = await db.read(lambda session: session.rows("settings"))
        isolation = await db.read(lambda session: session.rows("isolation"))

    assert "STRICT_ALL_TABLES" in mode
    assert (zone, autocommit) == ("+00:00", 1)
    assert texts == ["utf8mb4_bin", "utf8mb4", "utf8mb4"]
    assert {value for _, value in isolation} == {"READ-COMMITTED"}


async def test_sessions_are_bounded_and_used_again(mysql_url: str) -> None:
    """Whoever comes while all are lent waits; nobody opens one more."""
    async with database(mysql_url, sessions=2) as db:
        used = {await db.read(ask) for _ in range(5)}
        used |= set(await asyncio.gather(*(db.read(ask) for _ in range(20))))

    assert len(used) == 2


async def test_a_connection_that_was_ended_is_replaced(mysql_url: str) -> None:
    """A read or write that meets it is repeated on another one; nobody is told."""
    async with database(mysql_url) as db:
        for work in (db.read, db.write):
            victim = await db.read(ask)
            killer = await db.connect()
            await killer.run("kill", victim)
            await killer.close()

            assert await work(ask) != victim


async def test_a_cancelled_query_costs_its_connection_only(mysql_url: str) -> None:
    """The next caller gets another one and the answer to its own question."""
    async with database(mysql_url, sessions=1) as db:
        first = await db.read(ask)
        task = asyncio.create_task(db.read(lambda session: session.rows("wait")))
        looks = await count_sleepers(db)
        while not looks:
            looks = await count_sleepers(db)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await db.read(lambda session: session.rows("one")) == [(1,)]
        assert await db.read(ask) != first


async def count_sleepers(db: Database) -> int:
    """Count the sessions that sleep in a query, on a connection apart."""
    session = await db.connect()
    looking = "select count(*) from information_schema.processlist where info like 'select sleep%%' and db = database()"
    found: int = (await session.execute(looking)).rows[0][0]
    await session.close()
    return found


async def test_a_cancelled_transaction_is_undone(mysql_url: str) -> None:
    """Its connection is closed, and with it what it wrote."""
    begun = asyncio.Event()

    async def work(session: Session) -> None:
        await session.run("put", 1)
        begun.set()
        await session.rows("wait")

    async with database(mysql_url) as db:
        task = asyncio.create_task(db.write(work))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await db.read(lambda session: session.rows("count")) == [(0,)]


async def test_an_error_undoes_the_transaction_and_keeps_the_session(mysql_url: str) -> None:
    """The caller's own errors come out as they are."""

    async def work(session: Session) -> None:
        await session.run("put", 1)
        raise ConflictError("no")

    async with database(mysql_url, sessions=1) as db:
        first = await db.read(ask)
        with pytest.raises(ConflictError, match="no"):
            await db.write(work)

        assert await db.read(lambda session: session.rows("count")) == [(0,)]
        assert await db.read(ask) == first


async def test_deadlocked_transactions_are_repeated(mysql_url: str) -> None:
    """Two that take the same rows the other way round: both are done in the end, each once."""
    turns = [asyncio.Event(), asyncio.Event()]

    async def work(session: Session, mine: int) -> None:
        await session.run("lock", mine)
        turns[mine].set()
        await turns[1 - mine].wait()
        await session.run("lock", 1 - mine)

    async with database(mysql_url) as db:
        session = await db.connect()
        await session.execute("create table u (id int primary key, n int not null) engine = InnoDB")
        await session.execute("insert into u values (0, 0), (1, 0)")
        await asyncio.gather(*(db.write(lambda s, mine=mine: work(s, mine)) for mine in (0, 1)))  # type: ignore[misc]

        assert (await session.execute("select n from u")).rows == [(2,), (2,)]
        await session.close()


async def test_a_transaction_that_never_gets_its_locks_is_given_up(mysql_url: str) -> None:
    """After some tries; nothing of it is there."""
    tries = 0

    async def work(session: Session) -> None:
        nonlocal tries
        tries += 1
        await session.run("put", 1)
        raise ContendedError(1213, "deadlock")

    async with database(mysql_url) as db:
        with pytest.raises(UnavailableError) as refused:
            await db.write(work)

        assert refused.value.code == "database_unavailable"
        assert tries == 6
        assert await db.read(lambda session: session.rows("count")) == [(0,)]


@pytest.mark.parametrize(("cut", "rows"), [("before", 0), ("after", 1)])
async def test_a_commit_without_an_answer_may_have_been_one(mysql_url: str, cut: str, rows: int) -> None:
    """The caller is told that nobody knows: it is never repeated by itself."""
    async with database(mysql_url) as direct, CommitCut(mysql_url).open() as proxy, database(proxy.url) as db:
        proxy.next_cuts.append(cut)  # type: ignore[arg-type]  # one of the two
        with pytest.raises(OutcomeUnknownError):
            await db.write(lambda session: session.run("put", 1))

        assert await direct.read(lambda session: session.rows("count")) == [(rows,)]


async def test_persist_finds_out_what_became_of_a_commit(mysql_url: str, clock: StillClock) -> None:
    """The position says it: lost, nothing was written and it may be sent again; done, it is not sent again."""
    async with CommitCut(mysql_url).open() as proxy, opened(House(proxy.url, clock)) as house:
        await house.begin()
        chat = await house.add_chat("a")
        before = (await house.row()).position
        batch = [house.post(chat, "b")]

        proxy.next_cuts.append("before")
        with pytest.raises(UnavailableError) as lost:
            await house.persisting.apply(0, house.lease, before, batch)
        after_lost = await house.bodies(chat)
        proxy.next_cuts.append("after")
        applied = await house.persisting.apply(0, house.lease, before, batch)

        assert lost.value.code == "database_unavailable"
        assert after_lost == {1: "a"}
        assert applied == Applied(messages=1, dropped=0, dead=0)
        assert await house.bodies(chat) == {1: "a", 2: "b"}
        with pytest.raises(ConflictError):
            await house.persisting.apply(0, house.lease, before, batch)


async def test_a_lost_commit_of_a_new_life_is_told(mysql_url: str, clock: StillClock) -> None:
    """Doing it again is harmless."""
    async with CommitCut(mysql_url).open() as proxy, opened(House(proxy.url, clock)) as house:
        await house.begin()
        proxy.next_cuts.append("after")
        with pytest.raises(OutcomeUnknownError):
            await house.open_life(7)
        await house.open_life(7, "run")

        assert (await house.row()).life == (7, "run")


async def test_a_server_that_is_away_is_told_at_once(own_server: MariaDbServer, clock: StillClock) -> None:
    """Reads and writes are refused within the connect time, and work again as soon as it is back."""
    url = own_server.create_database("parley")
    async with opened(House(url, clock)) as house:
        await house.begin()
        chat = await house.add_chat("a")
        own_server.kill()

        for call in (
            house.storage.ping(), house.storage.find_chat(*chat), house.tenants.create("x", None), house.changes.ends(),
            house.leases.renew(house.lease, 5), house.scopes.partitions(), house.dead_letters.count(),
            house.erasure.erase(1), house.persisting.apply(0, house.lease, house.position, [house.post(chat, "b")]),
        ):  # fmt: skip
            with pytest.raises(UnavailableError) as refused:
                await call
            assert refused.value.code == "database_unavailable"
        own_server.start()

        await house.persist(house.post(chat, "c"))
        assert list(await house.bodies(chat)) == [1, 3]


async def test_a_connection_that_ends_before_it_has_begun_is_a_lost_one(
    mysql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver has an error of its own for that, met where a server died while many connected to it."""

    async def end(_: Connection) -> None:
        raise RuntimeError("Transport does not expose socket instance")

    monkeypatch.setattr(Connection, "connect", end)

    with pytest.raises(LostError, match="lost at its beginning"):
        await connect(parse_address(mysql_url), {})


async def test_a_server_that_hangs_is_given_up(own_server: MariaDbServer, clock: StillClock) -> None:
    """After the time that the URL gives it: for a connection, a read, and a write."""
    url = own_server.create_database("parley") + "?connect-timeout=0.3&read-timeout=0.3&write-timeout=0.3"
    async with opened(House(url, clock)) as house:
        await house.begin()
        chat = await house.add_chat("a")
        own_server.pause()
        try:
            for call in (
                house.storage.find_chat(*chat), house.tenants.create("x", None),
                house.persisting.apply(0, house.lease, house.position, [house.post(chat, "b")]),
            ):  # fmt: skip
                with pytest.raises(UnavailableError):
                    await asyncio.wait_for(call, 5)
        finally:
            own_server.resume()

        await house.storage.ping()


def make_certificates(folder: Path) -> None:
    """Make an authority and a certificate of 127.0.0.1 that it signed."""
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=server -keyout server.key -out server.csr",
        "x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile extensions -out server.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)  # noqa: S607


async def test_a_connection_can_be_encrypted(tmp_path: Path) -> None:
    """And is checked against the authority of the URL; another one's server is not spoken to."""
    make_certificates(tmp_path)
    options = [f"--ssl-cert={tmp_path}/server.pem", f"--ssl-key={tmp_path}/server.key", "--require-secure-transport"]
    with MariaDbServer(tmp_path / "mariadb", options) as server:
        url = server.create_database("parley")
        ciphers = []
        for way in (f"?ssl-ca={tmp_path}/ca.pem", "?ssl=unchecked"):
            session = await connect(parse_address(url + way), {})
            ciphers.append((await session.execute("show status like 'Ssl_cipher'")).rows[0][1])
            await session.close()

        assert all(ciphers)
        for way in ("", "?ssl=on"):
            with pytest.raises(FailedError):
                await connect(parse_address(url + way), {})


async def test_the_first_login_since_a_server_started_needs_no_encryption(own_server: MariaDbServer) -> None:
    """MySQL remembers nobody then, and takes a password only under its public key."""
    url = own_server.create_database("parley")
    own_server.restart()

    session = await connect(parse_address(url), {})

    assert (await session.execute("select substring_index(user(), '@', 1)")).rows == [("parley",)]
    await session.close()


async def test_a_connection_can_be_a_unix_socket(own_server: MariaDbServer) -> None:
    """Which the server makes in its folder."""
    url = own_server.create_database("parley")
    own_server.run("select 1")
    socket = own_server.folder / "data" / "mariadb.sock"
    address = parse_address(f"{url.replace('parley:', 'root:').replace(':pa55-of-the-tests', '')}?unix_socket={socket}")

    session = await connect(address, {})

    assert (await session.execute("select substring_index(user(), '@', -1)")).rows == [("localhost",)]
    await session.close()


async def test_a_line_is_told_from_the_pool(mysql_url: str) -> None:
    """It is one connection, greeted once, and made again after it was lost."""
    greeted = []

    async def greet(session: Session) -> None:
        greeted.append(session.id)

    async with database(mysql_url) as db:
        line = db.line(greet)
        used = [await db.transact(line, ask) for _ in range(3)]
        killer = await db.connect()
        await killer.run("kill", used[0])
        await killer.close()
        used.append(await db.transact(line, ask))
        await line.close()

    assert greeted == [used[0], used[3]]
    assert used[:3] == [used[0]] * 3
    assert issubclass(CommitLostError, LostError)
