"""What the log on a real Redis knows of scopes: restored from the database, granted numbers, let go of."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    Entry,
    NumbersBurnt,
)
from parley.domain.grants import Known, ScopeName
from parley.domain.numbering import Appended, Reason, Refused
from tests.support.engines.redis import RedisServer
from tests.support.logs import LogHouse, Rows, let_go, log_house
from tests.support.ports import posted

ABSENT = "f" * 32


@pytest.fixture
async def house(redis_server: RedisServer) -> AsyncIterator[LogHouse]:
    """Give a log of the test's own, open in its first epoch."""
    async with log_house(redis_server.url) as house:
        yield house


def reason(outcome: object) -> Reason | None:
    """Give why an entry was refused."""
    return outcome.reason if isinstance(outcome, Refused) else None


async def test_a_cold_scope_is_restored_from_the_database(house: LogHouse) -> None:
    """Refused with a stamp, nothing written; then its numbers go on where they were."""
    chat = await house.add_chat(0)
    await house.take(posted(chat, "a", "b", "c"))
    await house.begin(0)

    (cold,) = await house.send(posted(chat, "d"))
    after = await house.take(posted(chat, "d"))

    assert reason(cold) is Reason.COLD
    assert after.number == 1_001, "the grants of the last epoch are void"
    assert len(await house.read(0)) == 1


async def test_a_restore_sets_what_is_absent_and_no_more(house: LogHouse) -> None:
    """What the log knows better stays; a closed gate stays closed."""
    token, number = await house.add_chat(0)
    await house.take(posted((token, number), "a", "b"))
    await house.take(Entry(token, None, ChatCreated()))
    await house.take(Entry(token, 2, ChatDeleted()))
    (cold,) = await house.send(posted((house.add_application(0), 1), "x"))
    assert isinstance(cold, Refused)

    stale = [Known(ScopeName(token, number), closed=False, last=0, first=1, until=1_000)]
    reopening = [Known(ScopeName(token, 2), closed=False, last=0, first=1, until=2_000)]
    await house.apart.feeding.restore(0, cold.stamp, [*stale, *reopening])

    outcomes = await house.send(posted((token, number), "c"), posted((token, 2), "too late"))
    assert isinstance(outcomes[0], Appended)
    assert outcomes[0].number == 3
    assert outcomes[1] == Refused(Reason.CHAT_GONE)


async def test_a_restore_is_refused_when_the_log_has_let_go_of_something_since(house: LogHouse) -> None:
    """What the database said may be older than what the log has given and let go of."""
    house.keep_nothing()
    chat, beside = await house.add_chat(0), await house.add_chat(0)
    await house.take(posted(chat, "a"))
    await let_go(house, beside)
    (cold,) = await house.send(posted(chat, "b"))
    assert isinstance(cold, Refused)
    said = list(house.rows.provide(house.needs(posted(chat, "b"), cold)).values())
    await house.take(posted(chat, "b"))  # another writer was quicker,
    await let_go(house, beside)  # and the log has let go of what it gave

    await house.apart.feeding.restore(0, cold.stamp, said)
    (again,) = await house.send(posted(chat, "c"))

    assert cold.reason is Reason.COLD
    assert isinstance(again, Refused)
    assert again.reason is Reason.COLD
    assert again.stamp > cold.stamp
    assert (await house.take(posted(chat, "c"))).number == 3


async def test_a_refusal_of_one_epoch_restores_nothing_in_another(house: LogHouse) -> None:
    """A grant of the last epoch would give its numbers twice."""
    chat = await house.add_chat(0)
    await house.begin(0)
    (cold,) = await house.send(posted(chat, "a"))
    assert isinstance(cold, Refused)
    said = list(house.rows.provide(house.needs(posted(chat, "a"), cold)).values())

    await house.begin(0)
    await house.apart.feeding.restore(0, cold.stamp, said)

    (again,) = await house.send(posted(chat, "a"))
    assert reason(again) is Reason.COLD


