"""What is answered of an append on a real Redis whose reply is lost, late, or never comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from parley.domain.errors import OutcomeUnknownError, UnavailableError
from parley.domain.events import ChatCreated, Entry
from parley.domain.numbering import Appended, Outcome, Reason, Refused, Replayed
from parley.log.batch import FixedBatch
from tests.support.engines.redis import RedisServer
from tests.support.logs import Faults, LogHouse, wait_until
from tests.support.pace import hold_async
from tests.support.ports import keyed, posted


async def test_a_batch_whose_reply_is_lost_is_written_once(house: LogHouse) -> None:
    """It is sent again under its sequence, and answered with the first reply; over both partitions."""
    chats = [await house.add_chat(0), await house.add_chat(1)]
    faults = Faults(house)

    faults.lost = 3
    outcomes = await house.send(*(posted(chats[n % 2], f"{n}") for n in range(6)))

    assert [outcome.number for outcome in outcomes if isinstance(outcome, Appended)] == [1, 1, 2, 2, 3, 3]
    assert len(faults.calls) == 4
    assert [len(await house.read(partition)) for partition in (0, 1)] == [4, 4]


async def test_the_last_two_batches_of_a_writer_are_known(house: LogHouse) -> None:
    """Sent again they get their replies; an older one gets nothing done, whatever it was."""
    chat = await house.add_chat(0)
    faults = Faults(house)
    for n in range(3):
        await house.send(posted(chat, f"{n}"))
    before = await house.read(0)

    replies = [(await faults.repeat(calls))[0] for calls in faults.calls]

    assert replies[0] == b"LATE"
    assert [len(reply) for reply in replies[1:]] == [17, 17]
    assert await house.read(0) == before


async def test_a_batch_of_refusals_is_answered_again_alike(house: LogHouse) -> None:
    """What was refused stays refused under its sequence, though it would be taken by now."""
    chat = await house.add_chat(0)
    faults = Faults(house)
    refused = await house.send(posted((chat[0], 2), "a"))
    await house.take(Entry(chat[0], None, ChatCreated()))

    (reply,) = await faults.repeat(faults.calls[0])

    assert [outcome.reason for outcome in refused if isinstance(outcome, Refused)] == [Reason.COLD]
    assert reply[0] == 6
    assert len(await house.read(0)) == 2


async def test_a_batch_is_given_up_when_no_reply_ever_comes(house: LogHouse) -> None:
    """After the time nobody can say whether it was written, and the next one is served."""
    chat = await house.add_chat(0)
    faults = Faults(house)
    faults.lost = 1_000

    with pytest.raises(OutcomeUnknownError):
        await house.send(posted(chat, "a"))

    faults.lost = 0
    assert (await house.take(posted(chat, "b"))).number == 2


async def _at_least(value: int, wanted: int) -> bool:
    return value >= wanted


async def test_a_paused_server_writes_a_batch_once(server: RedisServer, house: LogHouse) -> None:
    """The first connection's command and the repeats over new ones all reach it when it goes on."""
    chat = await house.add_chat(0)
    server.pause()
    under_way = house.log.append(FixedBatch([posted(chat, "a")]))
    await hold_async(1.0)  # beyond the patience of one exchange

    server.resume()
    (outcome,) = await under_way

    assert isinstance(outcome, Appended)
    assert len(await house.read(0)) == 2
    assert (await house.take(posted(chat, "b"))).number == 2


async def test_a_batch_is_unknown_when_the_server_hangs_for_long(server: RedisServer, house: LogHouse) -> None:
    """It is given up after the time; what it did is found by its key."""
    chat = await house.add_chat(0)
    entry = posted(chat, "a", key=keyed("k"))
    server.pause()

    with pytest.raises(OutcomeUnknownError):
        await house.send(entry)
    server.resume()

    (outcome,) = await house.send(entry)
    assert isinstance(outcome, Appended | Replayed)
    assert [one.event.number for one in (await house.read(0))[1:] if one.event] == [1]


