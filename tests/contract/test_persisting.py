"""Persist between a real Redis and a real MariaDB: exactly once, whoever wakes up late and whatever was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis import Redis

from parley.domain.cursors import Window
from parley.domain.events import Entry, Logged, MessageDeleted, MessageEdited, Position
from parley.storage.sharing import Applied, Lease, Persisting
from parley.workers.shares import Shares
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.redis import RedisServer
from tests.support.logs import wait_until
from tests.support.persisters import PARTITIONS, Installation, Process, Site, Worker, Writer, installed

BACK_S = 5.0
"""Service is back within this time after the log lost everything."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a Redis that the test may flush and kill."""
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def relaxed_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a Redis that answers before it syncs."""
    with RedisServer(tmp_path / "relaxed", aof="everysec") as server:
        yield server


@pytest.fixture
def database(mariadb_server: MariaDbServer, tmp_path: Path) -> Iterator[str]:
    """Give the name of an empty database of the test's own."""
    name = f"parley_{tmp_path.name[-20:].replace('-', '_')}"
    mariadb_server.create_database(name)
    yield name
    mariadb_server.run(f"drop database `{name}`")


@pytest.fixture
async def installation(redis: RedisServer, mariadb_server: MariaDbServer, database: str) -> AsyncIterator[Installation]:
    """Give an installation on both."""
    async with installed(Site(redis.url, mariadb_server.url(database))) as made:
        yield made


class Sleeper:
    """A worker's way to the database that falls asleep before a transaction, until it is woken."""

    def __init__(self, persisting: Persisting) -> None:
        """Stand in front of ``persisting``."""
        self.asleep, self.woken = asyncio.Event(), asyncio.Event()
        self._persisting = persisting
        self.open_life = persisting.open_life

    async def apply(self, partition: int, lease: Lease, after: Position, logged: list[Logged]) -> Applied:
        """Sleep, then apply."""
        self.asleep.set()
        await self.woken.wait()
        return await self._persisting.apply(partition, lease, after, logged)


async def stored(process: Process, chat: tuple[str, int]) -> dict[int, str]:
    """Give a chat's rows, bodies by number, all pages."""
    found: dict[int, str] = {}
    while True:
        window = Window(after=max(found, default=0), limit=500)
        page = await process.storage.storage.page_messages(*chat, window)
        if not page.items:
            return found
        found |= {message.number: message.body or "" for message in page.items}


async def settle(worker: Worker, writer: Writer) -> None:
    """Wait until the log holds nothing that is not stored."""

    async def is_drained() -> bool:
        rows = await worker.shared.scopes.partitions()
        reading = await worker.apart.stream.read({row.id: row.position for row in rows}, 1)
        return not any(reading.entries.values()) and writer.log.depth().messages == 0

    await wait_until(is_drained, "everything stored and trimmed", 20)


async def test_what_is_acknowledged_becomes_rows_in_order(installation: Installation) -> None:
    """Creates, bulks, edits and deletes over both partitions: rows as acknowledged, and the log is empty after it."""
    worker, writer = await installation.worker(), await installation.writer()

    async with worker.sharing():
        chats = [await writer.add_chat(n % PARTITIONS) for n in range(4)]
        told = {chat: await writer.post_all(chat, [f"{chat[0]} {n}" for n in range(200)]) for chat in chats}
        first = await writer.post(chats[0], "bulk 1", "bulk 2", "bulk 3")
        await writer.take(Entry(*chats[0], MessageEdited("edited"), 7))
        await writer.take(Entry(*chats[0], MessageDeleted(), 9))
        await settle(worker, writer)

    assert worker.metrics.persisted_messages.value == 4 * 200 + 3
    assert worker.opened() == {"first": PARTITIONS}
    del told[chats[0]][9]
    told[chats[0]] |= {7: "edited", first: "bulk 1", first + 1: "bulk 2", first + 2: "bulk 3"}
    for chat in chats:
        assert await stored(worker, chat) == told[chat]


