"""Storage, changes and search together: what a search finds is what the database holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from parley.domain.errors import NotFoundError
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    Entry,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    Position,
)
from parley.domain.model import Draft
from parley.domain.numbering import Appended
from parley.log import open_log
from parley.log.batch import FixedBatch
from parley.queries.search import Search
from parley.search import open_search
from parley.storage import open_storage
from parley.storage.port import Opening
from parley.telemetry.clock import SystemClock
from parley.workers.erase import EraseJob
from parley.workers.feed import Feed
from parley.workers.index import IndexFollower
from tests.support.oracle import matches

WORDS = ("needle", "Nadel", "ИГЛА", "игла", "iğne", "针针针", "the the the", "a%b_c", "🍣🍣🍣", "Straße", "STRASSE")
QUERIES = ("needle", "nadel", "игла", "针针针", "the the", "%b_", "🍣🍣🍣", "strasse", "sse", "hay")


class World:
    """One embedded installation, opened by URL, and a dictionary that says what should be found."""

    def __init__(self, folder: Path) -> None:
        """Begin with an empty model; `open` opens the rest."""
        self.bodies: dict[tuple[str, int], dict[int, str]] = {}
        self._folder = folder
        self._rng = Random(3)

    async def open(self) -> None:
        """Open it, as a process does that starts."""
        clock, url = SystemClock(), f"sqlite://{self._folder}/parley.db"
        self.storage = open_storage(url, Opening(clock, lambda: self._rng.randbytes(16).hex(), 4, 60, 2, 1_000, 1))
        await self.storage.start()
        self.log = open_log(url, inline=self.storage.inline, clock=clock).log
        self.index = open_search(f"sqlite://{self._folder}/search.db")
        await self.index.start()
        feed = Feed(self.index, lambda _: None, lambda: None)
        self.follower = IndexFollower(self.storage.changes, self.index, feed, clock, batch_messages=50)
        self.eraser = EraseJob(self.storage.erasure, clock, lambda _: None)

    async def close(self) -> None:
        """Close it."""
        await self.index.close()
        await self.storage.close()

    async def restart(self, lost: Path | None = None) -> None:
        """Close it, lose a file, open it."""
        await self.close()
        if lost is not None:
            await asyncio.to_thread(lost.write_bytes, b"lost")
        await self.open()

    async def append(self, entry: Entry) -> int:
        """Append an entry that must be taken, and give its number."""
        outcome = (await self.log.append(FixedBatch([entry])))[0]
        assert isinstance(outcome, Appended), outcome
        return outcome.number

    async def add_chat(self, token: str) -> None:
        """Add a chat to the world and to the model."""
        self.bodies[token, await self.append(Entry(token, None, ChatCreated()))] = {}

    async def settle(self) -> None:
        """Erase and index until both want to wait."""
        while not await self.eraser.step():
            pass
        while not await self.follower.step():
            pass


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Open an empty installation."""
    made = World(tmp_path)
    await made.open()
    yield made
    await made.close()


async def change_something(world: World, rng: Random) -> None:
    """Post, edit, delete a message, or seldom a chat or an application, in the world and in the model."""
    token, chat = rng.choice(sorted(world.bodies))
    bodies = world.bodies[token, chat]
    kind = rng.randrange(100)
    if kind < 60 or not bodies:
        posted = [f"hay {rng.random()} {rng.choice(WORDS)}" for _ in range(rng.choice((1, 1, 5, 120)))]
        first = await world.append(Entry(token, chat, MessagesPosted(tuple(map(Draft, posted)))))
        bodies |= dict(enumerate(posted, first))
    elif kind < 80:
        number = rng.choice(sorted(bodies))
        bodies[number] = f"edited {rng.choice(WORDS)}"
        await world.append(Entry(token, chat, MessageEdited(bodies[number]), number))
    elif kind < 96:
        number = rng.choice(sorted(bodies))
        del bodies[number]
        await world.append(Entry(token, chat, MessageDeleted(), number))
    elif kind < 99:
        del world.bodies[token, chat]
        await world.append(Entry(token, chat, ChatDeleted()))
        await world.add_chat(token)
    else:
        await world.storage.tenants.delete(token)
        await world.log.close_gate(token)
        world.bodies = {scope: kept for scope, kept in world.bodies.items() if scope[0] != token}


async def found(world: World, token: str, chat: int, text: str) -> list[int]:
    """Search to the end."""
    search, after, numbers = Search(world.storage.storage, world.index), 0, list[int]()
    while True:
        page = await search.search_messages(token, chat, text, after, 20)
        numbers += [message.number for message in page.items]
        if page.next_after is None:
            return numbers
        after = page.next_after


async def check_searches(world: World) -> None:
    """Hold every search in every chat against the model."""
    for (token, chat), bodies in world.bodies.items():
        for query in QUERIES:
            assert await found(world, token, chat, query) == matches(bodies, query), (chat, query)
    assert await world.index.positions() == await world.storage.changes.ends()
    assert await world.follower.lag_ms() == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_searcher_finds_what_the_database_holds(world: World, tmp_path: Path, seed: int) -> None:
    """After random writes, deletes, restarts and a lost index, every search agrees with the model."""
    rng = Random(seed)
    for chat in range(12):
        if chat % 3 == 0:
            application, _ = await world.storage.tenants.create("one of four", None)
        await world.add_chat(application.token)

    for interruption in (None, world.restart, partial(world.restart, lost=tmp_path / "search.db"), None):
        for _ in range(60):
            await change_something(world, rng)
            if rng.random() < 0.2:
                await world.follower.step()
        if interruption is not None:
            await interruption()
        await world.settle()

        await check_searches(world)


async def test_a_deleted_application_leaves_the_index(world: World) -> None:
    """After erasure no candidate of its chats is left, not only no answer."""
    application, _ = await world.storage.tenants.create("gone", None)
    await world.add_chat(application.token)
    await world.append(Entry(application.token, 1, MessagesPosted((Draft("needle"),))))
    await world.settle()
    chat_id = await world.storage.storage.find_chat(application.token, 1)
    before = (await world.index.candidates(chat_id, "needle", 0, 9)).numbers

    await world.storage.tenants.delete(application.token)
    await world.log.close_gate(application.token)
    await world.settle()

    assert before == [1]
    assert (await world.index.candidates(chat_id, "needle", 0, 9)).numbers == []
    with pytest.raises(NotFoundError):
        await found(world, application.token, 1, "needle")


async def test_changes_are_trimmed_behind_the_follower(world: World) -> None:
    """What the index has passed, recorded once a second, is no longer kept."""
    application, _ = await world.storage.tenants.create("one", None)
    await world.add_chat(application.token)
    await world.append(Entry(application.token, 1, MessagesPosted((Draft("needle"),))))
    nothing = dict.fromkeys(range(4), Position(0, 0))
    await world.settle()
    kept = await world.storage.changes.read(nothing, 100)

    await world.storage.changes.passed("search", await world.index.positions())

    assert kept
    assert await world.storage.changes.read(nothing, 100) == []
    assert await world.storage.changes.floor("search") == await world.storage.changes.ends()