async def test_batches_wait_for_those_before_them(server: RedisServer, house: LogHouse) -> None:
    """They begin in the order of the calls, two at a time, and each is sealed when its turn has come."""
    chat = await house.add_chat(0)
    sealed: list[int] = []

    class Counted:
        def __init__(self, number: int) -> None:
            self.number = number

        def seal(self) -> Sequence[Entry]:
            sealed.append(self.number)
            return [posted(chat, f"{self.number}")]

    server.pause()
    under_way = [house.log.append(Counted(number)) for number in range(4)]
    await hold_async(0.2)
    before = list(sealed)
    server.resume()
    outcomes: list[list[Outcome]] = await asyncio.gather(*under_way)

    assert before == [0, 1]
    assert sealed == [0, 1, 2, 3]
    assert [one.number for (one,) in outcomes if isinstance(one, Appended)] == [1, 2, 3, 4]


async def test_an_append_that_nobody_waits_for_any_more_disturbs_no_other(house: LogHouse) -> None:
    """Its caller was cancelled in the middle: the next batch gets its own reply."""
    chat = await house.add_chat(0)
    abandoned = house.log.append(FixedBatch([posted(chat, "a")]))
    await asyncio.sleep(0)
    abandoned.cancel()

    outcomes = await house.send(posted(chat, "b"), posted(chat, "c"))

    assert [outcome.number for outcome in outcomes if isinstance(outcome, Appended)] in ([1, 2], [2, 3])


async def test_nothing_is_written_when_the_server_has_no_memory_left(server: RedisServer, house: LogHouse) -> None:
    """503 and no number taken; it goes on when there is memory again."""
    chat = await house.add_chat(0)
    with house.client() as client:
        client.config_set("maxmemory", "1mb")

        with pytest.raises(UnavailableError):
            await house.send(posted(chat, "a"), posted(await _other(house), "b"))

        client.config_set("maxmemory", "0")
    assert server.is_running()
    assert (await house.take(posted(chat, "a"))).number == 1


async def _other(house: LogHouse) -> tuple[str, int]:
    return house.add_application(1), 1


async def test_a_batch_is_executed_at_once_or_not_at_all(house: LogHouse) -> None:
    """What one partition's call is refused for at once takes the other's along, before either was executed."""
    chats = [await house.add_chat(0), await house.add_chat(1)]
    with house.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "resetkeys", f"~{{{house.prefix}:0}}:*")

        with pytest.raises(UnavailableError):
            await house.send(*(posted(chat, "a") for chat in chats))

        client.execute_command("ACL", "SETUSER", "default", "allkeys")
    assert [len(await house.read(partition)) for partition in (0, 1)] == [1, 1]


async def test_a_lost_reply_is_not_overruled_by_a_refusal(house: LogHouse) -> None:
    """It was written; that the server has no memory for the repeat says nothing about that."""
    chat = await house.add_chat(0)
    faults = Faults(house)
    with house.client() as client:
        faults.when_lost = lambda: client.config_set("maxmemory", "1mb")
        faults.lost = 1
        under_way = house.log.append(FixedBatch([posted(chat, "a")]))
        await wait_until(lambda: _at_least(len(faults.calls), 3), "the batch was sent again")
        is_done = under_way.done()
        client.config_set("maxmemory", "0")

    (outcome,) = await under_way
    assert not is_done
    assert isinstance(outcome, Appended)
    assert len(await house.read(0)) == 2


async def test_nothing_is_written_when_the_server_becomes_a_replica(house: LogHouse, tmp_path: Path) -> None:
    """READONLY is a 503: the primary is elsewhere by now."""
    chat = await house.add_chat(0)
    with RedisServer(tmp_path / "primary") as primary, house.client() as client:
        client.replicaof("127.0.0.1", primary.port)

        with pytest.raises(UnavailableError):
            await house.send(posted(chat, "a"))

        client.replicaof("NO", "ONE")
        vitals = await house.keeper.examine(0, house.lives[0])
        assert not vitals.keeps_all, "it was a replica: it may lack what another answered"
