"""The log's idempotency keys on a real Redis: repeats, what is forgotten, and what is let go of."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from parley.domain.numbering import Appended, Reason, Refused, Replayed
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


async def test_a_key_is_forgotten_after_its_time(redis_server: RedisServer) -> None:
    """Then it is as new, for another payload too, without a question to the database."""
    async with log_house(redis_server.url, key_ttl_s=1) as house:
        chat = await house.add_chat()
        first = await house.take(posted(chat, "a", key=keyed("k", "a")))

        async def is_forgotten() -> bool:
            (outcome,) = await house.send(posted(chat, "b", key=keyed("k", "b")))
            return outcome != Refused(Reason.KEY_REUSED)

        await wait_until(is_forgotten, "the key is as new")

        assert await house.send(posted(chat, "b", key=keyed("k", "b"))) == [
            Replayed(first.number + 1, (await house.read(house.partition_of(chat[0])))[-1].position)
        ]


async def test_a_key_that_the_log_may_have_let_go_of_is_looked_up_first(redis_server: RedisServer) -> None:
    """Two generations of keys: an old one is known in the database alone, a new one has to be vouched for."""
    async with log_house(redis_server.url, partitions=1, key_budget=4) as house:
        chat = await house.add_chat()
        entries = [posted(chat, f"{n}", key=keyed(f"k{n}")) for n in range(9)]
        first = [(await house.append(entry))[0] for entry in entries[:3]]
        await house.persist()  # three is more than half of the budget: these are the old generation now
        first += [(await house.append(entry))[0] for entry in entries[3:6]]
        still_known = await house.send(*entries[:6])
        await house.persist()  # the old ones go

        refused = await house.send(*entries[:7])
        vouched = await house.append(*entries[:7])

        assert all(isinstance(outcome, Appended) for outcome in first)
        assert [type(outcome) for outcome in still_known] == [Replayed] * 6
        assert [reason(outcome) for outcome in refused] == [Reason.KEY_UNKNOWN] * 3 + [None] * 3 + [Reason.KEY_UNKNOWN]
        assert vouched[:6] == [Replayed(*outcome) for outcome in first if isinstance(outcome, Appended)]
        assert isinstance(vouched[6], Appended)
        assert vouched[6].number == 7


async def test_a_key_stays_while_its_entry_is_not_stored(redis_server: RedisServer) -> None:
    """Nobody else knows it: its generation stays, whatever the budget says."""
    async with log_house(redis_server.url, partitions=1, key_budget=4) as house:
        chat = await house.add_chat()
        entries = [posted(chat, f"{n}", key=keyed(f"k{n}")) for n in range(6)]
        first = [await house.take(entry) for entry in entries[:3]]
        await house.persist(limit=2)  # three keys fill a generation, one of them is stored
        first += [await house.take(entry) for entry in entries[3:]]
        await house.persist(limit=1)  # the second one is full; of the first, two are stored

        assert await house.send(*entries) == [Replayed(*outcome) for outcome in first]


async def test_a_vouch_counts_for_what_was_known_when_it_was_given(redis_server: RedisServer) -> None:
    """The log has let go of keys since the database was asked: ask again, for the key may be among them."""
    async with log_house(redis_server.url, partitions=1, key_budget=2) as house:
        chat = await house.add_chat()
        await house.begin(0, keys_known_since=2**50)
        chat = await house.add_chat()
        entry, other = posted(chat, "a", key=keyed("k")), posted(chat, "b", key=keyed("other"))
        (before,) = await house.send(entry)
        assert isinstance(before, Refused)
        for n in range(8):
            await house.take(posted(chat, f"{n}", key=keyed(f"k{n}")))
            await house.persist()

        house.apart.feeding.vouch(chat[0], "messages", "k", before.stamp)
        house.apart.feeding.vouch(chat[0], "messages", "other", before.stamp)
        (late, other_late) = await house.send(entry, other)

        assert before.reason is Reason.KEY_UNKNOWN
        assert reason(late) is reason(other_late) is Reason.KEY_UNKNOWN
        assert isinstance(late, Refused)
        assert late.stamp > before.stamp
