"""The audit: clean on what the storage wrote, and every check finds the fault that is planted for it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from random import Random

import apsw
import pytest

from parley.cli.index_check import INDEX_CHECK, open_index_check
from parley.domain.errors import ConfigurationError
from parley.domain.events import ChatCreated, ChatDeleted, Entry, IdempotencyKey, MessageDeleted, MessagesPosted
from parley.domain.model import Draft
from parley.search import open_search
from parley.storage import open_audit
from parley.storage.port import Difference
from parley.telemetry.clock import SystemClock
from parley.workers.feed import Feed
from parley.workers.index import IndexFollower
from tests.support.house import House, opened_at

CHATS, MESSAGES = 3, 20
INSERT = "insert into message (id, epoch, position, body, created_at) values "


def url_of(folder: Path, name: str = "parley.db") -> str:
    """Give the URL of a file in the folder."""
    return f"sqlite://{folder}/{name}"


def posted(token: str, chat: int, count: int, key: str | None = None) -> Entry:
    """Post some messages with one entry."""
    named = None if key is None else IdempotencyKey("bulk", key, bytes(16))
    drafts = tuple(Draft(f"message {index} of chat {chat}") for index in range(count))
    return Entry(token, chat, MessagesPosted(drafts), key=named)


async def fill(folder: Path) -> None:
    """Write two applications, index them, and then write some more that is not indexed."""
    async with opened_at(url_of(folder), Random(1)) as house:
        await write(house, folder)


async def write(house: House, folder: Path) -> None:
    """Write as `fill` says."""
    tenants = house.opened.tenants
    first, _ = await tenants.create("first", IdempotencyKey("applications", "a", bytes(16)))
    second, _ = await tenants.create("second", None)
    for chat in range(1, CHATS + 1):
        await house.append(Entry(first.token, None, ChatCreated(), key=IdempotencyKey("chats", str(chat), bytes(16))))
        await house.append(posted(first.token, chat, MESSAGES, f"k{chat}"))
    await house.append(Entry(first.token, 1, MessageDeleted(), number=5))
    await house.append(Entry(second.token, None, ChatCreated()))
    await house.append(posted(second.token, 1, MESSAGES))
    await house.append(Entry(first.token, 3, ChatDeleted()))
    while await house.opened.erasure.erase(7):
        pass
    index = open_search(url_of(folder, "search.db"))
    await index.start()
    feed = Feed(index, lambda _: None, lambda: None)
    follower = IndexFollower(house.opened.changes, index, feed, SystemClock(), batch_messages=10)
    while await follower.step() == 0:
        pass
    await house.opened.changes.passed("search", await index.positions())
    await index.close()
    await house.append(posted(first.token, 2, 5))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that nobody may change."""
    folder = tmp_path_factory.mktemp("written")
    asyncio.run(fill(folder))
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """Give a copy to plant a fault in."""
    return Path(shutil.copytree(written, tmp_path / "data"))


def plant(folder: Path, *statements: str, file: str = "parley.db") -> None:
    """Change the file behind everybody's back."""
    with closing(apsw.Connection(str(folder / file))) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()


def found_in(folder: Path) -> list[Difference]:
    """Give all differences."""
    with closing(open_index_check(url_of(folder), url_of(folder, "search.db"))) as index:
        return [*index.rows.compare(lambda _: None), *index.compare(lambda _: None)]


def test_operator_is_told_nothing_of_what_the_storage_wrote(folder: Path) -> None:
    """Tombstones, an erased chat, keys and a lagging index are no differences."""
    assert found_in(folder) == []


def test_operator_is_told_that_the_index_lags(folder: Path) -> None:
    """What changed since is counted, not reported."""
    with closing(open_index_check(url_of(folder), url_of(folder, "search.db"))) as index:
        differences = list(index.compare(lambda _: None))

    assert differences == []
    assert index.note is not None
    assert index.note.startswith("5 ")


