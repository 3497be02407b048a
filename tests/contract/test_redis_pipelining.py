"""One connection to a real Redis carries several exchanges at a time, and the log two batches, never a third."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest
from redis import Redis
from redis.asyncio.connection import Connection

from parley.domain.errors import OutcomeUnknownError
from parley.domain.numbering import Appended, Reason, Refused
from parley.log.batch import FixedBatch
from parley.log.redis.line import LostReplyError, Reply
from parley.log.redis.wire import Command, Wire
from parley.log.redis.wires import Call
from tests.support.engines.redis import RedisServer
from tests.support.logs import Faults, LogHouse, log_house, wait_until
from tests.support.ports import posted

BLOCKED: Command = ("BLPOP", "until-the-test-goes-on", 0)


@pytest.fixture
async def wire(redis_server: RedisServer) -> AsyncIterator[Wire]:
    """Give a wire of the test's own."""
    wire = Wire(partial(Connection, host="127.0.0.1", port=redis_server.port, protocol=2), 10)
    yield wire
    await wire.close()


@pytest.fixture
def other(redis_server: RedisServer) -> Redis:
    """Give a client beside the wire."""
    return Redis(port=redis_server.port, decode_responses=True)


def blocked(other: Redis) -> dict[str, str] | None:
    """Give the client that hangs in a blocking command and has sent more behind it."""
    return next((each for each in other.client_list() if each["cmd"] == "blpop" and int(each["qbuf"])), None)


async def test_an_exchange_is_sent_before_the_one_before_it_has_its_reply(wire: Wire, other: Redis) -> None:
    """Its commands lie at the server while that is still busy; each gets its own replies."""
    first = asyncio.ensure_future(wire.exchange([BLOCKED]))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(wire.exchange([("ECHO", "a"), ("ECHO", "b")]))
    await wait_until(lambda: _is(blocked(other) is not None), "the second exchange is at the server")
    assert not first.done()

    other.rpush("until-the-test-goes-on", "go")

    assert await first == [[b"until-the-test-goes-on", b"go"]]
    assert await second == [b"a", b"b"]


async def test_all_that_wait_on_a_connection_are_told_that_it_is_lost(wire: Wire, other: Redis) -> None:
    """Nobody reads a reply that was meant for another; the next exchange connects again."""
    waiting = [asyncio.ensure_future(wire.exchange([BLOCKED])), asyncio.ensure_future(wire.exchange([("ECHO", "a")]))]
    await wait_until(lambda: _is(blocked(other) is not None), "both are at the server")
    client = blocked(other)
    assert client is not None

    other.client_kill_filter(_id=client["id"])

    for replies in await asyncio.gather(*waiting):
        assert [type(reply) for reply in replies] == [LostReplyError]
    assert await wire.exchange([("ECHO", "b")]) == [b"b"]


