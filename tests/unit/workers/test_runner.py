"""The runner: steps, wake-ups, back-off, stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from parley.domain.errors import UnavailableError
from parley.workers.runner import LONGEST_BACKOFF_S, Runner, Status, wait_for_event

IDLE_S = 1_000.0


class Scripted:
    """A job whose steps do what the test says, then wait for ever."""

    name = "scripted"

    def __init__(self, *steps: float | Exception | Callable[[], float]) -> None:
        """Take the steps."""
        self.done = 0
        self.inside = asyncio.Event()
        self.second = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.idle = asyncio.Event()
        self._steps = list(steps)

    async def step(self) -> float:
        """Do the next."""
        self.inside.set()
        await self.go_on.wait()
        outcome = self._steps[self.done] if self.done < len(self._steps) else IDLE_S
        self.done += 1
        if self.done == 2:
            self.second.set()
        if isinstance(outcome, Exception):
            raise outcome
        if self.done > len(self._steps):
            self.idle.set()
        return outcome() if callable(outcome) else outcome


class Waits:
    """Waits that are over at once, except the idle ones; remembers how long they would have been."""

    def __init__(self) -> None:
        """Remember none yet."""
        self.seconds: list[float] = []

    async def __call__(self, event: asyncio.Event, timeout_s: float) -> None:
        """Wait for the event alone when idle."""
        self.seconds.append(timeout_s)
        if timeout_s == IDLE_S:
            await event.wait()


@asynccontextmanager
async def running(job: Scripted, waits: Waits, failures: list[str]) -> AsyncIterator[Runner]:
    """Run a job while inside, and stop it."""
    runner = Runner(job, jitter=lambda: 1.0, on_failure=failures.append, wait=waits)
    runner.start()
    try:
        yield runner
    finally:
        await runner.stop()


async def test_a_job_steps_at_once_while_there_is_work() -> None:
    """A step that gives 0 is followed by the next without a wait, another one by its wait."""
    job, waits = Scripted(0, 0, 2.5, 0), Waits()

    async with running(job, waits, []):
        await job.idle.wait()

    assert job.done == 5
    assert waits.seconds[0] == 2.5


async def test_a_waiting_job_is_woken() -> None:
    """A notification cuts the wait short, also one that came while the step was at work."""
    job, waits = Scripted(IDLE_S, IDLE_S), Waits()
    job.go_on.clear()

    async with running(job, waits, []) as runner:
        await job.inside.wait()
        runner.notify()
        job.go_on.set()
        await job.second.wait()
        runner.notify()
        await job.idle.wait()

    assert job.done == 3


async def test_a_failing_job_backs_off_and_says_so() -> None:
    """Each failure is a log line and a count, waits double up to a bound, and success ends them."""
    errors = [UnavailableError(f"away {number}") for number in range(11)]
    seen: list[Status] = []

    def look() -> float:
        seen.append(runner.status)
        return 0

    job, waits, failures = Scripted(*errors, look, look), Waits(), list[str]()

    with capture_logs() as lines:
        async with running(job, waits, failures) as runner:
            await job.idle.wait()

    assert waits.seconds[:4] == [0.1, 0.2, 0.4, 0.8]
    assert max(waits.seconds[:11]) == LONGEST_BACKOFF_S
    assert failures == ["scripted"] * 11
    assert seen == [(11, "away 10"), (0, None)]
    assert [line["error"] for line in lines if line["event"] == "worker failed"] == [error.detail for error in errors]
    assert [line["failures"] for line in lines if line["event"] == "worker recovered"] == [11]


async def test_a_job_in_a_hurry_backs_off_less() -> None:
    """What others wait for is tried again soon, however often it failed."""
    job, waits = Scripted(*[UnavailableError("away")] * 9), Waits()
    runner = Runner(job, jitter=lambda: 1.0, on_failure=lambda _: None, longest_backoff_s=2.0, wait=waits)

    runner.start()
    await job.idle.wait()
    await runner.stop()

    assert waits.seconds[:9] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 2.0]


async def test_a_job_outlives_an_error_nobody_thought_of() -> None:
    """A bug is logged as an error with its traceback, counted, and the job goes on."""
    job, waits, failures = Scripted(ZeroDivisionError("bug")), Waits(), list[str]()

    with capture_logs() as lines:
        async with running(job, waits, failures):
            await job.idle.wait()

    assert failures == ["scripted"]
    assert [(line["log_level"], type(line["exc_info"])) for line in lines if line["event"] == "worker failed"] == [
        ("error", ZeroDivisionError)
    ]


@pytest.mark.parametrize(("drawn", "wait_s"), [(0.0, 0.05), (0.5, 0.075), (1.0, 0.1)])
async def test_a_back_off_is_jittered(drawn: float, wait_s: float) -> None:
    """Between half and the whole of it, so that many do not come back at once."""
    job, waits = Scripted(UnavailableError("away")), Waits()
    runner = Runner(job, jitter=lambda: drawn, on_failure=lambda _: None, wait=waits)

    runner.start()
    await job.idle.wait()
    await runner.stop()

    assert waits.seconds[0] == pytest.approx(wait_s)


async def test_a_failing_job_is_not_hurried_by_notifications() -> None:
    """Writes go on while the index is away; they must not turn the back-off into a storm."""
    job = Scripted(UnavailableError("away"))
    runner = Runner(job, jitter=lambda: 1.0, on_failure=lambda _: None, wait=wait_for_event)
    runner.start()
    await job.inside.wait()
    loop = asyncio.get_running_loop()
    began = loop.time()

    while not job.idle.is_set():
        runner.notify()
        await asyncio.sleep(0.001)

    assert loop.time() - began >= 0.09
    await runner.stop()


async def test_a_stop_lets_the_step_finish() -> None:
    """A transaction is never cut: the stop returns after the step, and no further step begins."""
    job, waits = Scripted(0, 0, 0), Waits()
    job.go_on.clear()
    runner = Runner(job, jitter=lambda: 1.0, on_failure=lambda _: None, wait=waits)
    runner.start()
    await job.inside.wait()

    stopping = asyncio.create_task(runner.stop())
    await asyncio.sleep(0)
    done_before, job_done = stopping.done(), job.done
    job.go_on.set()
    await stopping

    assert (done_before, job_done, job.done) == (False, 0, 1)


async def test_a_stop_ends_a_wait_at_once() -> None:
    """Neither an idle job nor one that backs off holds a stop up."""
    for job in (Scripted(), Scripted(*[UnavailableError("away")] * 10)):
        runner = Runner(job, jitter=lambda: 1.0, on_failure=lambda _: None)
        runner.start()
        await job.inside.wait()

        async with asyncio.timeout(1):
            await runner.stop()

        assert job.done == 1