FAULTS: dict[str, tuple[str, ...]] = {
    "a message is lost": ("numbers", "number 7 is missing", "delete from message where id = (1 << 32 | 7)"),
    "the last messages are lost": (
        "numbers", "numbers 24 to 25 are missing", "delete from message where id > (2 << 32 | 23) and id < (3 << 32)",
    ),
    "the first message is lost": ("numbers", "number 1 is missing", "delete from message where id = (1 << 32 | 1)"),
    "all messages of a chat are lost": (
        "numbers", "numbers 1 to 20 are missing", "delete from message where id between (1 << 32) and (2 << 32)",
    ),
    "a number was not given": (
        "numbers", "only 20 numbers were given",
        INSERT + "((1 << 32 | 99), 1, 1, 'x', 9e15)",
    ),
    "a message has no chat": (
        "numbers", "its chat never was",
        INSERT + "((99 << 32 | 1), 1, 1, 'x', 1)",
    ),
    "a message lies below every chat": (
        "numbers", "its chat never was",
        INSERT + "(7, 1, 1, 'x', 1)",
    ),
    "a chat is lost": ("numbers", "number 2 is missing", "delete from chat where id = 2"),
    "a chat number was not given": (
        "numbers", "only 2 numbers were given", "update application set granted_until = 2 where id = 1",
    ),
    "a chat has no application": (
        "numbers", "application id 77, which never was", "pragma foreign_keys = off",
        "update chat set application_id = 77 where id = 4",
    ),
    "a tombstone speaks": ("numbers", "neither live", "update message set body = 'x' where id = (1 << 32 | 5)"),
    "a live message is mute": ("numbers", "neither live", "update message set body = null where id = (1 << 32 | 6)"),
    "an erased chat has a message": (
        "numbers", "is erased and still has 1 messages",
        INSERT + "((3 << 32 | 4), 1, 1, 'x', 1)",
    ),
    "a message count is wrong": (
        "counts", "messages_count is 18, live messages are 19", "update chat set messages_count = 18 where id = 1",
    ),
    "a chat count is wrong": (
        "counts", "chats_count is 3, live chats are 2", "update application set chats_count = 3 where id = 1",
    ),
    "a message is older than the one before": (
        "times", "created at 5, the one before", "update message set created_at = 5 where id = (2 << 32 | 3)",
    ),
    "a chat is older than the one before": ("times", "created at 5", "update chat set created_at = 5 where id = 2"),
    "a message is ahead of its partition": (
        "positions", "beyond its partition's position", "update message set epoch = 2 where id = (4 << 32 | 3)",
    ),
    "a partition went back": ("positions", "beyond its partition's position", "update partition set position_id = 9"),
    "a partition is ahead of its epoch": ("positions", "partition", "update partition set position_epoch = 3"),
    "an application changed its partition": (
        "positions", "where it does not belong", "update application set partition = (partition + 1) % 4 where id = 2",
    ),
    "a change is lost": ("changes", "no change tells the index of it", "delete from change"),
    "a gap is outside": (
        "gaps", "outside the 20 numbers", "insert into gap values (1, 1, 1, 21, 22, 'x', 1)",
    ),
    "a gap has a row": ("gaps", "1 numbers in it have a row", "insert into gap values (1, 1, 1, 3, 3, 'x', 1)"),
    "gaps overlap": (
        "gaps", "overlaps the gap that ends at 4",
        "insert into gap values (1, 1, 1, 3, 4, 'x', 1)", "insert into gap values (2, 1, 1, 4, 5, 'x', 1)",
    ),
    "a gap has no scope": ("gaps", "its scope never was", "insert into gap values (1, 1, 88, 3, 4, 'x', 1)"),
    "a key points to no message": ("keys", "numbers 40 to 59", "update idempotency_key set number=40 where key = 'k1'"),
    "a key points to no chat": (
        "keys", "number 9, never given", "update idempotency_key set number = 9 where route = 'chats' and key = '1'",
    ),
    "a key points to no application": (
        "keys", "the deployment", "update idempotency_key set number = 9 where application_id = 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_operator_is_told_the_fault(fault: str, folder: Path) -> None:
    """The check for it names it."""
    check, sentence, *statements = FAULTS[fault]
    plant(folder, *statements)

    told = [f"{difference.where}: {difference.what}" for difference in found_in(folder) if difference.check == check]

    assert any(sentence in line for line in told), told


def test_operator_is_told_nothing_of_a_hole_that_the_gap_ledger_explains(folder: Path) -> None:
    """The number is missing, and the ledger says why."""
    plant(
        folder,
        "delete from message where id between (1 << 32 | 7) and (1 << 32 | 9)",
        "update chat set messages_count = messages_count - 3 where id = 1",
        "insert into gap values (1, 1, 1, 7, 8, 'x', 1)",
        "insert into dead_letter values (1, 0, 1, 1, 1, 1, 9, 'x', 1, x'00', 1, 1)",
    )

    assert {difference.check for difference in found_in(folder)} == {INDEX_CHECK}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("delete from body where rowid = (1 << 32 | 7)", "message 7: live, but not in the index"),
        ("insert into body (rowid, folded) values ((1 << 32 | 5), 'ghost')", "message 5: in the index, but not live"),
        ("insert into body (rowid, folded) values ((3 << 32 | 5), 'ghost')", "message 5: in the index, but not live"),
        ("insert into body (rowid, folded) values ((77 << 32 | 1), 'ghost')", "unknown chat 77"),
    ],
)
def test_operator_is_told_where_the_index_differs(fault: str, sentence: str, folder: Path) -> None:
    """A document that is missing and one that should not be there."""
    plant(folder, fault, file="search.db")

    told = [f"{difference.check}: {difference.where}: {difference.what}" for difference in found_in(folder)]

    assert len(told) == 1
    assert told[0].startswith(f"{INDEX_CHECK}: ")
    assert sentence in told[0]


