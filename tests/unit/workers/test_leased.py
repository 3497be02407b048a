"""A job under a lease: done by one process at a time, on its own schedule."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.errors import UnavailableError
from parley.telemetry.metrics import Metrics
from parley.workers.leased import CLAIM_S, RENEW_S, LeasedJob
from parley.workers.tenure import TTL_S, Claimant
from tests.unit.workers.doubles import StillClock
from tests.unit.workers.doubles_sharing import DictDatabase, Places, Store

NIGHT_S = 3_600.0


class Nightly:
    """A job with long pauses, which the test can hold in the middle of a step."""

    name = "index"

    def __init__(self) -> None:
        """Begin with no step done."""
        self.steps = 0
        self.pause_s = NIGHT_S
        self.error: Exception | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def step(self) -> float:
        """Count."""
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        self.steps += 1
        return self.pause_s


class Process:
    """One that would do the job."""

    def __init__(self, store: Store, owner: str) -> None:
        """Hold nothing yet."""
        self.places = Places()
        self.metrics = Metrics()
        self.job = Nightly()
        self.waits = 0
        claimant = Claimant(DictDatabase(store, self.places), owner, store.clock)
        self.leased = LeasedJob(self.job, claimant, self.metrics, wait=self.wait)
        self.clock = store.clock

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Let time pass if the step is in the middle of something; the third time it goes on."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not event.is_set():
            self.clock.move(timeout_s)
            self.waits += 1
            if self.waits == 5:
                self.job.go_on.set()
                await event.wait()


@pytest.fixture
async def store() -> Store:
    """Give a database without leases."""
    return Store(StillClock())


async def test_one_process_does_the_job_and_the_others_look_again(store: Store) -> None:
    """Who has the lease steps; who has not comes back in two seconds, wake-ups or not."""
    first, second = Process(store, "a"), Process(store, "b")

    pauses = [await first.leased.step(), await second.leased.step(), await second.leased.step()]

    assert pauses == [RENEW_S, CLAIM_S, CLAIM_S]
    assert (first.job.steps, second.job.steps) == (1, 0)
    assert second.places.passed.count("before claim") == 1
    assert [process.metrics.leases_held.child("index").sample() for process in (first, second)] == [1, 0]


async def test_a_lease_is_renewed_without_a_step_that_is_not_due(store: Store) -> None:
    """The job's own pause counts: an hourly sweep stays hourly."""
    process = Process(store, "a")
    await process.leased.step()

    for _ in range(round(NIGHT_S / RENEW_S)):
        store.clock.move(RENEW_S)
        await process.leased.step()

    assert process.job.steps == 2
    assert process.leased.holds
    assert store.leases["index"].token == 1


async def test_a_pause_that_is_short_is_kept(store: Store) -> None:
    """Work that is there is done at once."""
    process = Process(store, "a")
    process.job.pause_s = 0

    pauses = [await process.leased.step() for _ in range(3)]

    assert pauses == [0, 0, 0]
    assert process.job.steps == 3


async def test_a_wake_up_is_a_step_at_once(store: Store) -> None:
    """The runner comes before the pause is over: somebody has something to do."""
    process = Process(store, "a")
    await process.leased.step()

    store.clock.move(1)
    await process.leased.step()

    assert process.job.steps == 2


async def test_a_long_step_keeps_its_lease(store: Store) -> None:
    """It is renewed beside the step, so nobody else begins."""
    first, second = Process(store, "a"), Process(store, "b")
    first.job.go_on.clear()

    await first.leased.step()
    pause_s = await second.leased.step()

    assert first.waits * RENEW_S > TTL_S
    assert (first.job.steps, second.job.steps, pause_s) == (1, 0, CLAIM_S)


async def test_a_database_that_is_away_does_not_end_a_long_step(store: Store) -> None:
    """The renewal fails; the step's own outcome is what counts."""
    process = Process(store, "a")
    process.job.go_on.clear()
    process.places.fail("before renew", UnavailableError("away"))

    await process.leased.step()

    assert process.job.steps == 1


async def test_a_dead_process_is_followed_by_another(store: Store) -> None:
    """After the lease's time the other one's look finds it free."""
    first, second = Process(store, "a"), Process(store, "b")
    await first.leased.step()
    await second.leased.step()

    store.clock.move(TTL_S)
    await second.leased.step()
    await first.leased.step()

    assert (first.job.steps, second.job.steps) == (1, 1)
    assert [first.leased.holds, second.leased.holds] == [False, True]


async def test_a_closed_one_lets_the_next_begin_at_once(store: Store) -> None:
    """The lease is released; closing twice or without a lease changes nothing."""
    first, second = Process(store, "a"), Process(store, "b")
    await first.leased.step()

    await first.leased.close()
    await first.leased.close()
    await second.leased.step()

    assert second.job.steps == 1
    assert not first.leased.holds


async def test_a_failing_step_is_repeated_whatever_its_pause_was(store: Store) -> None:
    """The failure goes to the runner, which backs off; its next step is the job's."""
    process = Process(store, "a")
    await process.leased.step()
    process.job.error = UnavailableError("away")
    store.clock.move(1)
    with pytest.raises(UnavailableError):
        await process.leased.step()

    process.job.error = None
    store.clock.move(RENEW_S)
    await process.leased.step()

    assert process.job.steps == 2
    assert process.leased.name == "index"
