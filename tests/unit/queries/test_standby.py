"""Reading beside a standby: what it stores does not come over the log, so what came from there alone is not trusted."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.cursors import Window
from parley.domain.events import Position
from parley.domain.grants import HEARD_S, STANDBY, Life, Partition
from parley.queries import following
from parley.queries.following import LOOK_EVERY_S
from tests.unit.queries.test_caught_up import Front, front
from tests.unit.queries.watching import Watch

__all__ = ["front"]


@pytest.fixture
async def watch() -> Watch:
    """Give a follower that has begun."""
    made = Watch()
    await made.follower.start()
    made.told.clear()
    return made


async def look(watch: Watch) -> None:
    """Let the follower look at the database."""
    await watch.follower._look()


def stand_by(watch: Watch, partition: int = 1) -> None:
    """Let the database give a partition's numbers."""
    row = watch.rows.rows[partition]
    life = Life(row.life.epoch + 1, row.life.run_id)
    watch.rows.rows[partition] = row._replace(life=life, mode=STANDBY)


async def test_all_comes_over_the_log_as_of_a_recent_look(watch: Watch) -> None:
    """A look counts from when it began; without one nobody can tell."""
    fresh = watch.follower.hears_all
    watch.clock.move(HEARD_S)
    stale = watch.follower.hears_all
    await look(watch)

    assert (fresh, stale, watch.follower.hears_all) == (True, False, True)
    watch.rows.error = OSError("the database is away")
    watch.clock.move(HEARD_S)
    await look(watch)
    assert not watch.follower.hears_all
    assert watch.told == []


def test_a_reader_hears_of_a_standby_before_anybody_is_numbered_by_it() -> None:
    """It looks several times within the time that writers wait."""
    assert 2 * LOOK_EVERY_S < HEARD_S


async def test_a_partition_that_stands_by_is_not_heard(watch: Watch) -> None:
    """Whatever was known by heart is forgotten when it begins, meanwhile, and when it is over."""
    stand_by(watch)
    await look(watch)
    standing, told = watch.follower.hears_all, list(watch.told)
    watch.rows.move(Position(3, 0), 1)
    watch.rows.rows[1] = watch.rows.rows[1]._replace(mode="log")
    await look(watch)

    assert (standing, told) == (False, [None])
    assert watch.follower.hears_all
    assert watch.told.count(None) >= 2


async def test_a_standby_that_came_and_went_unseen_is_noticed(watch: Watch) -> None:
    """While the reader slept: the epoch is another one."""
    watch.clock.move(30)
    watch.rows.move(Position(3, 0), 1)
    await look(watch)

    assert None in watch.told


async def test_letters_that_moved_are_noticed(watch: Watch) -> None:
    """Whatever was known by heart is forgotten, once, though the log says nothing and nothing was stored."""
    watch.rows.rows[1] = watch.rows.rows[1]._replace(letters_moved=1)

    await look(watch)
    await look(watch)

    assert watch.told == [None]
    assert watch.follower.hears_all


async def test_a_page_comes_from_the_database_while_it_gives_the_numbers(front: Front) -> None:
    """Though the log can be read, and has nothing new: it is neither taken from memory nor kept there."""
    await front.listed()
    await front.listed()
    hits = front.hits
    row = front.rows.rows[front.partition]
    front.rows.rows[front.partition] = row._replace(life=Life(2, "run"), mode=STANDBY)
    await front.follower._look()

    front.ports.sql("update message set body = 'of the standby'")
    pages = [(await front.reads.list_messages(front.token, 1, Window())).items for _ in range(2)]

    assert hits > 0
    assert front.hits == hits
    assert [getattr(page[0], "body", None) for page in pages] == ["of the standby"] * 2
    front.rows.rows[front.partition] = row._replace(life=Life(3, "run"), mode="log")
    await front.follower._look()
    await front.listed()
    await front.listed()
    assert front.hits == hits + 1


async def test_a_page_in_memory_is_given_while_the_database_is_away(front: Front) -> None:
    """As the log has it; marked, for nobody can say whether the database gave numbers that this reader did not see."""
    await front.listed()
    await front.listed()
    hits = front.hits
    front.rows.error = OSError("the database is away")
    front.clock.move(HEARD_S)

    unmarked = front.reads.is_degraded
    await front.follower._look()
    front.ports.sql("alter table message rename to elsewhere")

    assert await front.listed() == [1]
    assert (front.hits, unmarked, front.reads.is_degraded) == (hits + 1, False, True)
    front.rows.error = None
    await front.follower._look()
    assert not front.reads.is_degraded


async def test_a_look_that_hangs_is_given_up(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader is blind then, and looks again."""
    monkeypatch.setattr(following, "LOOK_S", 0.01)

    async def hang() -> list[Partition]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(watch.rows, "partitions", hang)
    async with asyncio.timeout(5):
        await look(watch)

    assert watch.follower.is_blind