class Gate:
    """Stands in front of a log's wires: lets an exchange reach Redis, and keeps its replies until told."""

    def __init__(self, house: LogHouse, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand there until the test ends."""
        self.arrived: list[asyncio.Event] = []
        wires = house.log._wires
        self._exchange = wires.exchange
        monkeypatch.setattr(wires, "exchange", self._held)

    async def _held(self, calls: Sequence[Call]) -> list[Reply]:
        released = asyncio.Event()
        self.arrived.append(released)
        replies = await self._exchange(calls)
        await released.wait()
        return replies


async def test_the_second_next_batch_waits_until_a_batch_is_settled(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are under way; the script has forgotten the first reply when the third arrives, so that one waits for it."""
    async with log_house(redis_server.url) as house:
        chat = await house.add_chat()
        gate = Gate(house, monkeypatch)
        appends = [house.log.append(FixedBatch([posted(chat, body)])) for body in "abcd"]
        await wait_until(lambda: _is(len(gate.arrived) == 2), "two are under way")

        gate.arrived[1].set()
        await appends[1]
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(gate.arrived) == 2, "the third was sent although the first is not settled"

        gate.arrived[0].set()
        await wait_until(lambda: _is(len(gate.arrived) == 4), "the others follow")
        for released in gate.arrived:
            released.set()
        outcomes = [(await append)[0] for append in appends]

    assert [outcome.number for outcome in outcomes if isinstance(outcome, Appended)] == [1, 2, 3, 4]


async def test_who_stops_waiting_for_a_place_leaves_none_free(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that is cancelled before it was sent must not let the next one pass two that are not settled."""
    async with log_house(redis_server.url) as house:
        chat = await house.add_chat()
        gate = Gate(house, monkeypatch)
        first, second, cancelled = (house.log.append(FixedBatch([posted(chat, body)])) for body in "abc")
        await wait_until(lambda: _is(len(gate.arrived) == 2), "two are under way")
        cancelled.cancel()
        await asyncio.wait([cancelled])
        last = house.log.append(FixedBatch([posted(chat, "d")]))
        gate.arrived[1].set()
        await second
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(gate.arrived) == 2, "the last was sent although the first is not settled"

        gate.arrived[0].set()
        await wait_until(lambda: _is(len(gate.arrived) == 3), "the last follows")
        gate.arrived[2].set()
        outcomes = [*await first, *await last]

    assert [outcome.number for outcome in outcomes if isinstance(outcome, Appended)] == [1, 3]


async def test_a_batch_that_was_overtaken_unsent_is_to_be_sent_anew(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script has gone on, so it certainly was not written: no error, but a refusal that recovery sends again."""
    async with log_house(redis_server.url) as house:
        chat = await house.add_chat()
        wires, exchange, lost = house.log._wires, house.log._wires.exchange, list[Sequence[Call]]()

        async def lose_the_first(calls: Sequence[Call]) -> list[Reply]:
            if lost:
                return await exchange(calls)
            lost.append(calls)
            return [LostReplyError("the connection was reset")] * len(calls)

        monkeypatch.setattr(wires, "exchange", lose_the_first)
        first, second = (house.log.append(FixedBatch([posted(chat, body)])) for body in "ab")

        assert [outcome.number for outcome in await second if isinstance(outcome, Appended)] == [1]
        assert await first == [Refused(Reason.EPOCH)]


async def test_a_lost_reply_is_found_again_behind_a_later_batch(redis_server: RedisServer) -> None:
    """The first batch is sent again when the second has been taken, and gets the numbers that it was given."""
    async with log_house(redis_server.url) as house:
        chat = await house.add_chat()
        faults = Faults(house)
        faults.lost = 1
        first, second = (house.log.append(FixedBatch([posted(chat, body)])) for body in "ab")

        outcomes = [*await first, *await second]

        assert [outcome.number for outcome in outcomes if isinstance(outcome, Appended)] == [1, 2]
        assert len(faults.calls) == 3
        assert faults.calls[0] == faults.calls[2]


async def test_a_batch_is_settled_in_time_when_nobody_says_where_its_partition_is(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking around has no bound of its own: who hangs there holds no place for ever."""
    async with log_house(redis_server.url, unsettled_s=0.5) as house:
        chat = await house.add_chat()
        gate = Gate(house, monkeypatch)
        appends = [house.log.append(FixedBatch([posted(chat, body)])) for body in "abc"]
        settled, late = await asyncio.wait(appends[:2], timeout=5)

        assert not late, "a batch is not settled long after its time"
        assert [type(each.exception()) for each in settled] == [OutcomeUnknownError] * 2
        await wait_until(lambda: _is(len(gate.arrived) == 3), "the third gets the place")
        gate.arrived[2].set()
        assert [outcome.number for outcome in await appends[2] if isinstance(outcome, Appended)] == [3]


async def _is(what: bool) -> bool:  # noqa: FBT001 - a condition for `wait_until`
    return what
