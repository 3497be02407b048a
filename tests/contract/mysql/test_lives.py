"""Lives of the log as MySQL holds them, and the numbers that each is given."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.errors import ConflictError
from parley.domain.events import ChatCreated, ChatDeleted, MessagesPosted, Position, position_id
from parley.domain.grants import Known, Life, Need, ScopeName
from parley.domain.model import Draft
from parley.domain.numbering import Appended
from tests.contract.mysql.standing import append, say, stand_by
from tests.support.mysql_house import RUN, House
from tests.unit.workers.doubles import StillClock


async def provide(house: House, chat: tuple[str, int | None], until: int = 0, wanted: int = 1) -> Known | None:
    """Ask for one scope in the present epoch."""
    name = ScopeName(*chat)
    known = await house.scopes.provide([Need(name, (await house.row()).life.epoch, until, wanted)])
    return known.get(name)


async def test_a_new_database_has_partitions_without_a_life(house: House) -> None:
    """As many as it was made for; nobody has looked at their logs."""
    first, *others = await house.scopes.partitions()

    assert [partition.id for partition in others] == [1, 2, 3]
    assert {(partition.life, partition.position, partition.mode) for partition in others} == {
        (Life(1, ""), Position(1, 0), "log")
    }
    assert first.life == Life(2, RUN)


async def test_a_new_epoch_begins_at_its_floor(house: House) -> None:
    """The position moves there, and nothing of the last epoch can be stored any more."""
    chat = await house.add_chat("a")
    before = (await house.row()).position
    floor = Position(3, before.id + 1_000)

    await house.persisting.open_life(0, house.lease, Life(3, "another"), floor)

    row = await house.row()
    assert (row.life, row.position) == (Life(3, "another"), floor)
    with pytest.raises(ConflictError):
        await house.persisting.apply(0, house.lease, before, [house.post(chat, "b")])
    with pytest.raises(ConflictError):
        await house.persisting.open_life(0, house.lease, Life(2, "late"), before)


async def test_a_new_epoch_begins_above_all_that_was_changed(house: House) -> None:
    """A standby's writer, whose clock is ahead, may store until the very moment: the index has that already."""
    chat = await house.add_chat("a")
    epoch = await stand_by(house)
    floor = Position(epoch + 1, position_id(house.clock.now_ms() + 1_000))
    house.clock.move(3_600)
    (late,) = await append(house, say(chat, "ahead"))

    opened = await house.persisting.open_life(0, house.lease, Life(epoch + 1, "another"), floor)

    assert isinstance(late, Appended)
    assert opened == Position(epoch + 1, position_id(late.position.at + 1)) == (await house.row()).position
    assert await house.persisting.open_life(0, house.lease, Life(epoch + 1, "yet another"), floor) == opened


async def test_another_run_of_the_same_life_is_noted(house: House) -> None:
    """The position stays; repeating it changes nothing."""
    before = await house.row()
    for _ in range(2):
        await house.persisting.open_life(0, house.lease, Life(before.life.epoch, "restarted"), Position(9, 9))

    assert await house.row() == before._replace(life=Life(before.life.epoch, "restarted"))


async def test_a_scope_is_given_its_numbers(house: House) -> None:
    """A new application's first chats by the first question; a chat's first thousand by its creation."""
    token, _ = await house.add_chat("a", "b")

    assert await provide(house, (token, None)) == Known(
        ScopeName(token, None), closed=False, last=1, first=2, until=1001
    )
    assert await provide(house, (token, 1)) == Known(ScopeName(token, 1), closed=False, last=2, first=1, until=1_000)
    assert await provide(house, (token, 1), 1_000) == Known(
        ScopeName(token, 1), closed=False, last=2, first=1_001, until=3_000
    )


async def test_a_scope_without_a_row_is_left_out(house: House) -> None:
    """An application or chat that is not known, or far beyond."""
    token, _ = await house.add_chat()
    names = [ScopeName(token, 1), ScopeName(token, 2), ScopeName("0" * 32, None), ScopeName(token, 2**40)]

    known = await house.scopes.provide([Need(name, 2) for name in names])

    assert list(known) == [ScopeName(token, 1)]
    assert await house.scopes.provide([]) == {}


