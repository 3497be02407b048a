"""Shares: who gets which lease, when processes come, go, die and lose the database."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from parley.domain.errors import ParleyError, UnavailableError
from parley.telemetry.metrics import Metrics
from parley.workers.runner import Runner
from parley.workers.shares import BEAT_S, HAND_BACK_S, Shares
from parley.workers.tenure import TTL_S, Claimant, Tenure
from tests.unit.workers.doubles import StillClock
from tests.unit.workers.doubles_sharing import DictDatabase, Places, Store

JOBS = [f"persist-{partition}" for partition in range(4)]


class Idle:
    """A job that does nothing, or is in the middle of something until the test lets it go on."""

    def __init__(self, name: str) -> None:
        """Take a name."""
        self.name = name
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.stepping = asyncio.Event()

    async def step(self) -> float:
        """Wait for what the test waits for."""
        self.stepping.set()
        await self.go_on.wait()
        return 1_000


class Process:
    """A process that shares the four jobs."""

    def __init__(self, store: Store, owner: str) -> None:
        """Hold nothing yet."""
        self.places = Places()
        self.metrics = Metrics()
        self.jobs: dict[str, Idle] = {}
        self.away_since: float | None = None
        self._clock = store.clock
        starts = dict.fromkeys(JOBS, self.start)
        claimant = Claimant(DictDatabase(store, self.places), owner, store.clock)
        self.shares = Shares(starts, claimant, self.metrics, self.away_s)

    def away_s(self) -> float:
        """Give for how long the log has been away."""
        return 0.0 if self.away_since is None else self._clock.monotonic() - self.away_since

    def start(self, tenure: Tenure) -> Runner:
        """Make a runner for a tenure."""
        job = self.jobs[tenure.lease.job] = Idle(tenure.lease.job)
        return Runner(job, jitter=lambda: 1.0, on_failure=lambda _: None)

    async def step(self) -> None:
        """Do a step, and what it began."""
        try:
            await self.shares.step()
        finally:
            await self.shares.settled()

    @property
    def held(self) -> set[str]:
        """Give the names of the jobs that it holds."""
        return {job for job in JOBS if self.shares.holds(job)}


class World:
    """The database and the clock that all share."""

    def __init__(self) -> None:
        """Begin without processes."""
        self.clock = StillClock()
        self.store = Store(self.clock)
        self.processes: list[Process] = []

    def process(self) -> Process:
        """Start another process."""
        process = Process(self.store, f"process-{len(self.processes)}")
        self.processes.append(process)
        return process

    async def pass_time(self, seconds: float, *processes: Process) -> None:
        """Let processes step every two seconds, failing steps too, as their runners do."""
        for _ in range(round(seconds / BEAT_S)):
            self.clock.move(BEAT_S)
            for process in processes:
                with suppress(ParleyError):
                    await process.step()

    async def close(self) -> None:
        """Stop all."""
        self.store.away = False
        for process in self.processes:
            await process.shares.close()


@pytest.fixture
async def world() -> World:
    """Give a database without processes."""
    return World()


async def test_one_process_does_all(world: World) -> None:
    """It claims every job at its first step, and runs each."""
    alone = world.process()

    await alone.step()

    assert alone.held == set(JOBS)
    assert [runner.name for runner in alone.shares.runners] == JOBS
    assert [alone.metrics.leases_held.child(job).sample() for job in JOBS] == [1, 1, 1, 1]
    await world.close()


@pytest.mark.parametrize(("count", "most"), [(2, 2), (3, 2), (4, 1), (6, 1)])
async def test_jobs_spread_over_processes_that_start_later(world: World, count: int, most: int) -> None:
    """Within ten seconds each has its fair share, and every job is somebody's."""
    first = world.process()
    await first.step()

    others = [world.process() for _ in range(count - 1)]
    await world.pass_time(10, first, *others)

    held = [process.held for process in [first, *others]]
    assert max(map(len, held)) == most
    assert sorted(job for jobs in held for job in jobs) == JOBS
    await world.close()


