"""The workers of one process, as it stops."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from parley.bootstrap.working import Working
from parley.workers.runner import Runner


class Slow:
    """A `Job` whose step ends when the test says so."""

    def __init__(self, name: str) -> None:
        """Have a name."""
        self.name = name
        self.began, self.ends = asyncio.Event(), asyncio.Event()

    async def step(self) -> float:
        """Wait for the test."""
        self.began.set()
        await self.ends.wait()
        return 1


async def test_leases_of_one_job_do_not_wait_for_a_step_of_another() -> None:
    """Whoever takes a partition over need not wait until this process has fed its index."""
    persist, index = jobs = Slow("shares"), Slow("index")
    closed = [asyncio.Event(), asyncio.Event()]

    async def close(event: asyncio.Event) -> None:
        event.set()

    runners = tuple(Runner(job, jitter=lambda: 0.5, on_failure=pytest.fail) for job in jobs)
    working = Working(lambda: None, runners, closers=tuple(partial(close, event) for event in closed))
    working.start()
    await asyncio.gather(persist.began.wait(), index.began.wait())
    stopping = asyncio.create_task(working.stop())
    persist.ends.set()
    await asyncio.wait_for(closed[0].wait(), 5)

    assert (closed[1].is_set(), stopping.done()) == (False, False)
    index.ends.set()
    await stopping
    assert closed[1].is_set()
