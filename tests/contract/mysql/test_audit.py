"""The audit of a MySQL database: clean on all that the storage wrote, and every check finds what is planted for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from parley.domain.documents import WHOLE_CHAT
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.domain.events import MessageDeleted, Position
from parley.storage import open_audit
from parley.storage.mysql.audit import applications, changed, live, spans
from parley.storage.port import Difference
from tests.contract.mysql.faults import FAULTS, NAMES
from tests.contract.mysql.whole import write
from tests.support.engines.mariadb import MariaDbServer
from tests.support.mysql_house import House, opened
from tests.unit.workers.doubles import StillClock

DATABASE, KEPT = "parley_audited", "parley_audited_kept"


@pytest.fixture(scope="module")
def written(mariadb_server: MariaDbServer) -> Iterator[str]:
    """Give the URL of a database that all tests of the module share, with a copy of its tables beside it."""
    url = mariadb_server.create_database(DATABASE)
    mariadb_server.create_database(KEPT)

    async def fill() -> None:
        async with opened(House(url, StillClock())) as house:
            await house.begin()
            await write(house)

    asyncio.run(fill())
    for table in tables(mariadb_server):
        mariadb_server.run(f"create table {KEPT}.`{table}` as select * from {DATABASE}.`{table}`")  # noqa: S608
    yield url
    mariadb_server.run(f"drop database {DATABASE}; drop database {KEPT}")


@pytest.fixture
def url(written: str, mariadb_server: MariaDbServer) -> Iterator[str]:
    """Give the database to plant a fault in; its rows are put back."""
    yield written
    back = [
        f"delete from `{table}`; insert into `{table}` select * from {KEPT}.`{table}`;"  # noqa: S608
        for table in tables(mariadb_server)
    ]
    mariadb_server.run(f"start transaction; {''.join(back)} commit", DATABASE)


def tables(server: MariaDbServer) -> list[str]:
    """List the tables."""
    return [row[0] for row in server.run("show tables", DATABASE)]


def found_at(url: str) -> list[Difference]:
    """Give all differences."""
    with closing(open_audit(url)) as opened_audit:
        return list(opened_audit.compare(lambda _: None))


def chats_at(url: str) -> int:
    """Count the chats."""
    with closing(open_audit(url)) as opened_audit:
        return opened_audit.chats()


def test_operator_is_told_nothing_of_what_the_storage_wrote(url: str) -> None:
    """Tombstones, erased parents, gaps, dead letters, keys and what is not indexed yet are no differences."""
    assert found_at(url) == []


def test_operator_is_told_nothing_when_all_is_read_in_small_slices(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a slice ends makes no difference: not within a chat, nor within the index's order."""
    with closing(open_audit(url)) as whole:
        expected = whole.live(0, 1_000)
    for name in ("_SLICE_CHATS", "_SLICE_MESSAGES", "_SIZES"):
        monkeypatch.setattr(spans, name, 2)
    monkeypatch.setattr(live, "_CHATS", 2)
    monkeypatch.setattr(applications, "_SLICE", 1)
    monkeypatch.setattr(changed, "_SLICE", 1)

    shown: list[int] = []
    with closing(open_audit(url)) as opened_audit:
        differences = list(opened_audit.compare(shown.append))
        walked, after = [], 0
        while page := opened_audit.live(after, 3):
            walked += page
            after = page[-1]

    assert differences == []
    assert shown == sorted(set(shown))
    assert (shown[-1], len(shown) > 1) == (chats_at(url), True)
    assert walked == expected


