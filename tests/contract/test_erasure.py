"""The contract of erasure: what was deleted is gone from the tables and the files, its numbers never come again."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from parley.domain.cursors import Window
from parley.domain.documents import WHOLE_CHAT
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
)
from parley.domain.model import Draft
from tests.support.ports import Ports, keyed, posted
from tests.unit.workers.doubles import BEGAN_AT, StillClock

Act = Callable[[Ports, tuple[str, int]], Awaitable[object]]

SECRET = re.compile(rb"secret-[0-9]+-")


def counts(ports: Ports, *tables: str) -> list[int]:
    """Count the rows of tables."""
    return [ports.sql(f"select count(*) from {table}")[0][0] for table in tables]  # noqa: S608


def secrets_in(ports: Ports) -> set[bytes]:
    """Give the secrets that can be read in any byte of the database's files."""
    files = [path for path in ports.file.parent.iterdir() if path.name.startswith(ports.file.name)]
    return {found for path in files for found in SECRET.findall(path.read_bytes())}


async def test_a_deleted_chat_is_erased_in_slices(ports: Ports) -> None:
    """At most so many rows a transaction; 0 says that nothing is left, and only then."""
    chat, neighbour = await ports.add_chat(messages=10), await ports.add_chat(messages=4)
    untouched = await ports.erasure.erase(3)
    await ports.take(Entry(*chat, ChatDeleted()))

    left = list[int]()
    while await ports.erasure.erase(3):
        left += counts(ports, "message")

    assert untouched == 0
    assert left == [11, 8, 5, 4]
    assert len((await ports.storage.page_messages(*neighbour, Window())).items) == 4


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
async def test_a_deleted_application_is_erased(ports: Ports, limit: int) -> None:
    """Its chats' gates, messages and keys; the rows that keep its token and numbers from coming again stay."""
    (token, _), other = await ports.add_chat(messages=3), await ports.add_chat(messages=3)
    await ports.append(*(Entry(token, None, ChatCreated(), key=keyed(str(n), route="chats")) for n in range(4)))
    await ports.append(*(posted((token, chat), "a", key=keyed(str(chat))) for chat in range(1, 6)))
    await ports.take(posted(other, "a", key=keyed("k")))
    made, _ = await ports.tenants.create("name", keyed("deployment"))

    await ports.tenants.delete(token)
    await ports.erase(limit)

    assert counts(ports, "message", "idempotency_key", "application", "chat") == [4, 2, 3, 6]
    assert ports.sql("select count(*) from chat where erased_at is null") == [(1,)]
    assert await ports.tenants.create("name", keyed("deployment")) == (made, True)
    assert (await ports.storage.get_chat(*other)).messages_count == 4


async def test_followers_hear_that_an_applications_chats_are_gone(ports: Ports, clock: StillClock) -> None:
    """Each chat once, above the partition's position even when the clock ran backwards."""
    token, _ = await ports.add_chat(messages=1)
    await ports.append(*(Entry(token, None, ChatCreated()) for _ in range(4)))
    await ports.take(Entry(token, 3, ChatDeleted()))
    ids = [row[0] for row in ports.sql("select id from chat where number <> 3")]
    before = await ports.changes.ends()
    clock.move(-60)

    await ports.tenants.delete(token)
    await ports.erase(2)

    changes = await ports.changes.read(before, 100)
    assert sorted(key for change in changes for key in change.keys) == [(each, WHOLE_CHAT) for each in ids]
    assert (await ports.changes.ends())[changes[-1].partition] == changes[-1].position
    assert all(document.body is None for document in await ports.changes.load(changes[0].keys))


async def test_numbers_are_not_given_again(ports: Ports) -> None:
    """After erasure as before: of chats, and of messages beside their tombstones."""
    chat = await ports.add_chat(messages=3)
    await ports.take(Entry(*chat, MessageDeleted(), 3))
    await ports.append(*(Entry(chat[0], None, ChatCreated()) for _ in range(2)))
    await ports.take(Entry(chat[0], 3, ChatDeleted()))
    await ports.erase()
    await ports.reopen()

    assert (await ports.take(posted(chat, "a"))).number == 4
    assert (await ports.take(Entry(chat[0], None, ChatCreated()))).number == 4
    assert ports.sql("select id & 4294967295 from message where deleted_at is not null") == [(3,)]


