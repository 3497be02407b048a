"""The log on a real Redis: numbers, gates, positions, and what followers read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import NoReturn

import pytest

from parley.domain.errors import UnavailableError
from parley.domain.events import (
    NUMBER_LIMIT,
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Depth,
    Entry,
    MessageDeleted,
    MessageEdited,
    Position,
)
from parley.domain.grants import Known, ScopeName
from parley.domain.numbering import Appended, Reason, Refused
from parley.log.redis.entries import encode_unread
from parley.log.redis.stream import PAGE, READ_BYTES
from parley.log.redis.wires import Call, Wires
from tests.support.engines.redis import RedisServer
from tests.support.logs import LogHouse, log_house, wait_until
from tests.support.ports import keyed, posted

ABSENT = "f" * 32


@pytest.fixture
async def house(redis_server: RedisServer) -> AsyncIterator[LogHouse]:
    """Give a log of the test's own, open in its first epoch."""
    async with log_house(redis_server.url) as house:
        yield house


def reason(outcome: object) -> Reason | None:
    """Give why an entry was refused."""
    return outcome.reason if isinstance(outcome, Refused) else None


async def test_a_batch_is_decided_in_order(house: LogHouse) -> None:
    """A later entry of a batch sees what an earlier one did, also the chat that it created."""
    chat = await house.add_chat()
    token, number = chat

    outcomes = await house.send(
        posted(chat, "a", "b"),
        posted(chat, "c"),
        Entry(token, number, MessageEdited("edited"), 2),
        Entry(token, None, ChatCreated("second")),
        posted((token, 2), "in the second"),
        Entry(token, number, ChatDeleted()),
        posted(chat, "too late"),
        posted((token, 2), "still there"),
    )

    numbers = [outcome.number if isinstance(outcome, Appended) else reason(outcome) for outcome in outcomes]
    assert numbers == [1, 3, 2, 2, 1, number, Reason.CHAT_GONE, 2]
    positions = [outcome.position for outcome in outcomes if isinstance(outcome, Appended)]
    assert all(earlier < later for earlier, later in pairwise(positions))


@pytest.mark.parametrize("number", [3, NUMBER_LIMIT, NUMBER_LIMIT + 2, 2**63 - 1])
async def test_a_message_that_was_never_given_is_not_changed(house: LogHouse, number: int) -> None:
    """Nothing is written for a number above the last, nor for a chat that cannot be."""
    token, chat = await house.add_chat(0)
    await house.take(posted((token, chat), "a", "b"))
    before = await house.read(0)

    outcomes = await house.send(
        *(Entry(token, chat, what, number) for what in (MessageEdited("c"), MessageDeleted())),
        *(Entry(token, number, what) for what in (ChatRetitled("c"), ChatDeleted())),
    )

    assert [reason(outcome) for outcome in outcomes] == [Reason.MESSAGE_GONE] * 2 + [Reason.COLD] * 2
    assert await house.read(0) == before


async def test_an_application_is_ended_once(house: LogHouse) -> None:
    """Whoever closes its gate again writes nothing; one that the log does not know is ended as well."""
    known, unknown = (await house.add_chat(0))[0], house.add_application(0)
    await house.persist()

    for token in (known, unknown, known, unknown):
        await house.log.close_gate(token)

    ends = [one.event.entry for one in await house.read(0) if one.event]
    assert ends == [Entry(known, None, ApplicationClosed()), Entry(unknown, None, ApplicationClosed())]


async def test_an_application_is_ended_when_the_database_had_said_so_before(house: LogHouse) -> None:
    """A gate that a restore closed still takes its entry, which the database waits for."""
    token = house.add_application(0)
    (cold,) = await house.send(Entry(token, None, ChatCreated()))
    assert isinstance(cold, Refused)
    await house.apart.feeding.restore(
        0, cold.stamp, [Known(ScopeName(token, None), closed=True, last=0, first=1, until=9)]
    )

    refused = await house.send(Entry(token, None, ChatCreated()))
    await house.log.close_gate(token)

    assert refused == [Refused(Reason.APPLICATION_GONE)]
    assert [one.event.entry.what for one in await house.read(0) if one.event] == [ApplicationClosed()]


