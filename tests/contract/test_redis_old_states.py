"""A log on a real Redis that was put back to an old state: what its lease-holder sees, and what is given afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parley.domain.events import ChatDeleted, Entry
from parley.domain.grants import Partition, ScopeName
from parley.domain.numbering import Appended, Reason, Refused, Replayed
from parley.workers.lives import Finding, judge
from tests.support.engines.redis import RedisServer
from tests.support.logs import LogHouse, log_house, notice, wait_until
from tests.support.old_states import cut_entries, put_back, take_snapshot
from tests.support.ports import keyed, posted

EVER = 1
"""Since when a log knows all keys that never was without them."""
TORN = b"*3\r\n$4\r\nHSET\r\n$9\r\n"


@pytest.fixture
def server(tmp_path: Path) -> RedisServer:
    """Give a server that the test may harm."""
    return RedisServer(tmp_path)


@pytest.fixture
async def house(server: RedisServer) -> AsyncIterator[LogHouse]:
    """Give a log on it that has known all keys for longer than they live."""
    with server:
        async with log_house(server.url, unsettled_s=2.0) as house:
            await house.begin_all(keys_known_since=EVER)
            yield house


async def found(house: LogHouse, partition: int = 0) -> Finding:
    """Say what the log is to its lease-holder."""
    life = house.lives[partition]
    row = Partition(partition, life, house.stored[partition], "log", 0)
    return judge(row, await house.keeper.examine(partition, life))


async def put_back_and_start(server: RedisServer, snapshot: Path) -> None:
    """Do what an operator does who has a backup."""
    server.kill()
    put_back(server, snapshot)
    server.start()
    await notice()


async def numbers(house: LogHouse, chat: tuple[str, int], *bodies: str) -> list[int]:
    """Post messages one by one, and give their numbers."""
    return [(await house.take(posted(chat, body))).number for body in bodies]


async def test_a_snapshot_older_than_what_is_stored_is_seen(server: RedisServer, house: LogHouse) -> None:
    """Nobody is served from it; in the next epoch no number and no key is given anew, and what was stored stays."""
    chat, closed = await house.add_chat(0), await house.add_chat(0)
    early = posted(chat, "early", key=keyed("early"))
    first = await house.take(early)
    await house.persist()
    snapshot = take_snapshot(server)
    late = posted(chat, "late", key=keyed("late"))
    second = await house.take(late)
    given = [number for _ in range(3) for number in await numbers(house, chat, *["x"] * 500)]
    await house.take(Entry(*closed, ChatDeleted()))
    later = await house.add_chat(0)
    await house.persist()
    lost = posted(chat, "lost", key=keyed("lost"))
    third = await house.take(lost)
    stored = dict(house.rows.bodies[ScopeName(*chat)])
    granted = house.rows.scopes[ScopeName(*chat)].granted_until

    await put_back_and_start(server, snapshot)
    refused = await house.send(late)
    finding = await found(house)
    await house.begin(0)
    outcomes = await house.append(early, late, lost, posted(closed, "y"), posted(later, "z"))

    assert (refused, finding) == ([Refused(Reason.EPOCH)], Finding.BEHIND)
    assert outcomes[:2] == [Replayed(*first), Replayed(*second)]
    assert isinstance(outcomes[2], Appended)
    assert outcomes[2].number == granted + 1 > third.number > max(given) > 1_000
    assert outcomes[3] == Refused(Reason.CHAT_GONE)
    assert isinstance(outcomes[4], Appended)
    await house.persist()
    assert house.rows.bodies[ScopeName(*chat)] == {**stored, granted + 1: "lost"}
    assert house.rows.gaps[ScopeName(*chat)] == set(range(third.number, granted + 1))


async def test_a_snapshot_that_only_writers_miss_something_of_is_seen(server: RedisServer, house: LogHouse) -> None:
    """Nothing is stored since: a writer was told of more. What the snapshot holds is stored, the rest is explained."""
    chat = await house.add_chat(0)
    await house.persist()
    kept = await numbers(house, chat, "a", "b")
    snapshot = take_snapshot(server)
    lost = await numbers(house, chat, "c", "d", "e")

    await put_back_and_start(server, snapshot)
    await wait_until(lambda: is_found(house, Finding.SHORT), "the writer has flagged the log")
    await house.begin(0)
    (next_one,) = await numbers(house, chat, "f")

    assert (kept, lost) == ([1, 2], [3, 4, 5])
    assert house.rows.bodies[ScopeName(*chat)] == {1: "a", 2: "b"}
    assert next_one == 1_001
    assert house.rows.gaps[ScopeName(*chat)] == set(range(3, 1_001))


async def test_a_snapshot_of_an_earlier_epoch_is_seen(server: RedisServer, house: LogHouse) -> None:
    """Its open epoch is not the database's: nobody is served from it, and it is not gone back to."""
    chat = await house.add_chat(0)
    given = await numbers(house, chat, "a", "b")
    snapshot = take_snapshot(server)
    await house.begin(0)
    given += await numbers(house, chat, "c", "d")
    await house.persist()

    await put_back_and_start(server, snapshot)
    refused = await house.send(posted(chat, "e"))
    finding = await found(house)
    await house.begin(0)
    (next_one,) = await numbers(house, chat, "e")

    assert (refused, finding) == ([Refused(Reason.EPOCH)], Finding.OTHER_EPOCH)
    assert given == [1, 2, 1_001, 1_002]
    assert next_one == 2_001
    assert house.rows.bodies[ScopeName(*chat)] == {1: "a", 2: "b", 1_001: "c", 1_002: "d"}
    assert house.rows.gaps[ScopeName(*chat)] == {*range(3, 1_001), *range(1_003, 2_001)}


@pytest.mark.parametrize("torn", [b"", TORN], ids=["cut", "torn"])
@pytest.mark.parametrize("finding", [Finding.BEHIND, Finding.SHORT])
async def test_a_file_that_lacks_its_last_ten_entries_is_seen(
    server: RedisServer, house: LogHouse, finding: Finding, torn: bytes
) -> None:
    """It promised to sync and did not: by the database where it has them, else by the writer that was told of them."""
    is_stored = finding is Finding.BEHIND
    chat = await house.add_chat(0)
    await numbers(house, chat, *(f"{n}" for n in range(1, 21)))
    if is_stored:
        await house.persist()
    full = await house.read(0)
    server.kill()
    cut_entries(server, 10, torn=torn)

    server.start()
    await notice()
    await wait_until(lambda: is_found(house, finding), "the log is seen to be short")
    short = await house.read(0)
    await house.begin(0)
    (next_one,) = await numbers(house, chat, "after")

    left = 20 if is_stored else 10
    assert ("aof-load-truncated" in server.log_text(this_life=True)) == bool(torn)
    assert short == ([] if is_stored else full[:-10])
    assert house.rows.bodies[ScopeName(*chat)] == {n: f"{n}" for n in range(1, left + 1)}
    assert next_one == 1_001
    assert house.rows.gaps[ScopeName(*chat)] == set(range(left + 1, 1_001))
    assert await found(house) is Finding.SERVED


async def is_found(house: LogHouse, finding: Finding) -> bool:
    """Tell whether the log is this to its lease-holder."""
    return await found(house) is finding