async def test_shares_stay_where_they_are_while_nobody_comes_or_goes(world: World) -> None:
    """No lease changes hands without a reason, and who has none does not ask for one that is held."""
    all_ = [world.process(), world.process(), world.process()]
    await world.pass_time(10, *all_)
    tokens = {job: row.token for job, row in world.store.leases.items()}
    for process in all_:
        process.places.passed.clear()

    await world.pass_time(60, *all_)

    assert {job: row.token for job, row in world.store.leases.items()} == tokens
    assert not any("before claim" in process.places.passed for process in all_)
    await world.close()


async def test_a_killed_process_is_replaced_within_its_leases_time(world: World) -> None:
    """Its beats and leases run out together; fifteen seconds after its death every job is done."""
    both = killed, other = world.process(), world.process()
    await world.pass_time(10, *both)
    assert len(killed.held) == len(other.held) == 2

    await world.pass_time(14, other)

    assert other.held == set(JOBS)
    assert killed.held == set()
    await world.close()


async def test_a_process_that_loses_the_log_alone_leaves_its_jobs_to_the_others(world: World) -> None:
    """After a while, for it may be back at once; its share is its own again when the log is back."""
    both = cut_off, other = world.process(), world.process()
    await world.pass_time(10, *both)

    cut_off.away_since = world.clock.monotonic()
    await world.pass_time(HAND_BACK_S - BEAT_S, *both)
    held_at_first = len(cut_off.held), len(other.held)
    await world.pass_time(2 * BEAT_S, *both)
    held_later = cut_off.held, other.held
    cut_off.away_since = None
    await world.pass_time(10, *both)

    assert held_at_first == (2, 2)
    assert held_later == (set(), set(JOBS))
    assert (len(cut_off.held), len(other.held)) == (2, 2)
    await world.close()


async def test_processes_that_all_lose_the_log_keep_their_jobs(world: World) -> None:
    """One hands back, for another had not noticed yet, or has died since: then what is free is claimed all the same."""
    all_ = first, second, third = world.process(), world.process(), world.process()
    await world.pass_time(10, *all_)
    before = [process.held for process in all_]

    for process in (first, second):
        process.away_since = world.clock.monotonic()
    await world.pass_time(BEAT_S, *all_)
    third.away_since = world.clock.monotonic()
    await world.pass_time(60, *all_)  # nobody gives way to somebody who does
    kept = [process.held for process in all_]
    await world.pass_time(14, first, second)

    assert kept == before
    assert third.held == set()
    assert first.held | second.held == set(JOBS)
    await world.close()


async def test_a_process_without_the_log_does_every_job_if_there_is_no_other(world: World) -> None:
    """The last that has the log dies: somebody has to let the database stand by."""
    both = cut_off, other = world.process(), world.process()
    await world.pass_time(10, *both)
    cut_off.away_since = world.clock.monotonic()
    await world.pass_time(HAND_BACK_S + BEAT_S, *both)

    await world.pass_time(14, cut_off)

    assert other.held == set()
    assert cut_off.held == set(JOBS)
    await world.close()


async def test_a_stopped_process_is_replaced_at_once(world: World) -> None:
    """It lets go of the leases and is gone for the counts: the other's next step takes all."""
    both = stopped, other = world.process(), world.process()
    await world.pass_time(10, *both)

    await stopped.shares.close()
    await world.pass_time(BEAT_S, other)

    assert other.held == set(JOBS)
    await world.close()


async def test_a_lease_is_let_go_after_the_present_transaction(world: World) -> None:
    """A stop waits for the step; only then may another process have the lease."""
    process = world.process()
    await process.step()
    busy = process.jobs[JOBS[0]]
    busy.go_on.clear()
    busy.stepping.clear()
    process.shares.notify()
    await busy.stepping.wait()

    released = asyncio.Event()

    async def tell() -> None:
        released.set()

    process.places.once("before release", tell)
    closing = asyncio.create_task(process.shares.close())
    await released.wait()
    held_meanwhile = world.store.leases[JOBS[0]].owner
    busy.go_on.set()
    await closing

    assert held_meanwhile == "process-0"
    assert [row.owner for row in world.store.leases.values()] == [""] * 4


