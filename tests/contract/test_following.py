"""Storage, changes and search together: what a search finds is what the database holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

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
from parley.queries.search import Search
from parley.search import open_search
from parley.workers.erase import EraseJob
from parley.workers.feed import Feed
from parley.workers.index import IndexFollower
from tests.contract.conftest import NewProfile
from tests.support.indexes import AT_ONCE, own_place
from tests.support.oracle import matches
from tests.support.ports import Profile
from tests.unit.workers.doubles import StillClock

WORDS = ("needle", "Nadel", "ИГЛА", "игла", "iğne", "针针针", "the the the", "a%b_c", "🍣🍣🍣", "Straße", "STRASSE")
QUERIES = ("needle", "nadel", "игла", "针针针", "the the", "%b_", "🍣🍣🍣", "strasse", "sse", "hay")


class IndexPlace(NamedTuple):
    """Where an index lies, and how to lose it while nobody has it open."""

    url: str
    lose: Callable[[], object]


class World:
    """One installation and its index, opened by URL, and a dictionary that says what should be found."""

    def __init__(self, ports: Profile, clock: StillClock, place: IndexPlace) -> None:
        """Begin with an empty model; `open` opens the rest."""
        self.bodies: dict[tuple[str, int], dict[int, str]] = {}
        self.ports = ports
        self._clock = clock
        self._place = place

    async def open(self) -> None:
        """Open it, as processes do that start."""
        await self.ports.open()
        self.index = open_search(self._place.url)
        await self.index.start()
        feed = Feed(self.index, lambda _: None, lambda: None)
        self.follower = IndexFollower(self.ports.changes, self.index, feed, self._clock, batch_messages=50)
        self.eraser = EraseJob(self.ports.erasure, self._clock, lambda _: None)

    async def close(self) -> None:
        """Close it."""
        await self.index.close()
        await self.ports.close()

    async def restart(self) -> None:
        """Close it and open it."""
        await self.close()
        await self.open()

    async def lose_index(self) -> None:
        """Close it, lose the index, open it."""
        await self.close()
        await asyncio.to_thread(self._place.lose)
        await self.open()

    async def append(self, entry: Entry) -> int:
        """Append an entry that must be taken, and give its number."""
        return (await self.ports.take(entry)).number

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
def place(profile: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[IndexPlace]:
    """Give a place for the index that goes with the profile."""
    if profile == "embedded":
        file = tmp_path / "search.db"
        yield IndexPlace(f"sqlite://{file}", lambda: file.write_bytes(b"lost"))
        return
    with own_place(request.getfixturevalue("opensearch_server")) as made:
        yield IndexPlace(made.url + AT_ONCE, lambda: made.ask("DELETE", f"{made.prefix}-*"))


@pytest.fixture
async def world(new_profile: NewProfile, clock: StillClock, place: IndexPlace) -> AsyncIterator[World]:
    """Open an empty installation."""
    made = World(new_profile(clock), clock, place)
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
        await world.ports.delete_application(token)
        world.bodies = {scope: kept for scope, kept in world.bodies.items() if scope[0] != token}


async def found(world: World, token: str, chat: int, text: str) -> list[int]:
    """Search to the end."""
    search, after, numbers = Search(world.ports.storage, world.index), 0, list[int]()
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
    assert await world.index.positions() == await world.ports.changes.ends()
    assert await world.follower.lag_ms() == 0


@pytest.mark.parametrize(
    ("profile", "seed"),
    [("embedded", 1), ("embedded", 2), ("embedded", 3), pytest.param("served", 1, marks=pytest.mark.servers)],
    indirect=["profile"],
)
async def test_a_searcher_finds_what_the_database_holds(world: World, seed: int) -> None:
    """After random writes, deletes, restarts and a lost index, every search agrees with the model."""
    rng = Random(seed)
    for chat in range(12):
        if chat % 3 == 0:
            token = await world.ports.add_application()
        await world.add_chat(token)

    for interruption in (None, world.restart, world.lose_index, None):
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
    token = await world.ports.add_application()
    await world.add_chat(token)
    await world.append(Entry(token, 1, MessagesPosted((Draft("needle"),))))
    await world.settle()
    chat_id = await world.ports.storage.find_chat(token, 1)
    before = (await world.index.candidates(chat_id, "needle", 0, 9)).numbers

    await world.ports.delete_application(token)
    await world.settle()

    assert before == [1]
    assert (await world.index.candidates(chat_id, "needle", 0, 9)).numbers == []
    with pytest.raises(NotFoundError):
        await found(world, token, 1, "needle")


async def test_changes_are_trimmed_behind_the_follower(world: World) -> None:
    """What the index has passed, recorded once a second, is no longer kept."""
    token = await world.ports.add_application()
    await world.add_chat(token)
    await world.append(Entry(token, 1, MessagesPosted((Draft("needle"),))))
    nothing = dict.fromkeys(range(4), Position(0, 0))
    await world.settle()
    kept = await world.ports.changes.read(nothing, 100)

    await world.ports.changes.passed("search", await world.index.positions())

    assert kept
    assert await world.ports.changes.read(nothing, 100) == []
    assert await world.ports.changes.floor("search") == await world.ports.changes.ends()
