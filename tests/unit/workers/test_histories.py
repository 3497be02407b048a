"""A database that was put back beside a log that went on: what belongs to another history is not stored."""

from __future__ import annotations

import pytest

from parley.domain.errors import UnavailableError
from parley.domain.events import Position, position_id
from parley.domain.grants import Life
from parley.workers.lives import EXAMINE_EVERY_S
from tests.unit.workers.doubles import BEGAN_AT
from tests.unit.workers.persisting import World


async def test_a_log_of_later_epochs_is_not_stored_in_a_database_that_was_put_back() -> None:
    """What lies there belongs to another history: nobody is served, until people say that another epoch begins."""
    world = World()
    _, job = await world.served()
    for _ in range(3):
        world.engine.flush()
        await world.settle(job)
    world.store.row = world.store.row._replace(life=Life(2, "run-1"), position=Position(2, position_id(BEGAN_AT)))
    late = world.process("b")
    world.clock.move(100)
    job = await late.must_claim()

    with pytest.raises(UnavailableError, match="parley restore --in-place"):
        await job.step()
    await world.settle(job, steps=3)
    refused = world.store.row
    world.store.row = refused._replace(life=Life(6, ""), position=Position(6, position_id(BEGAN_AT)))
    await world.settle(job)

    assert refused.life == Life(2, "run-1")
    assert world.is_served
    assert world.store.row.life.epoch == 7
    assert late.opened() == {"first": 1}


async def test_a_log_that_has_let_go_of_more_than_is_stored_is_sealed() -> None:
    """The database was put back within the epoch: what is left of the log does not follow what it has."""
    world = World()
    _, job = await world.served()
    floor = world.store.row.position
    world.append(3)
    await world.settle(job)
    world.append(2)
    stored = list(world.store.applied)
    world.store.row = world.store.row._replace(position=floor)
    late = world.process("b")
    world.clock.move(100)
    job = await late.must_claim()

    for _ in range(2):
        with pytest.raises(UnavailableError, match="parley restore --in-place"):
            await job.step()

    assert world.store.applied == stored
    assert world.engine.open is None
    assert world.store.row.position == floor


async def test_a_late_worker_does_not_call_the_database_older() -> None:
    """It compares what it thought with what another has done since: the lease is lost, and that is all."""
    world = World()
    first, job = await world.served()
    world.clock.move(EXAMINE_EVERY_S)
    other = world.process("b")

    async def overtake() -> None:
        world.clock.move(100)
        theirs = await other.must_claim()
        world.engine.flush()
        await world.settle(theirs)

    first.places.once("before examine", overtake)
    await job.step()

    assert world.is_served
    assert other.opened() == {"flushed": 1}
