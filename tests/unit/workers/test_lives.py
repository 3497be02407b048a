"""The lives of a log: what is found, what follows, and that a crash anywhere between leaves nothing wrong."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from parley.domain.errors import ConflictError, UnavailableError
from parley.domain.events import Position, position_id
from parley.domain.grants import Life, Partition
from parley.log.port import Vitals
from parley.workers.lives import EXAMINE_EVERY_S, FLAG_S, Finding, judge
from parley.workers.persist import PersistJob
from tests.unit.workers.doubles import BEGAN_AT
from tests.unit.workers.doubles_sharing import CrashError
from tests.unit.workers.persisting import KEY_TTL_S, World

ROW = Partition(0, Life(3, "run"), Position(3, 50), "log")
WELL = Vitals(3, "run", Position(3, 60), is_open=True, keeps_all=True, is_short=False)

STEPS_OF_AN_EPOCH = [
    *(
        f"{when} {what}"
        for what in ("renew", "seal", "examine", "read", "open_life", "open")
        for when in ("before", "after")
    ),
    *("before apply", "after apply", "before trim", "after trim", "before partitions"),
]


@pytest.mark.parametrize(
    ("row", "vitals", "finding"),
    [
        (ROW, WELL, Finding.SERVED),
        (ROW, WELL._replace(end=Position(3, 50)), Finding.SERVED),
        (ROW, WELL._replace(keeps_all=False), Finding.SERVED),
        (ROW, WELL._replace(is_open=False), Finding.UNLOADED),
        (ROW, WELL._replace(is_open=False, run_id="another"), Finding.RESTARTED),
        (ROW, WELL._replace(is_open=False, run_id="another", keeps_all=False), Finding.NOT_KEPT),
        (ROW, WELL._replace(is_open=False, run_id="another", end=Position(3, 49)), Finding.BEHIND),
        (ROW, WELL._replace(is_open=False, run_id="another", is_short=True), Finding.SHORT),
        (ROW, WELL._replace(is_short=True), Finding.SHORT),
        (ROW, WELL._replace(end=None), Finding.BEHIND),
        (ROW, WELL._replace(epoch=2, end=None), Finding.OTHER_EPOCH),
        (ROW, WELL._replace(epoch=4), Finding.DATABASE_OLDER),
        (ROW, WELL._replace(epoch=None, ended=4), Finding.DATABASE_OLDER),
        (ROW, WELL._replace(stored=Position(3, 51)), Finding.DATABASE_OLDER),
        (ROW, WELL._replace(epoch=None, ended=3, stored=Position(3, 51)), Finding.DATABASE_OLDER),
        (ROW, WELL._replace(stored=Position(3, 50), ended=2), Finding.SERVED),
        (ROW, WELL._replace(epoch=None), Finding.SEALED),
        (ROW, WELL._replace(epoch=None, run_id="another"), Finding.SEALED),
        (ROW, WELL._replace(epoch=None, end=None), Finding.FLUSHED),
        (ROW._replace(life=Life(3, "")), WELL, Finding.FIRST),
        (ROW._replace(life=Life(3, "")), WELL._replace(epoch=2, ended=3), Finding.FIRST),
        (ROW._replace(life=Life(3, "")), WELL._replace(epoch=7), Finding.DATABASE_OLDER),
    ],
)
def test_a_log_is_judged_by_what_can_be_shown(row: Partition, vitals: Vitals, finding: Finding) -> None:
    """Only the same epoch, complete to what is stored and flagged by nobody, may go on."""
    assert judge(row, vitals) is finding


async def test_a_first_log_gets_an_epoch_of_its_own() -> None:
    """What numbered before had the database's epoch; the log begins with the next one, above all that is stored."""
    world = World()

    process, _ = await world.served()

    assert world.is_served
    assert world.store.row.life == Life(2, "run-1")
    assert world.store.row.position == Position(2, position_id(BEGAN_AT))
    assert process.opened() == {"first": 1}


async def test_a_log_that_is_served_is_looked_at_every_second_alone() -> None:
    """One look a second, however many steps there are between."""
    world = World()
    process, job = await world.served()
    process.places.passed.clear()

    await world.settle(job, steps=50, pause_s=EXAMINE_EVERY_S / 10)

    assert process.places.passed.count("before examine") in {5, 6}


async def test_a_flushed_log_begins_the_next_epoch_at_once() -> None:
    """The read that finds no epoch leads to a look at the next step; what was stored stays, and numbering goes on."""
    world = World()
    process, job = await world.served()
    stored = world.append(3)
    world.clock.move(EXAMINE_EVERY_S)
    await job.step()

    world.engine.flush()
    await world.settle(job, steps=4, pause_s=0.05)

    assert world.is_served
    assert world.store.row.life.epoch == 3
    assert world.store.applied == stored
    assert process.opened() == {"first": 1, "flushed": 1}


