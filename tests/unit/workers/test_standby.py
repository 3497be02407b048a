"""A log that is away: its lease-holder lets the database give the numbers, and takes them back when the log returns."""

from __future__ import annotations

from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from parley.domain.errors import ConflictError, UnavailableError
from parley.domain.events import Position, position_id
from parley.domain.grants import STANDBY, Life, Partition
from parley.log.port import Vitals
from parley.workers.lives import Finding, judge
from parley.workers.persist import AWAY_POLL_S, AWAY_S
from tests.unit.workers.doubles import BEGAN_AT
from tests.unit.workers.doubles_sharing import CrashError
from tests.unit.workers.persisting import World

STANDING = Partition(0, Life(4, "run"), Position(3, 50), STANDBY)

STEPS_OF_A_RETURN = [
    *(
        f"{when} {what}"
        for what in ("renew", "seal", "examine", "read", "apply", "open_life", "open", "partitions")
        for when in ("before", "after")
    ),
    "before trim",
    "after trim",
]


@pytest.mark.parametrize(
    "vitals",
    [
        Vitals(3, "run", None, is_open=False, keeps_all=True, is_short=False),
        Vitals(None, "run", None, is_open=False, keeps_all=True, is_short=False),
        Vitals(3, "another", None, is_open=False, keeps_all=False, is_short=True),
        Vitals(4, "run", Position(4, 60), is_open=True, keeps_all=True, is_short=False),
    ],
    ids=["as it was", "flushed or sealed", "another run", "of another installation"],
)
def test_whatever_a_log_is_that_comes_back_it_needs_a_new_epoch(vitals: Vitals) -> None:
    """The database has given numbers since."""
    assert judge(STANDING, vitals) is Finding.RETURNED


async def test_the_database_stands_by_when_the_log_was_away_for_a_second() -> None:
    """Not before; in the next epoch, with the position where it was; once, whatever time passes."""
    world = World()
    process, job = await world.served()
    before = world.store.row
    world.lose(process)

    with capture_logs() as logs:
        early = await job.step()
        still = world.store.row
        world.clock.move(early)
        pauses = [await job.step() for _ in range(3)]

    assert early == pytest.approx(AWAY_S, abs=0.01)
    assert still == before
    assert pauses == [AWAY_POLL_S] * 3
    assert (world.store.row.mode, world.store.row.life.epoch) == (STANDBY, before.life.epoch + 1)
    assert world.store.row.position == before.position
    assert [log["event"] for log in logs] == ["standby began"]


async def test_a_standby_that_begins_late_is_ended() -> None:
    """Its commit was not answered and came after the log was back: nobody would append, and nobody would ask again."""
    world = World()
    process, job = await world.served()
    row = world.store.row

    world.store.row = row._replace(life=row.life._replace(epoch=row.life.epoch + 1), mode=STANDBY)
    await world.settle(job)

    assert (world.store.row.mode, world.store.row.life.epoch) == ("log", row.life.epoch + 2)
    assert world.is_served
    assert process.opened()["returned"] == 1


async def test_a_log_that_is_back_within_a_second_goes_on_in_its_epoch() -> None:
    """The database gave no number."""
    world = World()
    process, job = await world.served()
    before = world.store.row
    world.lose(process)
    world.clock.move(0.9)
    await job.step()

    world.bring_back(process)
    world.append(2)
    await world.settle(job)

    assert world.store.row.life == before.life
    assert len(world.store.applied) == 2


async def test_one_who_lost_the_lease_makes_nobody_stand_by() -> None:
    """Its log is away; the one that has the lease now may see it."""
    world = World()
    process, job = await world.served()
    world.lose(process)
    world.clock.move(11)
    await world.process("b").must_claim()
    before = world.store.row

    with suppress(ConflictError):
        await job.step()

    assert world.store.row == before
    assert await job.step() > 0
    assert world.store.row == before


@pytest.mark.parametrize("run_id", [None, "run-2"], ids=["resumed", "restarted"])
async def test_a_log_that_comes_back_is_sealed_read_to_its_end_and_begun_anew(run_id: str | None) -> None:
    """Everything that it took is stored, in order; the numbers are its own again, two epochs later."""
    world = World()
    process, job = await world.served()
    taken = world.append(3)
    world.lose(process)
    world.clock.move(AWAY_S)
    await job.step()

    world.bring_back(process, run_id=run_id)
    with capture_logs() as logs:
        await world.settle(job)

    assert world.store.applied == taken
    assert (world.store.row.mode, world.store.row.life.epoch) == ("log", 4)
    assert world.is_served
    assert process.opened()["returned"] == 1
    assert [log["event"] for log in logs] == ["log life ended", "standby ended", "log life opened"]
    world.append()
    await world.settle(job)
    assert len(world.store.applied) == 4


