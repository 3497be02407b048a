"""The follower of the database's changes, on a real index."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parley.domain.documents import ChatId, Document
from parley.domain.errors import UnavailableError
from parley.domain.events import Position
from parley.search import open_search
from parley.search.port import SearchIndex
from parley.workers.feed import Feed
from parley.workers.index import IndexFollower
from tests.unit.workers.doubles import DictChanges, StillClock

BATCH = 10


class World:
    """A database, an index and the follower between them."""

    def __init__(self, path: Path) -> None:
        """Begin empty; `restart` opens the index."""
        self.clock = StillClock()
        self.changes = DictChanges(self.clock)
        self.path = path
        self.indexed: list[int] = []
        self.refused = 0
        self.index: SearchIndex
        self.follower: IndexFollower

    async def restart(self) -> None:
        """Open the index and follow with a new follower, as a new process would."""
        self.index = open_search(f"sqlite://{self.path}")
        await self.index.start()
        feed = Feed(self.index, self.indexed.append, self.count_refused)
        self.follower = IndexFollower(self.changes, self.index, feed, self.clock, batch_messages=BATCH)

    def count_refused(self) -> None:
        """Count a document that was left out."""
        self.refused += 1

    async def settle(self) -> None:
        """Step until the follower wants to wait."""
        while not await self.follower.step():
            pass

    async def find(self, text: str, chat_id: int = 2) -> list[int]:
        """Search."""
        return (await self.index.candidates(ChatId(0, chat_id), text, 0, 10_000)).numbers


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Make an empty world whose follower has looked once."""
    made = World(tmp_path / "search.db")
    await made.restart()
    await made.settle()
    yield made
    await made.index.close()


async def test_a_follower_indexes_what_changed(world: World) -> None:
    """Messages are found after the follower went over their change, edits and deletes after theirs."""
    world.changes.write({(2, 1): "first needle", (2, 2): "second needle", (2, 3): "third needle"})
    world.changes.write({(3, 1): "another needle"})
    await world.settle()
    world.changes.write({(2, 1): "edited", (2, 2): None})

    before = await world.find("needle")
    await world.settle()

    assert before == [1, 2, 3]
    assert await world.find("needle") == [3]
    assert await world.find("edited") == [1]
    assert await world.find("needle", 3) == [1]


async def test_a_follower_removes_a_chat_that_is_gone(world: World) -> None:
    """One key stands for the whole chat."""
    world.changes.write({(2, number): f"needle {number}" for number in range(1, 8)})
    await world.settle()

    world.changes.write({(2, 0): None})
    await world.settle()

    assert await world.find("needle") == []


async def test_a_follower_takes_large_changes_in_slices(world: World) -> None:
    """A change of more messages than a batch is loaded slice by slice, and indexed whole."""
    world.changes.write({(2, number): f"needle {number}" for number in range(1, 96)})

    await world.settle()

    assert await world.find("needle") == list(range(1, 96))
    assert max(world.changes.loads) <= BATCH


async def test_a_follower_loads_less_at_once_after_large_bodies(world: World) -> None:
    """A slice's size follows the size of the bodies in the slice before it."""
    world.changes.write({(2, number): "long " * 500_000 for number in range(1, 6)})
    await world.settle()
    world.changes.loads.clear()
    world.changes.write({(2, number): "short" for number in range(1, 6)})

    await world.settle()

    assert world.changes.loads == [1, 4]


async def test_a_follower_knows_how_far_it_is_behind(world: World) -> None:
    """The lag is 0 at the end, and otherwise the time between the last look at the end and the last change."""
    at_the_end = await world.follower.lag_ms()
    world.clock.move(3_600)
    await world.settle()
    world.clock.move(0.5)
    world.changes.write({(2, 1): "needle"})
    world.clock.move(2)
    world.changes.write({(3, 1): "needle"})

    behind = await world.follower.lag_ms()
    await world.settle()

    assert (at_the_end, behind, await world.follower.lag_ms()) == (0, 2_500, 0)