async def test_erasure_goes_on_after_a_restart(ports: Ports) -> None:
    """What was left half done is found by itself."""
    chat = await ports.add_chat(messages=5)
    await ports.tenants.delete(chat[0])
    for _ in range(3):
        assert await ports.erasure.erase(1)
        await ports.reopen()

    await ports.erase()

    assert counts(ports, "message") == [0]
    assert ports.sql("select count(*) from application where erased_at is null") == [(0,)]


async def test_keys_are_expired_in_slices(ports: Ports, clock: StillClock) -> None:
    """A sweep looks at every key once and removes the old ones; a repeat under a young one still works."""
    chat = await ports.add_chat()
    await ports.append(*(posted(chat, "a", key=keyed(f"old {n}")) for n in range(5)))
    await ports.tenants.create("name", keyed("old"))
    clock.move(10)
    young = [posted(chat, "a", key=keyed(f"young {n}")) for n in range(5)]
    first = await ports.append(*young)

    for _ in range(2):
        looked_at = list[int]()
        while handled := await ports.erasure.expire_keys(BEGAN_AT, 4):
            looked_at.append(handled)

        assert max(looked_at) <= 4
        assert counts(ports, "idempotency_key") == [5]
    repeated = await ports.append(*young)

    assert [outcome[:2] for outcome in repeated] == [outcome[:2] for outcome in first]


async def test_what_was_deleted_is_in_no_byte_of_the_files(ports: Ports) -> None:
    """Long and short bodies, senders, metadata, titles, names and keys: deleted, edited, erased or expired."""
    chat, other = await ports.add_chat(), await ports.add_chat()
    kept = posted(chat, "secret-9-")
    drafts = tuple(Draft(f"secret-{n}-" + "x" * 20 * n, f"secret-{n}-sender", f"secret-{n}-") for n in range(10, 500))
    await ports.take(kept)
    await ports.take(Entry(*chat, MessagesPosted(drafts), key=keyed("secret-1-")))
    await ports.take(Entry(other[0], None, ChatCreated("secret-2-")))
    await ports.take(posted((other[0], 2), "secret-3-", key=keyed("secret-4-")))
    await ports.tenants.rename(other[0], "secret-5-")
    before = len(secrets_in(ports))

    await ports.append(*(Entry(*chat, MessageDeleted(), number) for number in range(2, 250)))
    await ports.append(*(Entry(*chat, MessageEdited("x"), number) for number in range(250, 400)))
    await ports.append(*(Entry(*chat, MessageDeleted(), number) for number in range(250, 492)))
    await ports.tenants.delete(other[0])
    await ports.erase(100)
    await ports.erasure.expire_keys(2**62, 100)
    await ports.erasure.scrub()

    assert before == 496
    assert secrets_in(ports) == {b"secret-9-"}


async def erase_chat(ports: Ports, chat: tuple[str, int]) -> None:
    """Delete a chat and erase it."""
    await ports.take(Entry(*chat, ChatDeleted()))
    await ports.erasure.scrub()
    await ports.erase()


async def erase_application(ports: Ports, chat: tuple[str, int]) -> None:
    """Delete an application and erase it, scrubbing after each slice."""
    await ports.tenants.delete(chat[0])
    while await ports.erasure.erase(9):
        await ports.erasure.scrub()


