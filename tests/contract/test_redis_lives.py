"""The lives of a log on a real Redis: crashes, lost replies, epochs; and what is answered of an append under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from parley.domain.errors import ConflictError, OutcomeUnknownError, UnavailableError
from parley.domain.events import ChatCreated, Entry, Position, position_id
from parley.domain.grants import Life, ScopeName
from parley.domain.numbering import Appended, Reason, Refused, Replayed
from parley.log.batch import FixedBatch
from parley.log.redis.wires import Call
from tests.support.engines.redis import RedisServer
from tests.support.logs import Faults, LogHouse, notice, wait_until
from tests.support.ports import keyed, posted

OTHER_LIFE = [Refused(Reason.EPOCH)]


async def resume(house: LogHouse, partition: int = 0) -> None:
    """Do what a lease-holder does that finds the log intact in another run."""
    await house.begin(partition, house.lives[partition].epoch)


async def test_appends_are_refused_when_the_server_is_away(server: RedisServer, house: LogHouse) -> None:
    """At once, and nothing was written; the log goes on when the server is back and its life was opened."""
    chat = await house.add_chat(0)
    server.kill()
    await notice()

    with pytest.raises(UnavailableError) as error:
        await house.send(posted(chat, "a"))
    with pytest.raises(UnavailableError):
        await house.log.ping()

    assert error.value.code == "log_unavailable"
    server.start()
    assert await house.send(posted(chat, "a")) == OTHER_LIFE
    await resume(house)
    assert (await house.take(posted(chat, "a"))).number == 1
    await house.log.ping()


async def test_a_crash_loses_nothing_that_was_answered(server: RedisServer, house: LogHouse) -> None:
    """Numbers, keys and gates go on in the same epoch, once a lease-holder has noted the run: only scripts are gone."""
    chat, gone = await house.add_chat(0), await house.add_chat(0)
    entry = posted(chat, "a", key=keyed("k"))
    first = await house.take(entry)
    await house.log.close_gate(gone[0])
    before = await house.read(0)

    server.restart()
    await notice()
    refused = await house.send(entry)
    vitals = await house.keeper.examine(0, house.lives[0])
    await resume(house)

    assert refused == OTHER_LIFE
    assert (vitals.epoch, vitals.end, vitals.is_open) == (1, before[-1].position, False)
    assert (vitals.keeps_all, vitals.is_short) == (True, False)
    assert vitals.run_id != ""
    assert await house.read(0) == before
    outcomes = await house.send(entry, posted(chat, "b"), posted(gone, "c"))
    assert outcomes[0] == Replayed(*first)
    assert isinstance(outcomes[1], Appended)
    assert outcomes[1].number == 2
    assert outcomes[2] == Refused(Reason.APPLICATION_GONE)


async def test_a_batch_under_way_survives_a_crash_in_the_same_epoch(server: RedisServer, house: LogHouse) -> None:
    """It was written and its reply got lost: once the run is noted, the first reply is found."""
    chat = await house.add_chat(0)
    faults = Faults(house)
    faults.lost = 1
    under_way = house.log.append(FixedBatch([posted(chat, "a")]))
    await wait_until(lambda: _is(faults.lost, 0), "the batch was sent")
    server.restart()

    await wait_until(lambda: _at_least(len(faults.calls), 3), "the batch was sent again")
    assert not under_way.done()
    await resume(house)
    (outcome,) = await under_way

    assert isinstance(outcome, Appended)
    assert outcome.number == 1
    assert [one.event.number for one in (await house.read(0))[1:] if one.event] == [1]


async def _is(value: object, wanted: object) -> bool:
    return value == wanted


async def _at_least(value: int, wanted: int) -> bool:
    return value >= wanted


async def test_a_batch_under_way_is_unknown_when_another_epoch_begins(house: LogHouse) -> None:
    """It may lie in the old epoch: it is not sent into the new one, and the next batch is served there."""
    chat = await house.add_chat(0)
    faults = Faults(house)
    faults.lost = 1_000
    under_way = house.log.append(FixedBatch([posted(chat, "a")]))
    await wait_until(lambda: _at_least(len(faults.calls), 2), "the batch was sent twice")

    await house.begin(0)
    faults.lost = 0

    with pytest.raises(OutcomeUnknownError):
        await under_way
    assert house.rows.bodies[ScopeName(*chat)] == {1: "a"}
    assert (await house.take(posted(chat, "b"))).number > 1


async def test_writers_are_refused_when_a_life_is_sealed(house: LogHouse) -> None:
    """Of one partition; entries of others in the same batch are taken, and the sealed log stays readable."""
    chats = [await house.add_chat(0), await house.add_chat(1)]
    await house.keeper.seal(0)

    outcomes = await house.send(posted(chats[0], "a"), posted(chats[1], "b"), posted(chats[0], "c"))
    vitals = await house.keeper.examine(0, house.lives[0])

    assert [type(outcome) for outcome in outcomes] == [Refused, Appended, Refused]
    assert [outcomes[0], outcomes[2]] == OTHER_LIFE * 2
    assert (vitals.epoch, vitals.is_open) == (None, False)
    assert vitals.end == (await house.read(0))[-1].position


async def test_partitions_that_serve_nobody_are_named(house: LogHouse) -> None:
    """Sealed, or with their scripts gone; those that a lease-holder has opened are not."""
    feeding = house.apart.feeding

    before = await feeding.closed()
    await house.keeper.seal(1)
    sealed = await feeding.closed()
    with house.client() as client:
        client.script_flush()
    unloaded = await feeding.closed()
    await resume(house)

    assert (before, sealed, unloaded) == ([], [1], [0, 1])
    assert await feeding.closed() == [1]


async def test_a_sealed_life_is_never_opened_again(house: LogHouse) -> None:
    """A lease-holder that was paused and wakes up cannot bring back what the next one has ended and stored."""
    sleeper = house.lives[0]
    await house.keeper.seal(0)

    with pytest.raises(ConflictError):
        await house.keeper.open(0, sleeper, house.stored[0], 0)
    await house.begin(0)
    with pytest.raises(ConflictError):
        await house.keeper.open(0, sleeper, house.stored[0], 0)

    token = house.add_application(0)
    assert (await house.take(Entry(token, None, ChatCreated()))).position.epoch == 2


async def test_a_life_is_opened_in_no_other_run_than_its_own(server: RedisServer, house: LogHouse) -> None:
    """The engine restarted since the lease-holder looked: nobody is served before it has looked again."""
    token = house.add_application(0)
    server.restart()
    await notice()

    with pytest.raises(UnavailableError):
        await house.keeper.open(0, house.lives[0], house.stored[0], 0)

    assert await house.send(Entry(token, None, ChatCreated())) == OTHER_LIFE


async def test_a_flushed_log_is_seen_and_not_resumed(house: LogHouse) -> None:
    """The scripts stay and serve nobody; the old epoch cannot be begun again, a new one gives no number twice."""
    chat = await house.add_chat(0)
    await house.persist()
    await house.take(posted(chat, "a"))
    await house.keeper.examine(0, house.lives[0])
    house.flush()

    refused = await house.send(posted(chat, "b"))
    with pytest.raises(ConflictError):
        await house.keeper.open(0, house.lives[0], house.stored[0], 0)
    vitals = await house.keeper.examine(0, house.lives[0])
    await house.begin(0)

    assert refused == OTHER_LIFE
    assert (vitals.epoch, vitals.end, vitals.is_open) == (None, None, False)
    assert (await house.take(posted(chat, "b"))).number == 1_001
    assert house.rows.gaps[ScopeName(*chat)] == set(range(1, 1_001))


async def test_an_old_epoch_is_let_go_of(house: LogHouse) -> None:
    """When a new one is open, nothing of those before is kept but what a writer may still ask for."""
    chat = await house.add_chat(0)
    await house.take(posted(chat, "a", key=keyed("k")))

    await house.begin(0)
    await house.begin(0)

    mine = f"{{{house.prefix}:0}}:"
    left = [name.removeprefix(mine) for name in house.names() if name.startswith(mine)]
    assert [name for name in left if ":writer:" not in name] == ["3:log", "3:meta", "epoch", "sealed"]


async def test_a_writer_flags_nothing_while_the_log_is_whole(house: LogHouse) -> None:
    """Also when an append is answered while a sample is on its way back."""
    chat = await house.add_chat(0)
    sampling = house.log._sampling
    exchange = sampling._wires.exchange

    async def overtaken(calls: Sequence[Call]) -> list[Any]:
        replies = await exchange(calls)
        await house.take(posted(chat, "meanwhile"))
        return replies

    sampling._wires.exchange = overtaken  # type: ignore[method-assign]
    await sampling.sample()
    sampling._wires.exchange = exchange  # type: ignore[method-assign]

    assert not (await house.keeper.examine(0, house.lives[0])).is_short


async def test_scripts_that_were_flushed_are_loaded_again(house: LogHouse) -> None:
    """The run is the same and nothing is lost: the same life is opened again."""
    chat = await house.add_chat(0)
    with house.client() as client:
        client.script_flush()

    refused = await house.send(posted(chat, "a"))
    vitals = await house.keeper.examine(0, house.lives[0])
    await house.keeper.open(0, house.lives[0], house.stored[0], 0)

    assert refused == OTHER_LIFE
    assert (vitals.epoch, vitals.is_open, vitals.run_id) == (1, False, house.lives[0].run_id)
    assert (await house.take(posted(chat, "a"))).number == 1


async def test_a_log_without_a_life_says_so(house: LogHouse) -> None:
    """The database has never had a log: there is nothing to be found, and that is no error."""
    other = LogHouse(house.server_url, unsettled_s=2.0)
    await other.start()

    vitals = await other.keeper.examine(0, Life(0, ""))
    await other.keeper.seal(0)
    await other.keeper.open(0, Life(1, vitals.run_id), Position(1, position_id(1)), 0)
    opened = await other.keeper.examine(0, Life(1, vitals.run_id))
    await other.close()

    assert (vitals.epoch, vitals.end, vitals.is_open, vitals.is_short) == (None, None, False, False)
    assert (opened.epoch, opened.end, opened.is_open) == (1, Position(1, position_id(1)), True)