async def test_a_gate_is_seen_by_those_who_ask(house: LogHouse) -> None:
    """Open, closed, or unknown; an application's gate closes its chats'."""
    token, number = await house.add_chat()
    feeding = house.apart.feeding

    before = [await feeding.is_open(ScopeName(token, chat)) for chat in (None, number, 7)]
    await house.take(Entry(token, number, ChatDeleted()))
    deleted = [await feeding.is_open(ScopeName(token, chat)) for chat in (None, number)]
    await house.log.close_gate(token)
    ended = [await feeding.is_open(ScopeName(token, chat)) for chat in (None, number, 7)]

    assert before == [True, True, None]
    assert deleted == [True, False]
    assert ended == [False, False, False]
    assert await feeding.is_open(ScopeName(ABSENT, None)) is None


async def test_what_is_stored_is_trimmed_and_counted(house: LogHouse) -> None:
    """Depth is what is not stored; the log's end stays known when nothing lies on it any more."""
    chat = await house.add_chat(0)
    await house.take(posted(chat, "a", "b", "c"))
    await house.take(Entry(*chat, MessageEdited("d"), 1))
    logged = await house.read(0)

    await wait_until(lambda: _is(house.log.depth().messages, 5), "the depth is sampled")
    await house.keeper.trim(0, logged[1])
    await wait_until(lambda: _is(house.log.depth().messages, 1), "the depth has fallen")
    await house.keeper.trim(0, logged[2])
    await wait_until(lambda: _is(house.log.depth(), Depth(0, 0)), "nothing is left")

    vitals = await house.keeper.examine(0, house.lives[0])
    assert [one.so_far.messages for one in logged] == [1, 4, 5]
    assert logged[2].so_far.bytes == sum(len(one.raw) for one in logged)
    assert await house.read(0) == []
    assert vitals.end == logged[2].position


async def _is(value: object, wanted: object) -> bool:
    return value == wanted


async def test_followers_read_on_from_a_position(house: LogHouse) -> None:
    """All partitions at once, up to a limit, and with the epoch that each log is in."""
    chats = [await house.add_chat(0), await house.add_chat(1)]
    for n in range(3):
        await house.send(*(posted(chat, f"{n}") for chat in chats))
    starts = {0: Position(1, 0), 1: Position(1, 0)}

    first = await house.apart.stream.read(starts, 2)
    some = await house.apart.stream.read(starts, 2)
    rest = await house.apart.stream.read({p: entries[-1].position for p, entries in some.entries.items()}, 10)
    ahead = await house.apart.stream.read({0: Position(7, 0)}, 10)
    await house.keeper.seal(1)
    sealed = await house.apart.stream.read(starts, 10)

    assert [len(first.entries[p]) for p in (0, 1)] == [1, 1]
    assert [len(some.entries[p]) for p in (0, 1)] == [2, 2]
    assert [len(rest.entries[p]) for p in (0, 1)] == [2, 2]
    assert [set(each.full) for each in (first, some, rest)] == [{0, 1}, {0, 1}, set()]
    assert some.epochs == {0: 1, 1: 1}
    assert (ahead.entries, ahead.epochs) == ({0: []}, {0: 1})
    assert sealed.epochs == {0: 1, 1: None}
    assert len(sealed.entries[1]) == 4
    positions = [one.position for one in (*some.entries[0], *rest.entries[0])]
    assert all(earlier < later for earlier, later in pairwise(positions))


