"""Numbers that the database gives by itself: above all that a log was granted, whatever the log still brings."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from parley.domain.documents import WHOLE_CHAT
from parley.domain.errors import ConflictError
from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    Entry,
    Logged,
    MessageDeleted,
    MessageEdited,
)
from parley.domain.grants import Need, ScopeName
from parley.domain.numbering import Appended, Outcome, Reason, Refused, Replayed
from tests.contract.mysql.standing import LAST_BEFORE, append, come_back, differences, key, numbers, say, stand_by
from tests.support.mysql_house import House, opened
from tests.unit.workers.doubles import StillClock

AWAY = Refused(Reason.AWAY)
OTHER_LIFE = Refused(Reason.EPOCH)


async def test_a_partition_stands_by_in_an_epoch_of_its_own(house: House) -> None:
    """Its position stays where the log was read to; repeating it changes nothing, and the next life ends it."""
    before = await house.row()

    epoch = await stand_by(house)
    after = await house.row()
    with pytest.raises(ConflictError):  # who repeats it thinks of an epoch that is over
        await house.persisting.stand_by(0, house.lease, before.life.epoch)
    await house.persisting.stand_by(0, house.lease, epoch)
    with pytest.raises(ConflictError):  # a log has no run in it
        await house.open_life(epoch, "another run")

    assert epoch == before.life.epoch + 1
    assert (after.stands_by, after.position, after.life.run_id) == (True, before.position, before.life.run_id)
    assert await house.row() == after
    await come_back(house)
    assert not (await house.row()).stands_by


async def test_only_the_lease_holder_makes_it_stand_by(house: House) -> None:
    """A late one has lost its token, and changes nothing."""
    late, row = house.lease, await house.row()
    await house.leases.release(late)
    await house.leases.claim("persist-0", "another", 60)

    with pytest.raises(ConflictError):
        await house.persisting.stand_by(0, late, row.life.epoch)

    assert await house.row() == row


async def test_messages_are_stored_above_what_the_log_may_have_given(house: House) -> None:
    """Consecutive, at once, counted, named by a change; what lies between is in the gap ledger meanwhile."""
    chat = await house.add_chat("a", "b")
    await house.changes.passed("search", await house.changes.ends())
    await stand_by(house)

    given = await numbers(house, say(chat, "c"), say(chat, "d", "e"), say(chat, "f"))
    again = await numbers(house, say(chat, "g"))

    assert (given, again) == ([1_001, 1_002, 1_004], [1_005])
    assert await house.bodies(chat) == dict(zip((1, 2, *range(1_001, 1_006)), "abcdefg", strict=True))
    assert (await house.storage.get_chat(*chat)).messages_count == 7
    assert await house.gaps() == [(3, LAST_BEFORE, b"standby")]
    ids = await house.storage.find_chat(*chat)
    named = [
        key for change in await house.changes.read(await house.changes.floor("search"), 100) for key in change.keys
    ]
    assert named == [(ids.chat, number) for number in range(1_001, 1_006)]
    assert await differences(house) == []


async def test_a_new_chat_begins_at_one_and_grants_a_log_nothing(house: House) -> None:
    """Its own number is above the application's grant."""
    token, _ = await house.add_chat()
    await house.scopes.provide([Need(ScopeName(token, None), 2, 1)])
    await stand_by(house)

    (number,) = await numbers(house, Entry(token, None, ChatCreated("aside")))
    given = await numbers(house, say((token, number), "a", "b"), say((token, number), "c"))

    assert (number, given) == (1_002, [1, 3])
    assert (await house.storage.get_chat(token, number)).title == "aside"
    assert await house.sql("select granted_until, log_epoch from chat where number = %s", number) == [(3, 3)]
    assert await house.gaps() == [(2, 1_001, b"standby")]
    assert await differences(house) == []


async def test_nothing_is_numbered_where_nobody_stands_by(house: House) -> None:
    """Before it begins, after it ended, and for one who thinks of another epoch: refused as by a log between lives."""
    chat = await house.add_chat()

    before = await append(house, say(chat, "a"))
    epoch = await stand_by(house)
    other = [await append(house, say(chat, "a"), epoch=wrong) for wrong in (epoch - 1, epoch + 1)]
    await come_back(house)
    late = await append(house, say(chat, "a"), epoch=epoch)

    assert [before, *other, late] == [[OTHER_LIFE]] * 4
    assert await house.bodies(chat) == {}