def test_operator_is_told_of_damage(folder: Path) -> None:
    """A page that was overwritten is found by SQLite's own check."""
    plant(folder, "create index damaged on message (created_at)", "vacuum", "pragma wal_checkpoint(truncate)")
    with closing(apsw.Connection(str(folder / "parley.db"))) as connection:
        query = "select rootpage, page_size from sqlite_schema, pragma_page_size where name = 'damaged'"
        page, size = (int(str(value)) for value in connection.execute(query).fetchall()[0])
    with (folder / "parley.db").open("r+b") as file:
        file.seek((page - 1) * size + 3)
        file.write(b"\0\1")

    assert any(difference.check == "integrity" for difference in found_in(folder))


@pytest.mark.parametrize(
    ("fault", "note"),
    [("delete from position", "being made again"), ("update position set id = 1", "older than the changes")],
)
def test_operator_is_told_that_the_index_cannot_be_compared(fault: str, note: str, folder: Path) -> None:
    """An index that the next start makes again differs in nothing yet."""
    plant(folder, fault, file="search.db")

    with closing(open_index_check(url_of(folder), url_of(folder, "search.db"))) as index:
        assert list(index.compare(lambda _: None)) == []

    assert index.note is not None
    assert note in index.note


def test_operator_checks_a_copy_without_an_index(folder: Path) -> None:
    """A backup of the database alone is whole."""
    (folder / "search.db").unlink()

    with closing(open_index_check(url_of(folder), url_of(folder, "search.db"))) as index:
        assert [*index.rows.compare(lambda _: None), *index.compare(lambda _: None)] == []

    assert index.note is not None


def test_operator_is_told_that_the_index_is_damaged(folder: Path) -> None:
    """The rows are checked all the same."""
    (folder / "search.db").write_bytes(b"damaged")

    (difference,) = found_in(folder)

    assert difference.check == INDEX_CHECK


def test_operator_is_told_that_there_is_no_database(tmp_path: Path) -> None:
    """Nothing is made where nothing was."""
    with pytest.raises(ConfigurationError, match="there is no database"):
        open_audit(url_of(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_operator_is_told_that_migrations_are_missing(tmp_path: Path) -> None:
    """An empty database is not a clean one."""
    plant(tmp_path, "pragma journal_mode = wal", "create table other (x)")

    with pytest.raises(ConfigurationError, match="parley migrate"):
        open_audit(url_of(tmp_path))


@pytest.fixture
async def running(folder: Path) -> AsyncIterator[House]:
    """Give a house that is open on the folder."""
    async with opened_at(url_of(folder), Random(2)) as house:
        yield house


async def test_audit_sees_one_state_while_writes_go_on(running: House, folder: Path) -> None:
    """What is written after the audit was opened is not in it, so nothing differs."""
    (application, *_), _ = await running.opened.tenants.page(0, 1)

    with closing(open_audit(url_of(folder))) as audit:
        await running.append(posted(application.token, 1, 100))
        differences = list(audit.compare(lambda _: None))
        live = audit.live(0, 1_000)

    assert differences == []
    assert len(live) == (MESSAGES - 1) + (MESSAGES + 5) + MESSAGES
