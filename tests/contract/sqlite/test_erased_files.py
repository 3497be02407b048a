"""What was deleted is gone from the bytes of SQLite's files, too."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from random import Random

import pytest

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

Act = Callable[[Ports, tuple[str, int]], Awaitable[object]]

SECRET = re.compile(rb"secret-[0-9]+-")


def secrets_in(ports: Ports) -> set[bytes]:
    """Give the secrets that can be read in any byte of the database's files."""
    files = [path for path in ports.file.parent.iterdir() if path.name.startswith(ports.file.name)]
    return {found for path in files for found in SECRET.findall(path.read_bytes())}


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