async def test_what_the_database_does_not_know_is_unknown(house: House) -> None:
    """A chat, a key, whether a message was edited or deleted since: the log's end may have it."""
    chat = await house.add_chat("a")
    await house.persist(house.post(chat, "b", key=key("stored")))
    unknown = (chat[0], 2)
    await stand_by(house)

    outcomes = await append(
        house,
        say(unknown, "x"),
        say((chat[0], 2**40), "x"),
        say(chat, "x", key=key("new")),
        Entry(*chat, MessageEdited("x"), 1),
        Entry(*chat, MessageDeleted(), 1),
        Entry(*chat, ChatDeleted()),
        say(chat, "b", key=key("stored")),
        say(chat, "other", key=key("stored", b"x" * 16)),
        Entry("0" * 32, None, ChatCreated()),
    )

    *refused, replayed, reused, gone = outcomes
    assert refused == [AWAY] * 6
    assert isinstance(replayed, Replayed)
    assert (replayed.number, replayed.by_standby) == (2, True)
    assert (reused, gone) == (Refused(Reason.KEY_REUSED), Refused(Reason.APPLICATION_GONE))
    assert await house.bodies(chat) == {1: "a", 2: "b"}
    assert await house.gaps() == []


async def test_a_deleted_parent_stays_deleted(house: House) -> None:
    """The database knows that, whatever the log has."""
    deleted, gone = await house.add_chat("a"), await house.add_chat("a")
    await house.persist(house.say(*deleted, ChatDeleted()))
    await house.tenants.delete(gone[0])
    await stand_by(house)

    *outcomes, closing = await append(
        house,
        say(deleted, "x"),
        say(gone, "x"),
        Entry(gone[0], None, ChatCreated()),
        Entry(gone[0], None, ApplicationClosed()),
    )

    gates = [Reason.CHAT_GONE, Reason.APPLICATION_GONE, Reason.APPLICATION_GONE]
    assert outcomes == [Refused(reason) for reason in gates]
    assert closing == AWAY, "the log's own gate is still open"


async def test_no_log_is_granted_numbers_while_a_partition_stands_by(house: House) -> None:
    """Neither the one that was open before, nor in the standby's epoch: its rest would count as void too early."""
    chat = await house.add_chat("a")
    epoch = await stand_by(house)
    needs = [Need(ScopeName(*chat), named, until) for named in (epoch - 1, epoch) for until in (0, LAST_BEFORE)]

    for need in needs:
        with pytest.raises(ConflictError):
            await house.scopes.provide([need])

    assert await house.sql("select granted_until, log_epoch from chat") == [(LAST_BEFORE, epoch - 1)]
    assert await house.gaps() == []


async def test_a_grant_that_comes_too_late_is_refused(house: House) -> None:
    """It looked at the epoch before the partition stood by, and at the scope after the standby had numbered in it."""
    chat = await house.add_chat("a")
    epoch = await stand_by(house)
    await numbers(house, say(chat, "b"))
    await house.sql("update `partition` set epoch = %s, mode = 'log' where id = 0", epoch - 1)

    with pytest.raises(ConflictError):
        await house.scopes.provide([Need(ScopeName(*chat), epoch - 1, LAST_BEFORE)])


async def test_writers_beside_each_other_share_no_number(house: House, mysql_url: str, clock: StillClock) -> None:
    """Several processes, several batches at once, into the same chat and the same application."""
    chat = await house.add_chat()
    await stand_by(house)
    async with opened(House(mysql_url, clock, owner="b")) as other:

        async def write(writer: House, name: str) -> Sequence[Outcome]:
            return await append(writer, say(chat, f"{name} 1", f"{name} 2"), Entry(chat[0], None, ChatCreated()))

        outcomes = await asyncio.gather(*(write((house, other)[n % 2], str(n)) for n in range(12)))

    posted = sorted(outcome.number for outcome, _ in outcomes if isinstance(outcome, Appended))
    created = sorted(outcome.number for _, outcome in outcomes if isinstance(outcome, Appended))
    assert posted == list(range(1_001, 1_025, 2))
    assert created == list(range(2, 14))
    assert (await house.storage.get_chat(*chat)).messages_count == 24
    assert await differences(house) == []


async def test_changes_go_on_in_order_through_a_standby(house: House) -> None:
    """Those of the eraser and of the log's tail as well: a follower that has read one misses none behind it."""
    chat, other = await house.add_chat("a"), await house.add_chat("a")
    tail = house.post(chat, "tail")
    await house.delete_application(other[0])
    seen = dict(await house.changes.ends())
    read: list[tuple[int, int]] = []

    async def follow() -> None:
        for change in await house.changes.read(seen, 100):
            assert change.position > seen[change.partition]
            seen[change.partition] = change.position
            read.extend(change.keys)

    await stand_by(house)
    for step in (
        lambda: numbers(house, say(chat, "aside")),
        house.erase,
        lambda: numbers(house, say(chat, "more")),
        lambda: come_back(house, Logged(*tail)),
    ):
        await step()
        await follow()

    (chat_id,), (gone,) = await house.sql("select id from chat order by id")
    assert read == [(chat_id, 1_001), (gone, WHOLE_CHAT), (chat_id, 1_002), (chat_id, 2)]
    assert await differences(house) == []