def test_operator_reads_what_the_index_lacks(url: str, mariadb_server: MariaDbServer) -> None:
    """What changed since the follower's position, and the chats that are gone or about to be; in the index's order."""
    chosen = "@one, @two, @four, (select id from chat where application_id = @leaving)"
    ids = mariadb_server.run(f"{NAMES} select {chosen}", DATABASE)
    one, two, four, leaving = map(int, ids[0])

    with closing(open_audit(url)) as opened_audit:
        pending = opened_audit.pending(opened_audit.floor("search"))
        everything = opened_audit.pending({})
        ends = opened_audit.ends()
        places = [opened_audit.place(key) for key in (one << 32 | 7, 99 << 32 | 1)]

    changed = [(one, 6), (one, 3_001), (one, 3_004), (two, 26), (four, WHOLE_CHAT), (leaving, 1)]
    assert list(pending.messages) == sorted(chat << 32 | number for chat, number in changed)
    assert pending.messages[-1] == max(pending.messages)
    assert {four, leaving} <= pending.chats
    assert len(everything.messages) == len(set(everything.messages)) == len(list(everything.messages))
    assert ends[1] == Position(1, 0) < ends[0]
    assert places[0].endswith(", chat 1, message 7")
    assert places[1] == "unknown chat 99, message 1"


@pytest.mark.parametrize("fault", FAULTS)
def test_operator_is_told_the_fault(fault: str, url: str, mariadb_server: MariaDbServer) -> None:
    """The check for it names it."""
    check, sentence, *statements = FAULTS[fault]
    mariadb_server.run(f"{NAMES}{';'.join(statements)}", DATABASE)

    told = [f"{difference.where}: {difference.what}" for difference in found_at(url) if difference.check == check]

    assert any(sentence in line for line in told), told


def test_every_check_has_a_fault_that_it_finds(url: str) -> None:
    """A check that can find nothing would be a promise only."""
    with closing(open_audit(url)) as opened_audit:
        assert set(opened_audit.checks) == {check for check, *_ in FAULTS.values()}


async def test_operator_is_told_that_two_chats_have_one_id(house: House) -> None:
    """The schema forbids it; a database that was put together by hand may hold it."""
    await house.add_chat("a")
    await house.add_chat("b")
    await house.sql("alter table chat drop key chat_id, add key chat_id (id)")
    await house.sql("update chat set id = 4")

    told = [difference.what for difference in await asyncio.to_thread(found_at, house.url)]

    assert "has the id 4 of another chat" in told


def test_operator_is_told_that_migrations_are_missing(mysql_url: str) -> None:
    """An empty database is not a clean one, and stays empty."""
    with pytest.raises(ConfigurationError, match="lacks 1 migrations; run parley migrate"):
        open_audit(mysql_url)

    with pytest.raises(ConfigurationError, match="run parley migrate"):
        open_audit(mysql_url)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [(("/parley_", "/parley_not_"), "refuses its user|cannot be used"), (("@", "-not@"), "refuses its user")],
)
def test_operator_is_told_why_the_database_cannot_be_read(
    mysql_url: str, damage: tuple[str, str], sentence: str
) -> None:
    """In one sentence, as at a start."""
    with pytest.raises(ConfigurationError, match=sentence):
        open_audit(mysql_url.replace(*damage))


async def test_audit_sees_one_state_while_writes_go_on(house: House) -> None:
    """What is written after the audit was opened is not in it, so nothing differs; and nothing waits for it."""
    chat = await house.add_chat("a", "b")

    opened_audit = await asyncio.to_thread(open_audit, house.url)
    await house.persist(house.post(chat, *"cdefgh"), house.say(*chat, MessageDeleted(), 1))
    differences = await asyncio.to_thread(lambda: list(opened_audit.compare(lambda _: None)))
    found = await asyncio.to_thread(opened_audit.live, 0, 100)
    await asyncio.to_thread(opened_audit.close)

    assert differences == []
    assert [key & 0xFFFFFFFF for key in found] == [1, 2]
    assert await asyncio.to_thread(found_at, house.url) == []


def test_operator_is_told_that_the_server_went_away(url: str, mariadb_server: MariaDbServer) -> None:
    """A lost connection is no difference: the check has no answer then."""
    with closing(open_audit(url)) as opened_audit:
        ((id_,),) = mariadb_server.run(
            f"select id from information_schema.processlist where db = '{DATABASE}' and command = 'Sleep'"  # noqa: S608
        )
        mariadb_server.run(f"kill {id_}")

        with pytest.raises(UnavailableError, match="does not answer"):
            list(opened_audit.compare(lambda _: None))