async def test_a_late_worker_writes_nothing(
    installation: Installation, mariadb_server: MariaDbServer, database: str
) -> None:
    """It slept in front of its transaction, another took over: on waking it is refused, and nothing is there twice."""
    late, quick, writer = await installation.worker(), await installation.worker(), await installation.writer()
    job = await late.claim()
    await job.step()
    chat = await writer.add_chat()
    told = await writer.post_all(chat, [f"message {n}" for n in range(50)])
    sleeper = Sleeper(late.shared.persisting)
    job._database = late.shared._replace(persisting=sleeper)  # type: ignore[arg-type]
    sleeping = asyncio.create_task(job.step())
    await sleeper.asleep.wait()

    mariadb_server.run("update lease set until = 0", database)
    taken = await quick.claim()
    await taken.step()
    told |= await writer.post_all(chat, ["after the takeover"])
    await taken.step()
    sleeper.woken.set()
    await sleeping
    await taken.step()

    assert not late.tenure.is_sure
    assert late.metrics.persisted_messages.value == 0
    assert await stored(quick, chat) == told


async def test_a_dead_workers_partitions_are_taken_over(
    installation: Installation, mariadb_server: MariaDbServer, database: str
) -> None:
    """It held all and is gone without a word: when its time is over the other has all, and stores what waited."""
    dead, other, writer = await installation.worker(), await installation.worker(), await installation.writer()
    for partition in range(PARTITIONS):
        await (await dead.claim(partition)).step()
    await dead.shared.leases.beat(dead.owner, 60)
    chats = [await writer.add_chat(partition) for partition in range(PARTITIONS)]
    told = [await writer.post_all(chat, ["one", "two"]) for chat in chats]

    mariadb_server.run("update lease set until = 0; update worker set until = 0", database)
    async with other.sharing():
        await settle(other, writer)

    assert [await stored(other, chat) for chat in chats] == told
    assert other.opened() == {}


async def test_two_workers_share_the_partitions(installation: Installation) -> None:
    """The second gets its share within ten seconds; when the first stops, the second has all at once."""
    first, second = await installation.worker(), await installation.worker()

    async with second.sharing() as others:
        async with first.sharing() as ones:
            await wait_until(lambda: _hold(ones, others, 1, 1), "one each", 10)
        await wait_until(lambda: _hold(ones, others, 0, PARTITIONS), "all with the one that is left", 5)


async def _hold(ones: Shares, others: Shares, *expected: int) -> bool:
    return (len(ones.runners), len(others.runners)) == expected


async def _opened(worker: Worker, reason: str, count: int) -> bool:
    return worker.opened().get(reason) == count


async def test_a_flushed_log_is_back_in_seconds_and_gives_no_number_twice(
    installation: Installation, redis: RedisServer, mariadb_server: MariaDbServer, database: str
) -> None:
    """FLUSHALL under 32 creates in flight: a new epoch, every row stays, and voided numbers are in the gap ledger."""
    worker, writer = await installation.worker(), await installation.writer()
    async with worker.sharing():
        chat = await writer.add_chat()
        before = await writer.post_all(chat, [f"before {n}" for n in range(300)])
        await settle(worker, writer)

        posting = asyncio.create_task(writer.post_all(chat, [f"during {n}" for n in range(32)]))
        with Redis(port=redis.port) as client:
            client.flushall()
        async with asyncio.timeout(BACK_S):
            after = await writer.post_all(chat, ["after"])
        during = await posting
        await settle(worker, writer)
        await wait_until(lambda: _opened(worker, "flushed", PARTITIONS), "all partitions opened anew")

    rows = await stored(worker, chat)
    assert (await worker.row()).life.epoch == 3
    assert rows == {**rows, **before, **after}
    assert len(set(rows.values())) == len(rows)
    given = {**before, **during, **after}
    assert len(given) == len(before) + len(during) + len(after)
    gaps = mariadb_server.run("select first, last from gap where chat_id <> 0", database)
    voided = {number for first, last in gaps for number in range(int(first), int(last) + 1)}
    assert voided.isdisjoint(rows)
    assert voided | set(rows) == set(range(1, max(rows) + 1))