async def test_a_follower_lets_go_of_changes_once_a_second(world: World) -> None:
    """What is indexed is recorded, which trims the changes, but not with every transaction."""
    world.clock.move(1)
    for number in range(1, 6):
        world.changes.write({(2, number): "needle"})
        await world.settle()

    assert world.changes.records <= 1
    world.clock.move(1)
    await world.settle()
    await world.settle()

    assert world.changes.recorded == await world.changes.ends()
    assert world.changes.records <= 2


async def test_a_follower_goes_on_where_the_index_is_after_a_restart(world: World) -> None:
    """Nothing is rebuilt: only what changed since is read."""
    world.changes.write({(2, 1): "needle"})
    await world.settle()
    await world.index.close()
    world.changes.write({(2, 2): "needle"})
    world.changes.loads.clear()

    await world.restart()
    await world.settle()

    assert await world.find("needle") == [1, 2]
    assert world.changes.loads == [1]
    await world.index.close()


async def test_a_follower_rebuilds_a_missing_index(world: World) -> None:
    """All live messages are walked in slices; until the end the index answers nothing, then everything."""
    world.changes.write({(2, number): f"needle {number}" for number in range(1, 36)})
    world.changes.write({(3, 1): "needle"})
    world.clock.move(2)
    await world.settle()
    await world.index.close()
    world.path.unlink()
    await world.restart()

    await world.follower.step()
    world.clock.move(7)
    world.changes.write({(2, 36): "needle written meanwhile", (2, 1): None})
    with pytest.raises(UnavailableError):
        await world.find("needle")
    lag_ms = await world.follower.lag_ms()
    rebuilding = world.follower.rebuilding
    await world.settle()

    assert (rebuilding, lag_ms) == (True, 7_000)
    assert await world.find("needle") == list(range(2, 37))
    assert await world.find("needle", 3) == [1]
    assert (world.follower.rebuilding, await world.follower.lag_ms()) == (False, 0)
    await world.index.close()


@pytest.mark.parametrize(
    "positions",
    [{0: Position(1, 1), 1: Position(1, 0)}, {0: Position(1, 2**62), 1: Position(1, 0)}, {1: Position(1, 0)}],
    ids=["older than the changes", "newer than the database", "partition unknown"],
)
async def test_a_follower_rebuilds_an_index_it_cannot_follow_from(
    world: World, tmp_path: Path, positions: dict[int, Position]
) -> None:
    """Changes that the index would need may be gone, or it may hold what the database does not."""
    world.changes.write({(2, 1): "needle", (2, 2): "needle"})
    world.clock.move(2)
    await world.settle()
    await world.index.close()
    world.path = tmp_path / "other.db"
    await world.restart()
    await world.index.index([], positions)

    await world.settle()

    assert await world.find("needle") == [1, 2]
    assert await world.index.positions() == await world.changes.ends()
    await world.index.close()


async def test_a_follower_repeats_a_step_that_failed(world: World) -> None:
    """A database that was away costs nothing but time."""
    world.changes.write({(2, 1): "needle"})
    world.changes.away = True
    with pytest.raises(UnavailableError):
        await world.follower.step()

    world.changes.away = False
    await world.settle()

    assert await world.find("needle") == [1]


async def rebuild_half(world: World) -> None:
    """Rebuild an index of 35 messages until 20 are in it."""
    world.changes.write({(2, number): f"needle {number}" for number in range(1, 36)})
    await world.settle()
    await world.index.clear()
    world.indexed.clear()
    world.clock.move(2)
    while sum(world.indexed) < 20:
        await world.follower.step()


async def fail_once(world: World) -> None:
    """Do a step while the database is away."""
    world.changes.away = True
    with pytest.raises(UnavailableError):
        await world.follower.step()
    world.changes.away = False


