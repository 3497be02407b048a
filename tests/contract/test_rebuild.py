"""A rebuild on a real engine: it outlives a busy one, and never goes on in another's index."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from parley.domain.errors import UnavailableError
from parley.search import open_search
from parley.search.opensearch import bulk
from tests.contract.test_opensearch import block
from tests.contract.test_renewal import BATCH, BODIES, World, settle
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.indexes import AT_ONCE, own_place

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")


@pytest.fixture
async def world(opensearch_server: OpenSearchServer) -> AsyncIterator[World]:
    """Give a world in which nothing is indexed."""
    with own_place(opensearch_server) as place:
        made = World(place)
        made.changes.write(BODIES)
        yield made
        for process in made.processes:
            await process.close()


async def test_a_rebuild_goes_on_after_the_engine_was_busy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answered 429 for as long as a bulk is tried: the same index is filled on."""
    monkeypatch.setattr(bulk, "FIRST_PAUSE_S", 0.01)
    follower = await world.process()
    await follower.step()
    begun = world.place.indexes()
    block(world.place, blocked=True)
    with pytest.raises(UnavailableError, match="busy"):
        await follower.step()
    block(world.place, blocked=False)

    await follower.step()
    half_way = world.place.ask("GET", f"{world.place.prefix}-*/_count")["count"]
    await settle(follower)

    assert half_way == 2 * BATCH
    assert world.place.indexes() == begun
    assert await world.find() == list(range(1, 21))


async def test_a_rebuild_is_given_up_for_that_of_another_process(world: World) -> None:
    """The first had slept. Its half does not go into the other's index, which is followed when it is whole."""
    first, second = await world.process(), await world.process()
    await first.step()
    await second.step()
    with pytest.raises(UnavailableError):
        await first.step()
    await settle(second)
    indexes = world.place.indexes()

    await settle(first)

    assert world.place.indexes() == indexes
    assert await world.find() == list(range(1, 21))


async def test_a_rebuild_begins_again_in_an_index_of_the_same_name(world: World) -> None:
    """An operator deleted the index and another process made one: only the engine's own name tells them apart."""
    first = await world.process()
    await first.step()
    begun = world.place.indexes()
    world.place.ask("DELETE", f"{world.place.prefix}-*")
    other = open_search(world.place.url + AT_ONCE)
    while world.place.indexes() != begun:
        await other.clear()
    await other.close()
    world.look_again()

    await settle(first)

    assert await world.find() == list(range(1, 21))