async def test_a_log_that_keeps_all_goes_on_in_its_epoch_after_a_crash(
    installation: Installation, redis: RedisServer
) -> None:
    """Redis is killed under creates, three times: same epoch, all that was acknowledged is a row, without a hole."""
    worker, writer = await installation.worker(), await installation.writer()
    told: dict[int, str] = {}
    async with worker.sharing():
        chat = await writer.add_chat()
        for turn in range(3):
            told |= await writer.post_all(chat, [f"{turn} before {n}" for n in range(100)])
            posting = asyncio.create_task(writer.post_all(chat, [f"{turn} during {n}" for n in range(32)]))
            await asyncio.to_thread(redis.restart)
            told |= await posting
        await settle(worker, writer)

    assert (await worker.row()).life.epoch == 2
    assert set(worker.opened()) == {"first", "restarted"}
    assert await stored(worker, chat) == told
    assert sorted(told) == list(range(1, len(told) + 1))


async def test_a_log_that_may_have_lost_begins_a_new_epoch_after_a_crash(
    relaxed_redis: RedisServer, mariadb_server: MariaDbServer, database: str
) -> None:
    """It answers before it syncs, so a restart proves nothing: what is left of it is stored, numbers begin anew."""
    async with installed(Site(relaxed_redis.url, mariadb_server.url(database))) as installation:
        worker, writer = await installation.worker(), await installation.writer()
        async with worker.sharing():
            chat = await writer.add_chat()
            before = await writer.post_all(chat, [f"before {n}" for n in range(50)])
            await settle(worker, writer)

            await asyncio.to_thread(relaxed_redis.restart)
            after = await writer.post_all(chat, ["after"])
            await settle(worker, writer)
            await wait_until(lambda: _opened(worker, "not_kept", PARTITIONS), "all partitions opened anew")

        assert (await worker.row()).life.epoch == 3
        assert await stored(worker, chat) == before | after
        assert min(after) == 1_001


@pytest.mark.parametrize(("is_stored", "reason"), [(True, "behind"), (False, "short")])
async def test_a_log_that_lost_its_end_begins_a_new_epoch(
    installation: Installation, redis: RedisServer, *, is_stored: bool, reason: str
) -> None:
    """The file was cut by ten entries: the database or a writer knows better than an engine that says it keeps all."""
    worker, writer = await installation.worker(), await installation.writer()
    jobs = [await worker.claim(partition) for partition in range(PARTITIONS)]
    for job in jobs:
        await job.step()
    chat = await writer.add_chat()
    told = await writer.post_all(chat, ["kept"])
    await jobs[0].step()
    (file,) = (redis.folder / "appendonlydir").glob("*.incr.aof")
    size = file.stat().st_size
    cut = await writer.post_all(chat, [f"cut {n}" for n in range(10)])
    if is_stored:
        await jobs[0].step()
        told |= cut

    redis.kill()
    with file.open("rb+") as aof:
        aof.truncate(size)
    redis.start()
    async with worker.sharing():
        told |= await writer.post_all(chat, ["after"])
        await settle(worker, writer)

    assert worker.opened()[reason] == 1
    assert (await worker.row()).life.epoch == 3
    assert await stored(worker, chat) == told


async def test_a_database_that_crashes_costs_nothing(redis: RedisServer, tmp_path: Path) -> None:
    """MariaDB is killed in the middle of persisting: creates go on, and after its return every one is a row, once."""
    with MariaDbServer(tmp_path / "mariadb") as mariadb:
        mariadb.create_database("parley_own")
        async with installed(Site(redis.url, mariadb.url("parley_own"))) as installation:
            worker, writer = await installation.worker(), await installation.writer()
            async with worker.sharing():
                chat = await writer.add_chat()
                told = await writer.post_all(chat, [f"before {n}" for n in range(200)])
                mariadb.kill()
                told |= await writer.post_all(chat, [f"during {n}" for n in range(200)])
                await asyncio.to_thread(mariadb.start)
                told |= await writer.post_all(chat, [f"after {n}" for n in range(200)])
                await settle(worker, writer)

            assert (await worker.row()).life.epoch == 2
            assert await stored(worker, chat) == told
            assert sorted(told) == list(range(1, 601))
