"""A log that comes back after a standby: what it brings is stored, and what is missing stays explained."""

from __future__ import annotations

from parley.domain.events import ChatCreated, ChatDeleted, Entry, MessagesPosted, NumbersBurnt
from parley.domain.grants import Need, ScopeName
from parley.domain.model import Draft
from tests.contract.mysql.standing import LAST_BEFORE, come_back, differences, numbers, say, stand_by
from tests.contract.mysql.whole import POISON
from tests.support.mysql_house import House
from tests.unit.workers.doubles import StillClock


async def test_what_the_log_brings_later_leaves_the_ledger(house: House) -> None:
    """Messages and a chat that were acknowledged and not stored are there with their numbers; the rest stays void."""
    chat = await house.add_chat("a")
    await house.scopes.provide([Need(ScopeName(chat[0], None), 2, 1)])
    left = [house.post(chat, "b"), house.post(chat, "c", "d"), house.say(chat[0], None, ChatCreated())]
    left.append(house.post((chat[0], 2), "in the new one"))
    await stand_by(house)
    await numbers(house, say(chat, "aside"), Entry(chat[0], None, ChatCreated()))
    meanwhile = await house.gaps()

    await come_back(house, *left[:1])
    (first_part,) = [await house.gaps()]

    assert meanwhile == [(2, 1_001, b"standby"), (2, LAST_BEFORE, b"standby")]
    assert sorted(first_part) == [(2, 1_001, b"standby"), (3, LAST_BEFORE, b"standby")]
    assert await house.bodies(chat) == {1: "a", 2: "b", 1_001: "aside"}
    assert await differences(house) == []


async def test_a_tail_is_taken_out_of_the_ledger_piece_by_piece(house: House) -> None:
    """In several transactions, to the very last number that was granted; older gaps of the chat stay as they are."""
    chat = await house.add_chat("a")
    await stand_by(house)
    await numbers(house, say(chat, "first aside"))
    await come_back(house)
    known = await house.scopes.provide([Need(ScopeName(*chat), 4)])
    assert known[ScopeName(*chat)].first == 1_002
    tail = [house.say(*chat, MessagesPosted((Draft(f"{n}"),)), n) for n in range(1_002, 1_005)]
    tail.append(house.say(*chat, NumbersBurnt(known[ScopeName(*chat)].until), 1_005))
    await stand_by(house)
    (second,) = await numbers(house, say(chat, "second aside"))
    gaps = [await house.gaps()]

    for logged in tail:
        await house.persist(logged)
        gaps.append(await house.gaps())
    await come_back(house)

    until = second - 1
    old = (2, LAST_BEFORE, b"standby")
    assert gaps[:4] == [[old, (first, until, b"standby")] for first in (1_002, 1_003, 1_004, 1_005)]
    assert gaps[4] == [old, (1_005, until, b"burnt")]
    assert await differences(house) == []


async def test_a_dead_letter_of_the_tail_keeps_its_numbers(house: House) -> None:
    """They are explained by it, not by the ledger as well: it may be replayed."""
    chat = await house.add_chat("a")
    poison = house.say(*chat, MessagesPosted((Draft(POISON),)))
    await stand_by(house)
    await numbers(house, say(chat, "aside"))

    await come_back(house, poison, house.post(chat, "after"))

    assert await house.gaps() == [(4, LAST_BEFORE, b"standby")]
    assert await house.bodies(chat) == {1: "a", 3: "after", 1_001: "aside"}
    (letter,) = await house.dead_letters.page(0, 10)
    await house.dead_letters.discard(letter.id)
    assert (2, 2, b"discarded") in await house.gaps()
    assert await differences(house) == []


async def test_a_chat_that_the_tail_deletes_takes_with_it_what_was_added_meanwhile(house: House) -> None:
    """The deletion was acknowledged before; nothing is left of the chat."""
    chat = await house.add_chat("a")
    deletion = house.say(*chat, ChatDeleted())
    await stand_by(house)
    await numbers(house, say(chat, "aside"))

    await come_back(house, deletion)
    await house.erase()

    assert await house.sql("select count(*) from message") == [(0,)]
    assert await house.sql("select chats_count from application where token = %s", chat[0].encode()) == [(0,)]
    assert await differences(house) == []


async def test_the_next_log_numbers_above_the_standby(house: House) -> None:
    """Its first grant follows what was stored aside, and voids nothing more."""
    chat = await house.add_chat("a")
    await stand_by(house)
    await numbers(house, say(chat, "b", "c"))
    await come_back(house)

    known = await house.scopes.provide([Need(ScopeName(*chat), 4)])

    assert known[ScopeName(*chat)][2:] == (1_002, 1_003, 3_002)
    assert await house.gaps() == [(2, LAST_BEFORE, b"standby")]
    assert await differences(house) == []


async def test_a_second_outage_follows_the_first(house: House) -> None:
    """With and without a grant in between: every number is a row or in the ledger, and none is given twice."""
    one, two = await house.add_chat("a"), await house.add_chat("a")
    given: list[int] = []
    for outage in range(3):
        await stand_by(house)
        given += await numbers(house, say(one, f"{outage}"), say(two, f"{outage}"))
        await come_back(house)
        await house.scopes.provide([Need(ScopeName(*one), (await house.row()).life.epoch)])

    assert given == [1_001, 1_001, 3_002, 1_002, 7_003, 1_003]
    assert await differences(house) == []


async def test_times_run_against_numbers_only_where_a_standby_began(house: House, clock: StillClock) -> None:
    """The log's clock is ahead, or it took an entry late: the check knows; it still finds any other case."""
    chat = await house.add_chat("a")
    await stand_by(house)
    await numbers(house, say(chat, "aside"))
    clock.move(30)
    late = house.post(chat, "late")
    clock.move(-29)
    await come_back(house, late)

    allowed = await differences(house)
    await house.sql("update message set created_at = created_at + 1 where number = 1")
    clock.move(60)
    await house.scopes.provide([Need(ScopeName(*chat), 4)])
    await house.sql("update message set created_at = 5 where number = 2")
    found = await differences(house)

    assert allowed == []
    assert [each.check for each in found] == ["times"]