async def test_an_unloaded_log_goes_on_in_its_life() -> None:
    """The engine forgot the script alone: nothing can be lost, so the epoch stays."""
    world = World()
    process, job = await world.served()
    waiting = world.append(2)

    world.engine.loaded.clear()
    await world.settle(job)

    assert world.is_served
    assert world.store.row.life == Life(2, "run-1")
    assert world.store.applied == waiting
    assert process.opened() == {"first": 1, "unloaded": 1}


async def test_a_restarted_log_waits_for_flags_and_goes_on_in_its_epoch() -> None:
    """Writers have a second to say what they miss, while what is there is stored; then the new run is noted."""
    world = World()
    process, job = await world.served()
    waiting = world.append(2)
    world.engine.restart()
    world.clock.move(EXAMINE_EVERY_S)

    await world.settle(job, steps=10, pause_s=FLAG_S / 10)
    served_early = world.is_served
    await world.settle(job, steps=2)

    assert not served_early
    assert world.is_served
    assert world.store.row.life == Life(2, "run-2")
    assert world.store.applied == waiting
    assert process.opened() == {"first": 1, "restarted": 1}


async def test_the_time_for_flags_begins_again_with_every_run() -> None:
    """A writer that has not reached the second run cannot have flagged what it misses there."""
    world = World()
    _, job = await world.served()
    world.engine.restart()
    world.clock.move(EXAMINE_EVERY_S)

    await world.settle(job, steps=2, pause_s=FLAG_S * 0.9)
    world.engine.restart()
    await world.settle(job, steps=2, pause_s=FLAG_S * 0.6)
    served_early = world.is_served
    await world.settle(job, steps=5)

    assert not served_early
    assert world.store.row.life == Life(2, "run-3")


async def test_a_flag_in_that_time_begins_the_next_epoch() -> None:
    """A writer was told of more than there is: the epoch's numbers are void, what is there is stored first."""
    world = World()
    process, job = await world.served()
    kept, _ = world.append(2)
    world.engine.restart(lost=1)
    world.clock.move(EXAMINE_EVERY_S)
    await job.step()

    world.engine.short.add(2)
    await world.settle(job)

    assert world.is_served
    assert world.store.row.life == Life(3, "run-2")
    assert world.store.applied == [kept]
    assert process.opened() == {"first": 1, "short": 1}


@pytest.mark.parametrize(("stored", "lost", "reason"), [(0, 0, "not_kept"), (0, 2, "not_kept"), (3, 1, "behind")])
async def test_a_restarted_log_that_may_have_lost_begins_the_next_epoch(stored: int, lost: int, reason: str) -> None:
    """It does not sync, or ends before what is stored: what is left of it is stored, then numbers begin anew."""
    world = World()
    world.engine.keeps_all = reason == "behind"
    process, job = await world.served()
    positions = world.append(3)
    if stored:
        await job.step()

    world.engine.restart(lost=lost)
    await world.settle(job)

    assert world.is_served
    assert world.store.row.life == Life(3, "run-2")
    assert world.store.applied == positions[: max(stored, 3 - lost)]
    assert process.opened() == {"first": 1, reason: 1}


async def test_everything_readable_of_the_old_epoch_is_stored_before_the_next_begins() -> None:
    """However many batches that takes, no entry is passed over, and none is taken meanwhile."""
    world = World()
    _, job = await world.served()
    waiting = world.append(5_000)

    world.engine.short.add(2)
    world.clock.move(EXAMINE_EVERY_S)
    while world.store.row.life.epoch == 2:
        await job.step()
        assert not world.is_served or world.store.row.life.epoch == 3

    assert world.store.applied == waiting
    assert world.is_served


@pytest.mark.parametrize(
    ("key_age_s", "known_since"),
    [(None, 0), (KEY_TTL_S + 60, 0), (KEY_TTL_S - 60, "now"), (0, "now")],
)
async def test_a_new_epoch_knows_all_keys_only_if_the_database_has_no_young_one(
    key_age_s: float | None, known_since: int | str
) -> None:
    """Else a key that the new log does not know may be one that the database does."""
    world = World()
    if key_age_s is not None:
        world.store.row = world.store.row._replace(last_key_at=BEGAN_AT - round(key_age_s * 1_000))

    process, _ = await world.served()

    assert process.log.keys_known_since == (BEGAN_AT if known_since == "now" else known_since)


async def test_a_new_epoch_begins_above_positions_of_the_future() -> None:
    """The clock went back: times never run against the numbers."""
    world = World()
    ahead = position_id(BEGAN_AT + 3_600_000, 7)
    world.store.row = world.store.row._replace(position=Position(1, ahead), last_key_at=BEGAN_AT)

    process, _ = await world.served()

    assert world.store.row.position == Position(2, position_id(BEGAN_AT + 3_600_000))
    assert process.log.keys_known_since == BEGAN_AT + 3_600_000