ACTS: dict[str, tuple[Act, set[int]]] = {
    "edit": (lambda ports, chat: ports.take(Entry(*chat, MessageEdited("x"), 1)), {2, 3, 4, 5, 6}),
    "delete": (lambda ports, chat: ports.take(Entry(*chat, MessageDeleted(), 1)), {3, 4, 5, 6}),
    "retitle": (lambda ports, chat: ports.take(Entry(*chat, ChatRetitled("x"))), {1, 2, 4, 5, 6}),
    "rename": (lambda ports, chat: ports.tenants.rename(chat[0], "x"), {1, 2, 3, 5, 6}),
    "expire keys": (lambda ports, _: ports.erasure.expire_keys(2**62, 9), {1, 2, 3, 4, 6}),
    "delete application": (lambda ports, chat: ports.tenants.delete(chat[0]), {1, 2, 3, 5, 6}),
    "erase chat": (erase_chat, {4, 5, 6}),
    "erase application": (erase_application, {6}),
}


@pytest.mark.parametrize("name", ACTS)
async def test_scrubbing_follows_everything_that_overwrites(ports: Ports, name: str) -> None:
    """Body 1, sender and metadata 2, title 3, name 4, key 5: each alone, from the write-ahead file too; 6 stays."""
    token = await ports.add_application("secret-4-")
    await ports.take(Entry(token, None, ChatCreated("secret-3-")))
    what = MessagesPosted((Draft("secret-1-", "secret-2-", '{"k":"secret-2-"}'),))
    await ports.take(Entry(token, 1, what, key=keyed("secret-5-")))
    await ports.add_application("secret-6-")
    before = secrets_in(ports)

    act, left = ACTS[name]
    await act(ports, (token, 1))
    await ports.erasure.scrub()

    assert len(before) == 6
    assert secrets_in(ports) == {b"secret-%d-" % number for number in left}


async def test_no_copy_is_left_after_a_vacuum(ports: Ports) -> None:
    """Six chats grow side by side, so that pages split, and shrink by every kind of deletion.

    SQLite leaves copies of cells in the unused middle of a page that it split, where secure_delete
    does not reach: docs/durability.md says so, and what removes them.
    """
    rng = Random(5)
    said = iter(range(10**6, 10**7))
    live: dict[tuple[tuple[str, int], int], list[bytes]] = {}

    def say() -> str:
        return f"secret-{next(said)}-" + "x" * rng.choice((0, 0, 30, 300, 3_000, 9_000))

    async def post(chat: tuple[str, int]) -> None:
        bodies = [say() for _ in range(rng.choice((1, 1, 4)))]
        drafts = tuple(Draft(body, body[:15], f'{{"k":"{body[:15]}"}}') for body in bodies)
        taken = await ports.take(Entry(*chat, MessagesPosted(drafts), key=keyed(bodies[0][:15])))
        live.update({(chat, taken.number + n): [body[:15].encode()] for n, body in enumerate(bodies)})

    chats = [await ports.add_chat() for _ in range(6)]
    for _ in range(1_200):
        chat = rng.choice(chats)
        mine = [number for place, number in live if place == chat]
        kind = rng.random()
        if kind < 0.5 or not mine:
            await post(chat)
        elif kind < 0.75:
            await ports.take(Entry(*chat, MessageDeleted(), number := rng.choice(mine)))
            del live[chat, number]
        elif kind < 0.99:
            body = say()
            await ports.take(Entry(*chat, MessageEdited(body), number := rng.choice(mine)))
            live[chat, number][1:] = [body[:15].encode()]
        else:
            await ports.take(Entry(*chat, ChatDeleted()))
            live = {key: secret for key, secret in live.items() if key[0] != chat}
            number = (await ports.take(Entry(chat[0], None, ChatCreated(say())))).number
            chats[chats.index(chat)] = (chat[0], number)
        await ports.erasure.erase(3)
    await ports.tenants.rename(chats[0][0], say())
    await ports.tenants.delete(chats[0][0])
    await ports.erase()
    await ports.erasure.expire_keys(2**62, 10_000)
    ports.sql("vacuum")
    await ports.erasure.scrub()

    titles = {row[0][:15].encode() for row in ports.sql("select title from chat where title is not null")}
    held = {secret for (chat, _), secrets in live.items() if chat != chats[0] for secret in secrets}
    assert secrets_in(ports) - held - titles == set()
    assert held <= secrets_in(ports)