async def test_a_follower_goes_on_with_a_rebuild_that_failed(world: World) -> None:
    """However often: what is indexed is not indexed again, and half a rebuild is not taken for a whole one."""
    await rebuild_half(world)
    for _ in range(3):
        await fail_once(world)
        rebuilding = world.follower.rebuilding
        with pytest.raises(UnavailableError):
            await world.find("needle")
        await world.follower.step()

    await world.settle()

    assert rebuilding
    assert sum(world.indexed) == 35
    assert await world.find("needle") == list(range(1, 36))


async def test_a_follower_begins_a_rebuild_again_whose_index_was_emptied(world: World) -> None:
    """After a failure and without one: the first messages are missing in the other index."""
    await rebuild_half(world)
    await fail_once(world)
    await world.index.clear()
    for _ in range(2):
        await world.follower.step()
    await world.index.clear()
    world.clock.move(2)

    await world.settle()

    assert await world.find("needle") == list(range(1, 36))


async def test_a_follower_takes_the_index_that_another_completed(world: World) -> None:
    """It is followed from there; the rebuild's own end would take its positions back."""
    await rebuild_half(world)
    world.changes.write({(2, 36): "needle", (3, 1): "needle"})
    ends = await world.changes.ends()
    await world.index.index(await world.changes.walk((0, 0), 99), ends)
    await fail_once(world)

    await world.settle()

    assert not world.follower.rebuilding
    assert await world.index.positions() == ends
    assert sum(world.indexed) == 20


@pytest.mark.parametrize("what", ["changes trimmed", "database put back"])
async def test_a_follower_begins_a_rebuild_again_whose_end_cannot_be_followed_from(world: World, what: str) -> None:
    """The index would be complete, and rebuilt at once."""
    await rebuild_half(world)
    if what == "changes trimmed":
        world.changes.write({(2, 1): "needle", (3, 1): "needle"})
        await world.changes.passed("search", await world.changes.ends())
    else:
        world.changes.put_back()
    await fail_once(world)

    await world.settle()

    assert sum(world.indexed) == 20 + len(world.changes.bodies)
    assert await world.index.positions() == await world.changes.ends()


async def test_a_follower_begins_a_rebuild_again_after_a_mistake(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows what it left."""
    await rebuild_half(world)
    with monkeypatch.context() as patched:
        patched.setattr(world.changes, "walk", mistake)
        with pytest.raises(ValueError, match="mistake"):
            await world.follower.step()

    await world.settle()

    assert sum(world.indexed) == 20 + 35
    assert await world.find("needle") == list(range(1, 36))


async def mistake(*_: object) -> list[Document]:
    """Fail as code does that is wrong."""
    raise ValueError("mistake")


async def test_a_follower_leaves_out_what_the_index_cannot_take(world: World) -> None:
    """One such document is counted; the rest of its batch is indexed, and the follower goes on."""
    world.changes.write({(2, number): f"needle {number}" for number in range(1, 9)})
    world.changes.write({(2, 2**40): "needle out of bounds", (2, 9): "needle \ud800", (2, 10): "needle"})

    await world.settle()

    assert await world.find("needle") == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert (sum(world.indexed), world.refused) == (9, 2)
    assert await world.follower.lag_ms() == 0


async def test_a_follower_tidies_the_index_when_idle(world: World, tmp_path: Path) -> None:
    """Within a minute of a delete the deleted text is in no file of the index."""
    text = "\U000f1234\U000f1235\U000f1236"
    world.changes.write({(2, 1): text, (2, 2): "needle"})
    await world.settle()
    world.changes.write({(2, 1): None})
    await world.settle()
    before = everything_in(tmp_path)

    world.clock.move(31)
    await world.settle()

    assert text.encode() in before
    assert text.encode() not in everything_in(tmp_path)
    assert await world.find("needle") == [2]


def everything_in(folder: Path) -> bytes:
    """Read all files of a folder."""
    return b"".join(file.read_bytes() for file in folder.iterdir())
