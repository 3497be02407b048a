"""Persist: batches, positions, trims, and what a conflict or a failure anywhere between does not do."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from parley.domain.errors import ConflictError, UnavailableError
from parley.domain.events import Depth, Logged, Position
from parley.storage.batches import BATCH_BYTES, BATCH_ENTRIES, BATCH_MESSAGES
from parley.telemetry.instruments import Counter
from parley.workers.persist import POLL_S, TRIM_AFTER_S, cut
from parley.workers.runner import Runner
from parley.workers.tenure import TTL_S
from tests.unit.workers.persisting import World


def logged(id_: int, *, so_far: int = 0, size: int = 1) -> Logged:
    """Make an entry of some size, the log's count of messages being ``so_far`` with it."""
    return Logged(Position(1, id_), None, b"x" * size, Depth(so_far, 0))


def values(*counters: Counter) -> list[int]:
    """Read counters."""
    return [counter.value for counter in counters]


@pytest.mark.parametrize(
    ("entries", "taken"),
    [
        ([logged(1)], 1),
        ([logged(1), logged(2)], 2),
        ([logged(n) for n in range(BATCH_ENTRIES + 1)], BATCH_ENTRIES),
        ([logged(n, size=BATCH_BYTES // 4) for n in range(6)], 4),
        ([logged(1, size=2 * BATCH_BYTES), logged(2)], 1),
        ([logged(n, so_far=n * BATCH_MESSAGES // 4) for n in range(7)], 5),
        ([logged(1, so_far=9), logged(2, so_far=10 * BATCH_MESSAGES)], 1),
    ],
)
def test_a_transaction_is_bounded_in_entries_bytes_and_messages(entries: list[Logged], taken: int) -> None:
    """One entry goes always, however large; nothing is left out or turned round."""
    batch, rest = cut(entries)

    assert len(batch) == taken
    assert [*batch, *rest] == entries


async def test_what_lies_on_the_log_is_stored_in_order_and_trimmed_behind() -> None:
    """Position and rows move together, the trim comes when followers had time to read; the metrics say how many."""
    world = World()
    process, job = await world.served()
    waiting = world.append(5)

    pause_s = await job.step()
    stayed = len(world.engine.streams[2])
    world.clock.move(TRIM_AFTER_S)
    await job.step()

    assert world.store.applied == waiting
    assert world.store.row.position == waiting[-1]
    assert stayed == len(waiting)
    assert world.engine.trimmed == [waiting[-1]]
    assert world.engine.streams[2] == []
    assert pause_s == POLL_S
    assert values(process.metrics.persisted_messages, process.metrics.dropped_entries) == [5, 0]


async def test_an_idle_log_is_polled_and_not_hammered() -> None:
    """Nothing to do is a pause, which a wake-up cuts short."""
    world = World()
    _, job = await world.served()

    assert [await job.step() for _ in range(3)] == [POLL_S] * 3


async def test_a_backlog_is_stored_without_pauses() -> None:
    """Batches grow as long as they fit, and there is no wait while there may be more."""
    world = World()
    process, job = await world.served()
    waiting = world.append(10 * BATCH_ENTRIES)
    process.places.passed.clear()

    pauses = []
    while world.store.applied != waiting:
        pauses.append(await job.step())

    assert set(pauses[:-1]) == {0}
    assert process.places.passed.count("before apply") < 16


async def test_large_entries_are_stored_in_small_numbers() -> None:
    """What one transaction does not take waits for the next, and is not read again."""
    world = World()
    process, job = await world.served()
    for _ in range(40):
        assert world.engine.append(world.store.row.life, raw=b"x" * (BATCH_BYTES // 4))
    process.places.passed.clear()

    while world.store.applied != world.engine.acknowledged:
        await job.step()

    assert process.places.passed.count("before apply") == 10
    assert process.places.passed.count("before read") == 1


@pytest.mark.parametrize("place", ["before read", "after read", "before apply", "after apply", "before trim"])
async def test_a_failure_is_repeated_from_what_the_database_says(place: str) -> None:
    """Also where it was stored and nobody was told: the position is read again, and nothing is stored twice."""
    world = World()
    process, job = await world.served()
    waiting = world.append(3)
    if place == "before trim":
        await job.step()
        world.clock.move(TRIM_AFTER_S)
    process.places.fail(place, UnavailableError("away"))

    with pytest.raises(UnavailableError):
        await job.step()
    await world.settle(job)

    assert world.store.applied == waiting
    assert world.engine.streams[2] == []
    assert process.tenure.is_sure


async def test_what_a_dead_worker_stored_and_did_not_trim_is_trimmed() -> None:
    """Else the log would count it as not stored until the next entry, and answer 503 too early."""
    world = World()
    _, job = await world.served()
    waiting = world.append(3)
    await job.step()
    world.clock.move(TTL_S + 1)

    await (await world.process("b").must_claim()).step()

    assert world.engine.trimmed == [waiting[-1]]
    assert world.store.applied == waiting


async def test_a_late_worker_stores_nothing_and_goes() -> None:
    """It slept in the middle of a transaction while another took over: the conflict ends its tenure for good."""
    world = World()
    slow, slow_job = await world.served()
    waiting = world.append(3)
    quick = world.process("b")

    async def overtake() -> None:
        world.clock.move(TTL_S + 1)
        await world.settle(await quick.must_claim())

    slow.places.once("before apply", overtake)
    with capture_logs() as lines:
        pauses = [await slow_job.step(), await slow_job.step()]

    assert pauses == [POLL_S, POLL_S]
    assert world.store.applied == waiting
    assert not slow.tenure.is_sure
    assert [line["event"] for line in lines] == ["partition lost"]


async def test_a_worker_overtaken_while_it_reads_stores_nothing() -> None:
    """What it read is another's by now."""
    world = World()
    slow, slow_job = await world.served()
    waiting = world.append(3)
    quick = world.process("b")

    async def overtake() -> None:
        world.clock.move(TTL_S + 1)
        await world.settle(await quick.must_claim())

    slow.places.once("after read", overtake)
    await slow_job.step()

    assert world.store.applied == waiting
    assert not slow.tenure.is_sure


async def test_a_conflict_under_a_lease_that_is_held_is_a_failure_like_others() -> None:
    """Somebody moved the position by hand: it is said, and the worker goes on from there."""
    world = World()
    process, job = await world.served()
    first, *others = world.append(3)

    async def move_on() -> None:
        world.store.row = world.store.row._replace(position=first)

    process.places.once("before apply", move_on)
    with pytest.raises(ConflictError):
        await job.step()
    await job.step()

    assert world.store.applied == others
    assert process.tenure.is_sure


async def test_nothing_is_done_when_the_lease_may_be_anothers() -> None:
    """The database is away for so long that the lease may have run out: not even a read."""
    world = World()
    process, job = await world.served()
    world.append(3)
    process.places.passed.clear()

    world.clock.move(TTL_S)
    pause_s = await job.step()

    assert pause_s == POLL_S
    assert process.places.passed == []


async def test_dead_letters_and_dropped_entries_are_counted_and_said() -> None:
    """An alarm line for letters; entries of a parent that is gone are ordinary."""
    world = World()
    process, job = await world.served()
    world.append(3)
    process.database.dead, process.database.dropped = 2, 1

    with capture_logs() as lines:
        await job.step()

    assert values(process.metrics.dead_letters, process.metrics.dropped_entries) == [2, 1]
    assert [(line["event"], line["letters"]) for line in lines] == [("dead letters added", 2)]


async def test_too_many_dead_letters_stop_persist_and_stay_visible() -> None:
    """The runner backs off and says why, for as long as nobody looked at them."""
    world = World()
    process, job = await world.served()
    world.append(3)
    for _ in range(3):
        process.places.fail("before apply", UnavailableError("10,000 dead letters", code="too_many_dead_letters"))
    failed = asyncio.Event()
    runner = Runner(job, jitter=lambda: 1.0, on_failure=lambda _: failed.set())

    runner.start()
    await failed.wait()
    await runner.stop()

    assert runner.status == (1, "10,000 dead letters")
    assert world.store.applied == []


async def test_lag_is_the_age_of_what_waits() -> None:
    """It grows while the database is away, is 0 when all is stored, and says nothing under another's lease."""
    world = World()
    process, job = await world.served()
    lag = process.metrics.partition_lag_ms.child("0")
    world.append(3)
    idle = lag.sample()

    world.store.away = True
    with pytest.raises(UnavailableError):
        await job.step()
    world.clock.move(4)
    behind = lag.sample()
    world.store.away = False
    await job.step()
    stored = lag.sample()

    assert (idle, behind, stored) == (0, 4_000, 0)
    assert process.metrics.persist_seconds.sum == 4


async def test_lag_is_told_by_who_holds_the_lease() -> None:
    """Who handed the partition back knows nothing of it any more."""
    world = World()
    process, job = await world.served()
    world.append(3)
    world.store.away = True
    with pytest.raises(UnavailableError):
        await job.step()
    world.clock.move(4)

    await process.tenure.end()

    assert job.lag_ms() == 0


async def test_a_wake_up_stores_at_once() -> None:
    """In a process that also writes, nothing waits for the poll."""
    world = World()
    process, job = await world.served()
    waits, stored = asyncio.Event(), asyncio.Event()

    async def wait(event: asyncio.Event, _: float) -> None:
        waits.set()
        await event.wait()

    async def tell() -> None:
        stored.set()

    runner = Runner(job, jitter=lambda: 1.0, on_failure=lambda _: None, wait=wait)
    runner.start()
    await waits.wait()
    waiting = world.append(2)
    process.places.once("after apply", tell)

    runner.notify()
    await stored.wait()
    await runner.stop()

    assert world.store.applied == waiting
