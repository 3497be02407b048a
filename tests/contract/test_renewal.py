"""A new index beside the one that is searched, on a real engine: no search misses anything on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from parley.domain.documents import ChatId
from parley.domain.errors import ConflictError, UnavailableError
from parley.search import open_search
from parley.search.opensearch.generations import Generation, Generations
from parley.search.opensearch.index import OpenSearchIndex
from parley.search.port import Filling
from parley.workers.feed import Feed
from parley.workers.index import POLL_S, IndexFollower
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.indexes import AT_ONCE, Place, own_place
from tests.unit.workers.doubles import DictChanges, StillClock

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")

BATCH = 4
BODIES = {(2, number): f"needle {number}" for number in range(1, 21)}


class World:
    """A database, an index in an engine, and one follower a process."""

    def __init__(self, place: Place) -> None:
        """Begin with an index that has no complete generation yet."""
        self.place = place
        self.clock = StillClock()
        self.changes = DictChanges(self.clock)
        self.processes: list[OpenSearchIndex] = []

    async def process(self) -> IndexFollower:
        """Give the follower of a new process."""
        index = open_search(self.place.url + AT_ONCE)
        assert isinstance(index, OpenSearchIndex)
        await index.start()
        self.processes.append(index)
        feed = Feed(index, lambda _: None, lambda: None)
        return IndexFollower(self.changes, index, feed, self.clock, batch_messages=BATCH)

    async def find(self, text: str = "needle", chat: int = 2) -> list[int]:
        """Search, as a process that has known the index from the begin."""
        return (await self.processes[0].candidates(ChatId(0, chat), text, 0, 100)).numbers

    def look_again(self) -> None:
        """Let the time pass after which a follower looks at the index again."""
        self.clock.move(POLL_S)


async def settle(follower: IndexFollower) -> None:
    """Step until the follower wants to wait."""
    while not await follower.step():
        pass


@pytest.fixture
async def world(opensearch_server: OpenSearchServer) -> AsyncIterator[World]:
    """Give a world in which everything is indexed."""
    with own_place(opensearch_server) as place:
        made = World(place)
        made.changes.write(BODIES)
        follower = await made.process()
        await settle(follower)
        yield made
        for process in made.processes:
            await process.close()


async def test_searches_are_answered_until_a_new_index_is_in_the_place_of_the_old(world: World) -> None:
    """Half way the old one answers; at the end the new one does, and the old one is gone."""
    follower, renewal = await world.process(), world.processes[0].renewal
    await settle(follower)
    before = world.place.indexes()

    await renewal.ask()
    world.look_again()
    await follower.step()
    half_way = (await renewal.filling(), await world.find())
    await settle(follower)

    assert half_way == (Filling(BATCH, len(BODIES)), list(range(1, 21)))
    assert await renewal.filling() is None
    assert await world.find() == list(range(1, 21))
    assert len(world.place.indexes()) == 1
    assert world.place.indexes() != before


async def test_a_new_index_holds_what_changed_while_it_was_filled(world: World) -> None:
    """Edited, deleted and new messages, and a chat that is gone, whether they had been walked over or not."""
    world.changes.write({(3, number): f"needle {number}" for number in range(1, 4)})
    follower, renewal = await world.process(), world.processes[0].renewal
    await settle(follower)

    await renewal.ask()
    world.look_again()
    await follower.step()
    world.changes.write({(2, 1): "edited", (2, 2): None, (2, 15): "edited", (2, 16): None, (2, 21): "needle 21"})
    world.changes.write({(3, 0): None})
    await settle(follower)

    assert await renewal.filling() is None
    assert await world.find() == [number for number in range(1, 22) if number not in {1, 2, 15, 16}]
    assert (await world.find("edited"), await world.find(chat=3)) == ([1, 15], [])


async def test_a_new_index_is_followed_from_where_the_old_one_was(world: World) -> None:
    """It is no rebuild: what changes after is indexed by its change, by any process."""
    follower, renewal = await world.process(), world.processes[0].renewal
    await renewal.ask()
    world.look_again()
    await settle(follower)
    indexes = world.place.indexes()
    other = await world.process()

    world.changes.write({(2, 22): "needle 22"})
    await settle(other)
    world.changes.write({(2, 23): "needle 23"})
    world.look_again()
    await settle(follower)

    assert await world.find() == [*range(1, 21), 22, 23]
    assert world.place.indexes() == indexes


async def test_a_follower_does_not_go_on_with_what_another_has_begun(world: World) -> None:
    """The other may have missed changes: it begins with an empty index, and what the first still writes is refused."""
    first, second = await world.process(), await world.process()
    renewal = world.processes[0].renewal
    await renewal.ask()
    world.look_again()
    await first.step()

    world.changes.write({(2, 1): None})
    await second.step()
    filling = await renewal.filling()
    with pytest.raises(UnavailableError):
        await first.step()
    await settle(second)

    assert filling == Filling(BATCH, len(BODIES) - 1)
    assert await world.find() == list(range(2, 21))


async def test_a_walk_goes_on_after_the_engine_was_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is filled is filled: a failed step is not the begin of another index."""
    follower, renewal = await world.process(), world.processes[0].renewal
    await renewal.ask()
    world.look_again()
    await follower.step()
    name = await renewal.asked()

    async def away(*_: object) -> list[object]:
        raise UnavailableError("away", code="search_unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(world.changes, "walk", away)
        with pytest.raises(UnavailableError):
            await follower.step()
    await follower.step()

    assert await renewal.asked() == name
    assert await renewal.filling() == Filling(2 * BATCH, len(BODIES))


async def test_a_new_index_can_be_given_up(world: World) -> None:
    """The old one is searched and fed as before."""
    follower, renewal = await world.process(), world.processes[0].renewal
    await renewal.ask()
    world.look_again()
    await follower.step()

    await renewal.cancel()
    with pytest.raises(UnavailableError):
        await follower.step()
    world.changes.write({(2, 21): "needle 21"})
    world.look_again()
    await settle(follower)

    assert await renewal.filling() is None
    assert await world.find() == list(range(1, 22))
    assert len(world.place.indexes()) == 1


async def test_no_new_index_is_made_beside_an_incomplete_one(opensearch_server: OpenSearchServer) -> None:
    """It is being made already."""
    with own_place(opensearch_server) as place:
        world = World(place)
        await world.process()

        with pytest.raises(ConflictError, match="already"):
            await world.processes[0].renewal.ask()
        await world.processes[0].close()


async def test_who_asks_twice_gets_one_new_index(world: World) -> None:
    """The second command watches what the first began."""
    renewal = world.processes[0].renewal
    await renewal.ask()
    name = await renewal.asked()

    await renewal.ask()

    assert (name is not None, await renewal.asked()) == (True, name)
    assert len(world.place.indexes()) == 2


async def test_what_a_killed_process_left_is_deleted_at_the_next_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed between the new index's publication and the old one's deletion."""
    follower, renewal = await world.process(), world.processes[0].renewal

    async def dropped(_: Generations, generations: Sequence[Generation]) -> None:
        if any(generation.is_published for generation in generations):
            raise UnavailableError("killed", code="search_unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(Generations, "_drop", dropped)
        await renewal.ask()
        world.look_again()
        with pytest.raises(UnavailableError, match="killed"):
            await settle(follower)
    left = (len(world.place.indexes()), await renewal.asked(), await world.find())
    await world.process()

    assert left == (3, None, list(range(1, 21)))
    assert len(world.place.indexes()) == 1
    assert await world.find() == list(range(1, 21))