async def test_askers_with_the_same_end_get_the_same_grant(house: House) -> None:
    """However many ask at once; each number is given away once."""
    token, _ = await house.add_chat()
    needs = [Need(ScopeName(token, 1), 2, 1_000), Need(ScopeName(token, None), 2, 0)]

    answers = await asyncio.gather(*(house.scopes.provide(needs) for _ in range(12)))

    assert all(answer == answers[0] for answer in answers)
    assert await house.sql("select granted_until from chat") == [(3_000,)]
    assert await house.sql("select granted_until from application") == [(1_001,)]


async def test_many_scopes_are_provided_together(house: House) -> None:
    """Of several applications, in one transaction."""
    tokens = [await house.add_application() for _ in range(30)]
    await house.persist(*(house.say(token, None, ChatCreated()) for token in tokens for _ in range(30)))
    names = [ScopeName(token, chat) for token in tokens for chat in (None, *range(1, 31))]

    known = await house.scopes.provide([Need(name, 2, 0 if name.chat is None else 1_000) for name in names])

    assert sorted(known, key=str) == sorted(names, key=str)
    assert {(each.first, each.until) for name, each in known.items() if name.chat is None} == {(31, 1_030)}
    assert {(each.first, each.until) for name, each in known.items() if name.chat is not None} == {(1_001, 3_000)}


async def test_a_new_epoch_voids_grants_one_by_one(house: House) -> None:
    """When a scope is first asked for: what was not used goes to the gap ledger, once."""
    chat = await house.add_chat("a", "b")
    untouched = await house.add_chat("a")
    await house.open_life(3)
    nothing_yet = await house.gaps()

    first = await provide(house, chat)
    second = await provide(house, chat)
    await provide(house, (chat[0], None))

    assert nothing_yet == []
    assert first == second == Known(ScopeName(*chat), closed=False, last=1_000, first=1_001, until=3_000)
    assert await house.gaps() == [(3, 1_000, b"epoch")]
    await house.open_life(4)
    await provide(house, chat, wanted=0)
    assert await house.gaps() == [(3, 1_000, b"epoch")]
    await provide(house, chat)
    await provide(house, untouched)
    assert await house.gaps() == [(3, 1_000, b"epoch"), (1_001, 3_000, b"epoch"), (2, 1_000, b"epoch")]


async def test_another_epoch_is_refused_whole(house: House) -> None:
    """One need of several names it: nothing is granted to any."""
    (token, _), other = await house.add_chat(), await house.add_application()

    with pytest.raises(ConflictError):
        await house.scopes.provide([Need(ScopeName(token, 1), 2, 1_000), Need(ScopeName(other, None), 3)])

    assert await house.sql("select max(granted_until) from chat") == [(1_000,)]
    assert await house.sql("select max(granted_until) from application where token = %s", other.encode()) == [(0,)]


async def test_a_deleted_scope_is_closed(house: House) -> None:
    """A chat, all chats of an application, and the application."""
    deleted, gone = await house.add_chat("a"), await house.add_chat("a")
    await house.persist(house.say(*deleted, ChatDeleted()))
    await house.tenants.delete(gone[0])

    for scope in (deleted, gone, (gone[0], None)):
        known = await provide(house, scope)

        assert known is not None
        assert known.closed
    application = await provide(house, (deleted[0], None))
    assert application is not None
    assert not application.closed


async def test_grants_double_while_they_are_used_up_quickly(house: House, clock: StillClock) -> None:
    """The second within a minute is twice as large; after a slow one it is as at first."""
    chat = await house.add_chat()
    sizes = []
    until = 1_000
    for pause_s in (1, 1, 61, 1):
        clock.move(pause_s)
        known = await provide(house, chat, until)
        assert known is not None
        sizes.append(known.until - until)
        until = known.until

    assert sizes == [2_000, 4_000, 1_000, 2_000]


async def test_a_row_with_a_number_that_was_never_given_extends_what_was(house: House) -> None:
    """As after an older database was put back under a newer log: those numbers are never given again."""
    chat = await house.add_chat()
    await house.persist(house.say(*chat, MessagesPosted((Draft("far"),)), 5_000))

    known = await provide(house, chat, 5_000)
    assert known is not None
    assert known.first == 5_001