async def test_a_reading_is_bounded_in_bytes_too(house: LogHouse) -> None:
    """Of large entries behind small ones a page at most is read, whatever the limit, and then as many as fit."""
    chat = await house.add_chat(0)
    start = (await house.read(0))[-1].position
    small, large = [posted(chat, "small")] * PAGE, [posted(chat, "l" * (READ_BYTES // 16))] * 8
    await house.send(*small)
    for _ in range(PAGE // 8 + 2):
        await house.send(*large)

    counts = []
    position, full = start, {0}
    while full:
        reading = await house.apart.stream.read({0: position}, 1_000)
        counts.append(len(reading.entries[0]))
        position, full = reading.entries[0][-1].position, set(reading.full)

    assert counts == [PAGE + PAGE, 16]
    assert reading.entries[0][-1].so_far == reading.so_far[0]


async def test_a_reading_begins_with_one_entry_when_the_one_before_failed(
    house: LogHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was too large to come in time is not asked for again, nor is much when nothing is known yet."""
    chat = await house.add_chat(0)
    start = (await house.read(0))[-1].position
    await house.send(*[posted(chat, "small")] * 100)

    async def count() -> tuple[int, set[int]]:
        reading = await house.apart.stream.read({0: start}, 1_000)
        return len(reading.entries[0]), set(reading.full)

    usual = await count()
    with monkeypatch.context() as patch:
        patch.setattr(Wires, "ask", _time_out)
        with pytest.raises(UnavailableError):
            await count()

    assert [usual, await count(), await count()] == [(100, set()), (1, {0}), (100, set())]


async def _time_out(wires: Wires, calls: Sequence[Call]) -> NoReturn:
    raise UnavailableError(f"{wires} gave no answer to {calls}")


async def test_an_entry_that_this_code_cannot_read_is_given_as_it_is(house: LogHouse) -> None:
    """Of another version, or damaged: it has its place and its bytes, and what follows it is read."""
    await house.add_chat(0)
    stream = f"{{{house.prefix}:0}}:1:log"
    fields = [(b"2", b"of a later version"), (b"1", b"\0" * 20 + b"damaged"), (b"1", b"short")]
    with house.client() as client:
        for sequence, (version, value) in enumerate(fields, 1):
            client.xadd(stream, {version: value}, id=f"{2**42}-{sequence}")

    logged = await house.read(0)

    assert [one.event is None for one in logged] == [False, True, True, True]
    assert [one.raw for one in logged[1:]] == [encode_unread(*field) for field in fields]
    assert [one.position.id for one in logged[1:]] == [2**62 + n for n in (1, 2, 3)]


async def test_positions_lie_above_the_floor(house: LogHouse) -> None:
    """Also when the engine's clock is behind what the database has seen: times go on from there."""
    floor = Position(2, (2**42 << 20) + 5)
    vitals = await house.keeper.examine(0, house.lives[0])
    await house.keeper.seal(0)
    house.rows.void(2, lambda _: True)
    life = house.lives[0]._replace(epoch=2, run_id=vitals.run_id)
    await house.keeper.open(0, life, floor, 0)
    house.adopt({0: life})

    first = await house.add_chat(0)
    second = await house.take(posted(first, "a"))
    await house.keeper.open(0, life, Position(2, floor.id + (1 << 20)), 0)
    third = await house.take(posted(first, "b"))
    await house.keeper.open(0, life, floor, 0)
    fourth = await house.take(posted(first, "c"))

    assert second.position == Position(2, floor.id + 2)
    assert second.position.at == 2**42
    assert [third.position.id, fourth.position.id] == [floor.id + (1 << 20) + n for n in (1, 2)]


async def test_two_writers_number_side_by_side(house: LogHouse) -> None:
    """They share scopes and keys, and never each other's sequences."""
    other = LogHouse(house.server_url, house.rows, prefix=house.prefix)
    await other.start()
    other.adopt(house.lives)
    chats = [await house.add_chat(0), await house.add_chat(1)]
    entry = posted(chats[0], "once", key=keyed("k"))

    outcomes = await asyncio.gather(
        *(writer.send(posted(chats[n % 2], f"{n}"), entry) for n in range(50) for writer in (house, other))
    )
    await other.close()

    given = [outcome.number for each in outcomes for outcome in each[:1] if isinstance(outcome, Appended)]
    once = [outcome for each in outcomes for outcome in each[1:]]
    assert len(given) == 100
    assert sum(isinstance(outcome, Appended) for outcome in once) == 1
    assert len({outcome[0] for outcome in once}) == 1
    await house.persist()
    assert sorted(house.rows.bodies[ScopeName(*chats[0])]) == list(range(1, 52))
    assert sorted(house.rows.bodies[ScopeName(*chats[1])]) == list(range(1, 51))


async def test_nothing_is_appended_before_a_life_is_adopted(redis_server: RedisServer) -> None:
    """A process that has not been told of a life writes nothing, and cannot close a gate."""
    async with log_house(redis_server.url) as house:
        newcomer = LogHouse(redis_server.url, house.rows, prefix=house.prefix)
        await newcomer.start()
        token = house.add_application()

        refused = await newcomer.send(Entry(token, None, ChatCreated()))
        with pytest.raises(UnavailableError):
            await newcomer.log.close_gate(token)
        with pytest.raises(UnavailableError):
            await newcomer.apart.feeding.is_open(ScopeName(token, None))
        await newcomer.close()

        assert refused == [Refused(Reason.EPOCH)]