async def test_every_opening_is_told_once() -> None:
    """The line has partition, epoch, run and reason: it is what somebody is paged by."""
    world = World()
    with capture_logs() as lines:
        _, job = await world.served()
        world.engine.flush()
        await world.settle(job)

    told = [(line["epoch"], line["reason"]) for line in lines if line["event"] == "log life opened"]
    assert told == [(2, "first"), (3, "flushed")]


@pytest.mark.parametrize("place", STEPS_OF_AN_EPOCH)
@pytest.mark.parametrize("is_taken_over", [False, True])
async def test_a_crash_anywhere_on_the_way_to_a_new_epoch_is_healed(place: str, is_taken_over: bool) -> None:  # noqa: FBT001
    """The same process after a failure, or another one after a crash: nothing is lost or twice, the log is served."""
    world = World()
    process, job = await world.served()
    waiting = world.append(3)
    world.engine.short.add(2)
    world.clock.move(EXAMINE_EVERY_S)
    process.places.fail(place, CrashError("gone") if is_taken_over else UnavailableError("away"))

    if is_taken_over:
        with pytest.raises(CrashError):
            await world.settle(job, steps=20, pause_s=0.1)
        world.clock.move(11)
        process = world.process("b")
        job = await process.must_claim()
    await world.settle(job)

    assert place in process.places.passed or is_taken_over
    assert world.is_served
    assert world.store.row.life.epoch >= 3
    after = world.append(2)
    await world.settle(job)
    assert world.store.applied == waiting + after


@pytest.mark.parametrize("place", ["before open_life", "after open_life", "before open", "after open", "before renew"])
@pytest.mark.parametrize("is_taken_over", [False, True])
async def test_a_crash_anywhere_after_a_restart_is_healed(place: str, is_taken_over: bool) -> None:  # noqa: FBT001
    """The epoch stays: nobody needs a new one because a worker fell."""
    world = World()
    process, job = await world.served()
    waiting = world.append(3)
    world.engine.restart()
    world.clock.move(EXAMINE_EVERY_S)
    process.places.fail(place, CrashError("gone") if is_taken_over else UnavailableError("away"))

    if is_taken_over:
        with pytest.raises(CrashError):
            await world.settle(job)
        world.clock.move(11)
        process = world.process("b")
        job = await process.must_claim()
    await world.settle(job)

    assert world.is_served
    assert world.store.row.life == Life(2, "run-2")
    assert world.store.applied == waiting


@pytest.mark.parametrize("place", ["after examine", "before seal", "before open_life", "before open"])
async def test_one_that_wakes_up_late_opens_nothing_that_another_ended(place: str) -> None:
    """It slept on its way to an epoch, another went through one: at worst its seal costs one more, and no entry."""
    world = World()
    slow, slow_job = await world.served()
    waiting = world.append(3)
    world.engine.short.add(2)
    world.clock.move(EXAMINE_EVERY_S)
    quick = world.process("b")
    jobs: list[PersistJob] = []

    async def overtake() -> None:
        world.clock.move(11)
        jobs.append(await quick.must_claim())
        await world.settle(jobs[0])
        waiting.extend(world.append(2))

    slow.places.once(place, overtake)
    await world.settle(slow_job, steps=20, pause_s=0.01)
    await world.settle(jobs[0])
    waiting.extend(world.append(1))
    await world.settle(jobs[0])

    assert world.store.applied == waiting
    assert world.store.row.life.epoch <= 4
    assert not slow.tenure.is_sure


async def test_one_that_wakes_up_late_cannot_begin_the_epoch_that_it_had_recorded() -> None:
    """It slept between database and log, another has read the log to its end: nothing may be appended behind that."""
    world = World()
    slow, quick = world.process("a"), world.process("b")
    asleep, awake = asyncio.Event(), asyncio.Event()

    async def sleep() -> None:
        asleep.set()
        await awake.wait()

    async def be_overtaken() -> None:
        awake.set()
        await sleeping
        assert world.engine.append(Life(2, "run-1")) is None

    slow.places.once("before open", sleep)
    quick.places.once("before open_life", be_overtaken)
    sleeping = asyncio.create_task(world.settle(await slow.must_claim()))
    await asleep.wait()
    recorded = world.store.row.life
    world.clock.move(11)

    await world.settle(await quick.must_claim())

    assert (recorded, world.store.row.life) == (Life(2, "run-1"), Life(3, "run-1"))
    assert world.is_served
    assert not slow.tenure.is_sure


async def test_a_log_that_was_opened_by_another_meanwhile_is_left_alone() -> None:
    """Between seal and begin the epoch came back: somebody or something else did that, so it is looked at again."""
    world = World()
    process, job = await world.served()
    world.engine.short.add(2)
    world.clock.move(EXAMINE_EVERY_S)

    async def come_back() -> None:
        world.engine.open, world.engine.sealed = 2, 0

    process.places.once("after seal", come_back)
    with pytest.raises(ConflictError):
        await job.step()
    await world.settle(job)

    assert world.store.row.life.epoch == 3
    assert world.is_served