async def test_a_grant_is_used_up_and_extended(redis_server: RedisServer) -> None:
    """Refused with the last number that may be given; the next grant follows without a hole."""
    async with log_house(redis_server.url, Rows(size=3)) as house:
        token = house.add_application()

        created = [await house.append(Entry(token, None, ChatCreated())) for _ in range(3)]
        (refused,) = await house.send(Entry(token, None, ChatCreated()))
        more = await house.append(*(Entry(token, None, ChatCreated()) for _ in range(5)))

        numbers = [outcome.number for (outcome,) in created if isinstance(outcome, Appended)]
        assert numbers == [1, 2, 3]
        assert isinstance(refused, Refused)
        assert (refused.reason, refused.until) == (Reason.EXHAUSTED, 3)
        assert [outcome.number for outcome in more if isinstance(outcome, Appended)] == [4, 5, 6, 7, 8]


async def test_a_bulk_takes_all_its_numbers_from_one_grant(house: LogHouse) -> None:
    """What does not fit is refused and takes nothing: a smaller entry behind it still fits."""
    chat = await house.add_chat()
    await house.take(posted(chat, *("x" * 990)))

    outcomes = await house.send(posted(chat, *("y" * 11)), posted(chat, *("z" * 10)), posted(chat, "a"))

    assert [reason(outcome) for outcome in outcomes] == [Reason.EXHAUSTED, None, Reason.EXHAUSTED]
    assert isinstance(outcomes[1], Appended)
    assert outcomes[1].number == 991
    assert (await house.take(posted(chat, *("y" * 11)))).number == 1_001


async def test_a_grant_that_does_not_follow_burns_the_numbers_between(house: LogHouse) -> None:
    """The followers are told which numbers never will be given; a grant that is older changes nothing."""
    chat = await house.add_chat(0)
    await house.take(posted(chat, "a"))
    name = ScopeName(*chat)
    (refused,) = await house.send(posted(chat, *("x" * 1_000)))
    assert isinstance(refused, Refused)

    for first, until in ((5_001, 6_000), (5_001, 6_000), (1, 1_000)):
        await house.apart.feeding.restore(
            0, refused.stamp, [Known(name, closed=False, last=1, first=first, until=until)]
        )

    assert (await house.take(posted(chat, "b"))).number == 5_001
    events = [one.event for one in await house.read(0) if one.event]
    assert [(event.number, event.entry.what) for event in events if isinstance(event.entry.what, NumbersBurnt)] == [
        (2, NumbersBurnt(5_000))
    ]


async def test_a_scope_stays_while_one_of_its_entries_is_not_stored(house: LogHouse) -> None:
    """Whatever the budget says; the rest goes, and comes back from the database."""
    house.keep_nothing()
    chats = [await house.add_chat(0) for _ in range(3)]
    created = (await house.read(0))[-1].position.at
    while (await house.take(posted(chats[0], "a"))).position.at <= created:
        pass  # what lies in one millisecond with the last stored entry stays too
    for chat in chats[1:]:
        await house.take(posted(chat, "a"))
    logged = await house.read(0)
    house.rows.apply([one.event for one in logged[:-1] if one.event])

    await house.keeper.trim(0, logged[-2])
    outcomes = await house.send(*(posted(chat, "b") for chat in chats))

    assert [reason(outcome) for outcome in outcomes] == [Reason.COLD, Reason.COLD, Reason.COLD]
    with house.client() as client:
        kept = client.hkeys(f"{{{house.prefix}:0}}:1:scopes")
    assert f"{chats[2][0]}:1".encode() in kept


async def test_a_grant_is_extended_without_a_question(house: LogHouse) -> None:
    """Whoever extends ahead of use has no refusal: what the log knows grows, what it does not know stays unknown."""
    chat, token = await house.add_chat(0), house.add_application(0)
    await house.take(posted(chat, *("x" * 999)))
    known = Known(ScopeName(*chat), closed=False, last=0, first=1, until=2_000)
    unknown = Known(ScopeName(token, None), closed=False, last=0, first=1, until=1_000)

    await house.apart.feeding.restore(0, None, [known, unknown])

    outcomes = await house.send(posted(chat, "a", "b"), Entry(token, None, ChatCreated()))
    assert isinstance(outcomes[0], Appended)
    assert outcomes[0].number == 1_000
    assert reason(outcomes[1]) is Reason.COLD