async def test_a_log_that_comes_back_empty_is_begun_anew() -> None:
    """There is nothing to read."""
    world = World()
    process, job = await world.served()
    world.append(3)
    world.lose(process)
    world.clock.move(AWAY_S)
    await job.step()
    world.engine.flush()

    world.bring_back(process, run_id="run-2")
    await world.settle(job)

    assert world.store.applied == []
    assert (world.store.row.mode, world.store.row.life.epoch) == ("log", 4)
    assert world.is_served


async def test_the_next_epoch_begins_above_what_the_standby_stored() -> None:
    """Though its clock was ahead, up to the last moment: an index takes nothing that is older than what it has."""
    world = World()
    process, job = await world.served()
    world.lose(process)
    world.clock.move(AWAY_S)
    await job.step()
    ahead = BEGAN_AT + 3_600_000

    async def store() -> None:
        world.store.row = world.store.row._replace(changed_at=ahead)

    process.places.once("before open_life", store)
    world.bring_back(process)
    await world.settle(job)

    floor = Position(4, position_id(ahead + 1))
    assert world.store.row.position == world.engine.ends[4] == floor


@pytest.mark.parametrize("place", STEPS_OF_A_RETURN)
async def test_a_crash_anywhere_in_a_return_leaves_nothing_wrong(place: str) -> None:
    """The next lease-holder stores what is left, and the log numbers again: nothing lost, nothing stored twice."""
    world = World()
    process, job = await world.served()
    taken = world.append(3)
    world.lose(process)
    world.clock.move(AWAY_S)
    await job.step()
    process.places.fail(place, CrashError())

    world.bring_back(process)
    with suppress(CrashError):
        await world.settle(job)
    world.clock.move(11)
    heir = await world.process("b").must_claim()
    await world.settle(heir)

    assert world.store.applied == taken
    assert world.store.row.mode == "log"
    assert world.is_served
    world.append()
    await world.settle(heir)
    assert len(world.store.applied) == 4


@pytest.mark.parametrize("place", ["before stand_by", "after stand_by"])
async def test_a_crash_on_the_way_to_a_standby_is_made_good_by_the_next(place: str) -> None:
    """It stands by in one epoch, however often it was begun."""
    world = World()
    process, job = await world.served()
    world.lose(process)
    world.clock.move(AWAY_S)
    process.places.fail(place, CrashError())
    with suppress(CrashError):
        await job.step()
    world.clock.move(11)

    second = world.process("b")
    heir = await second.must_claim()
    world.lose(second)
    world.clock.move(AWAY_S)
    await heir.step()

    assert (world.store.row.mode, world.store.row.life.epoch) == (STANDBY, 3)


async def test_a_log_that_goes_away_while_it_is_read_to_its_end_is_read_on_later() -> None:
    """Sealed as it is; the database goes on giving numbers in the same epoch."""
    world = World()
    process, job = await world.served()
    taken = world.append(3)
    world.lose(process)
    world.clock.move(AWAY_S)
    await job.step()
    world.bring_back(process)
    process.places.fail("before apply", UnavailableError("The database does not answer"))
    with suppress(UnavailableError):
        await job.step()
    sealed = world.engine.open is None

    world.lose(process)
    world.clock.move(5)
    await job.step()
    standing = world.store.row
    world.bring_back(process)
    await world.settle(job)

    assert sealed
    assert (standing.mode, standing.life.epoch) == (STANDBY, 3)
    assert world.store.applied == taken
    assert world.is_served


async def test_a_life_that_was_ending_goes_on_to_a_standby_when_the_log_goes_away() -> None:
    """Sealed for another reason; what lies on it is stored when it is back."""
    world = World()
    process, job = await world.served()
    taken = world.append(2)
    world.engine.short.add(2)
    world.clock.move(2)
    process.places.fail("before read", UnavailableError("The log is away"))
    with suppress(UnavailableError):
        await job.step()
    world.lose(process)
    world.clock.move(AWAY_S)
    await job.step()

    world.bring_back(process)
    await world.settle(job)

    assert world.engine.open == 4
    assert world.store.applied == taken
    assert world.is_served