async def test_a_long_transaction_costs_no_other_lease(world: World) -> None:
    """While one job is being handed back, the others are held, and it is not claimed anew before."""
    first, second = world.process(), world.process()
    await first.step()
    busy = first.jobs[JOBS[3]]
    busy.go_on.clear()
    busy.stepping.clear()
    first.shares.notify()
    await busy.stepping.wait()

    await second.shares.step()
    for _ in range(10):
        world.clock.move(BEAT_S)
        await first.shares.step()
        await second.shares.step()

    assert {*JOBS[:2]} <= first.held
    assert JOBS[3] not in first.held
    busy.go_on.set()
    await first.shares.settled()
    await world.close()


async def test_a_lost_lease_ends_its_job(world: World) -> None:
    """Another process has it: the runner is stopped, and the job is not this one's any more."""
    process = world.process()
    await process.step()
    world.store.leases[JOBS[2]] = world.store.leases[JOBS[2]]._replace(owner="somebody", token=9, until=1e18)

    await process.step()
    await process.step()

    assert process.held == {JOBS[0], JOBS[1], JOBS[3]}
    assert len(process.shares.runners) == 3
    await world.close()


async def test_a_job_is_not_claimed_anew_before_its_last_step_is_over(world: World) -> None:
    """The lease was lost and is free again: two runners of one job never run beside each other."""
    process = world.process()
    await process.step()
    busy = process.jobs[JOBS[0]]
    busy.go_on.clear()
    busy.stepping.clear()
    process.shares.notify()
    await busy.stepping.wait()
    world.store.leases[JOBS[0]] = world.store.leases[JOBS[0]]._replace(owner="", token=9, until=0)

    for _ in range(3):
        await process.shares.step()
    held_meanwhile = process.held
    busy.go_on.set()
    await process.shares.settled()
    await process.step()

    assert held_meanwhile == set(JOBS[1:])
    assert process.held == set(JOBS)
    assert process.jobs[JOBS[0]] is not busy
    await world.close()


async def test_a_claim_without_an_answer_is_repeated_at_once(world: World) -> None:
    """The lease is this process's own, so it need not run out first."""
    process = world.process()
    process.places.fail("after claim", UnavailableError("the answer is lost"))
    with pytest.raises(UnavailableError):
        await process.step()

    await process.step()

    assert process.held == set(JOBS)
    await world.close()


async def test_a_process_claims_no_more_than_its_share(world: World) -> None:
    """Two start at once: the first leaves the second its half."""
    first, second = world.process(), world.process()
    await DictDatabase(world.store, Places()).beat("process-1", TTL_S)

    await first.step()
    await second.step()

    assert len(first.held) == len(second.held) == 2
    await world.close()


async def test_jobs_stop_before_their_leases_may_be_anothers(world: World) -> None:
    """The database is away: nothing can be renewed, so when the time is over nothing is done; then all comes back."""
    process = world.process()
    await process.step()
    world.store.away = True

    await world.pass_time(TTL_S - BEAT_S, process)
    held_shortly_before = process.held
    await world.pass_time(2 * BEAT_S, process)
    held_after, running_after = process.held, process.shares.runners
    world.store.away = False
    await world.pass_time(BEAT_S, process)

    assert held_shortly_before == set(JOBS)
    assert (held_after, running_after) == (set(), [])
    assert process.held == set(JOBS)
    await world.close()


async def test_a_failed_step_says_so_and_keeps_what_is_held(world: World) -> None:
    """The runner repeats it; jobs go on meanwhile."""
    process = world.process()
    await process.step()
    process.places.fail("before beat", UnavailableError("away"))

    with pytest.raises(UnavailableError):
        await process.shares.step()

    assert process.held == set(JOBS)
    await world.close()


async def test_a_stop_without_a_database_ends_all_the_same(world: World) -> None:
    """The leases run out by themselves."""
    process = world.process()
    await process.step()
    world.store.away = True

    await process.shares.close()

    assert process.shares.runners == []


async def test_a_lease_that_another_process_is_quicker_to_claim_is_left_to_it(world: World) -> None:
    """It looked free; the next one is tried, and nothing runs without a lease."""
    slow, quick = world.process(), world.process()

    async def overtake() -> None:
        await quick.shares.step()

    slow.places.once("before claim", overtake)
    await slow.step()

    assert slow.held.isdisjoint(quick.held)
    assert len(slow.shares.runners) == len(slow.held)
    await world.close()
