"""The contract of erasure: what was deleted is gone from the tables, its numbers never come again."""

from __future__ import annotations

import pytest

from parley.domain.cursors import Window
from parley.domain.documents import WHOLE_CHAT
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    Entry,
    MessageDeleted,
)
from tests.support.ports import Profile, keyed, posted
from tests.unit.workers.doubles import BEGAN_AT, StillClock


async def counts(ports: Profile, *tables: str) -> list[int]:
    """Count the rows of tables."""
    return [await ports.count(table) for table in tables]


async def test_a_deleted_chat_is_erased_in_slices(ports: Profile) -> None:
    """At most so many rows a transaction; 0 says that nothing is left, and only then."""
    chat, neighbour = await ports.add_chat(messages=10), await ports.add_chat(messages=4)
    untouched = await ports.erasure.erase(3)
    await ports.take(Entry(*chat, ChatDeleted()))

    left = list[int]()
    while await ports.erasure.erase(3):
        left += await counts(ports, "message")

    assert untouched == 0
    assert left == [11, 8, 5, 4]
    assert len((await ports.storage.page_messages(*neighbour, Window())).items) == 4


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
async def test_a_deleted_application_is_erased(ports: Profile, limit: int) -> None:
    """Its chats' gates, messages and keys; the rows that keep its token and numbers from coming again stay."""
    (token, _), other = await ports.add_chat(messages=3), await ports.add_chat(messages=3)
    await ports.append(*(Entry(token, None, ChatCreated(), key=keyed(str(n), route="chats")) for n in range(4)))
    await ports.append(*(posted((token, chat), "a", key=keyed(str(chat))) for chat in range(1, 6)))
    await ports.take(posted(other, "a", key=keyed("k")))
    made, _ = await ports.tenants.create("name", keyed("deployment"))

    await ports.delete_application(token)
    await ports.erase(limit)

    assert await counts(ports, "message", "idempotency_key", "application", "chat") == [4, 2, 3, 6]
    assert await ports.count("chat where erased_at is null") == 1
    assert await ports.tenants.create("name", keyed("deployment")) == (made, True)
    assert (await ports.storage.get_chat(*other)).messages_count == 4


async def test_a_deleted_applications_keys_are_erased_in_slices(ports: Profile) -> None:
    """At most so many a transaction; with keys left the application is not done, and others keep theirs."""
    token, other = await ports.add_application(), await ports.add_chat()
    await ports.append(*(Entry(token, None, ChatCreated(), key=keyed(str(n), route="chats")) for n in range(4)))
    await ports.append(*(posted((token, chat), "a", key=keyed(str(chat))) for chat in (1, 2, 3)))
    await ports.take(posted(other, "a", key=keyed("k")))
    await ports.delete_application(token)

    left = [await counts(ports, "idempotency_key", "application where erased_at is null")]
    while await ports.erasure.erase(3):
        left.append(await counts(ports, "idempotency_key", "application where erased_at is null"))

    assert list(dict.fromkeys(keys for keys, _ in left)) == [8, 5, 2, 1]
    assert {keys for keys, unfinished in left if unfinished == 1} == {1}


async def test_followers_hear_that_an_applications_chats_are_gone(ports: Profile, clock: StillClock) -> None:
    """Each chat once, above the partition's position even when the clock ran backwards."""
    token, _ = await ports.add_chat(messages=1)
    await ports.append(*(Entry(token, None, ChatCreated()) for _ in range(4)))
    await ports.take(Entry(token, 3, ChatDeleted()))
    ids = [(await ports.storage.find_chat(token, number)).chat for number in (1, 2, 4, 5)]
    before = await ports.changes.ends()
    clock.move(-60)

    await ports.delete_application(token)
    await ports.erase(2)

    changes = await ports.changes.read(before, 100)
    told = sorted(key for change in changes for key in change.keys)
    assert told == [(each, WHOLE_CHAT) for each in ids]
    assert (await ports.changes.ends())[changes[-1].partition] == changes[-1].position
    assert all(document.body is None for document in await ports.changes.load(told))


async def test_numbers_are_not_given_again(ports: Profile) -> None:
    """After erasure as before: of chats, and of messages beside their tombstones."""
    chat = await ports.add_chat(messages=3)
    await ports.take(Entry(*chat, MessageDeleted(), 3))
    await ports.append(*(Entry(chat[0], None, ChatCreated()) for _ in range(2)))
    await ports.take(Entry(chat[0], 3, ChatDeleted()))
    await ports.erase()
    await ports.reopen()

    assert (await ports.take(posted(chat, "a"))).number == 4
    assert (await ports.take(Entry(chat[0], None, ChatCreated()))).number == 4
    assert await ports.count("message where deleted_at is not null") == 1


async def test_erasure_goes_on_after_a_restart(ports: Profile) -> None:
    """What was left half done is found by itself."""
    chat = await ports.add_chat(messages=5)
    await ports.delete_application(chat[0])
    for _ in range(3):
        assert await ports.erasure.erase(1)
        await ports.reopen()

    await ports.erase()

    assert await counts(ports, "message") == [0]
    assert await ports.count("application where erased_at is null") == 0


async def test_keys_are_expired_in_slices(ports: Profile, clock: StillClock) -> None:
    """A sweep looks at every key once and removes the old ones; a repeat under a young one still works."""
    chat = await ports.add_chat()
    await ports.append(*(posted(chat, "a", key=keyed(f'old "{n}"\\')) for n in range(5)))
    await ports.tenants.create("name", keyed("old"))
    clock.move(10)
    young = [posted(chat, "a", key=keyed(f"young {n}")) for n in range(5)]
    first = await ports.append(*young)

    for _ in range(2):
        looked_at = list[int]()
        while handled := await ports.erasure.expire_keys(BEGAN_AT, 4):
            looked_at.append(handled)

        assert max(looked_at) <= 4
        assert await counts(ports, "idempotency_key") == [5]
    repeated = await ports.append(*young)

    assert [outcome[:2] for outcome in repeated] == [outcome[:2] for outcome in first]
