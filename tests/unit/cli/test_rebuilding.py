"""A new epoch by hand: done by whoever stores the partition, or here if nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from parley.bootstrap.ports import Beside
from parley.cli.rebuilding import STANDSTILL_S, Rebuilding
from parley.domain.errors import UnavailableError
from parley.domain.grants import Partition
from parley.workers.persist import PersistJob
from tests.unit.workers.doubles import StillClock
from tests.unit.workers.doubles_sharing import apart, shared
from tests.unit.workers.persisting import KEY_TTL_S, Process, World


class HurryingClock(StillClock):
    """Time that passes whenever somebody looks."""

    def monotonic(self) -> float:
        """Let a second pass."""
        self.move(1)
        return super().monotonic()


def rebuilding(process: Process, told: list[str], clock: StillClock) -> Rebuilding:
    """Make what the command makes, with ways of its own to log and database."""
    beside = Beside(apart(process.log), shared(process.database))

    def tell(row: Partition, what: str) -> None:
        told.append(f"{row.id}: {what}")

    return Rebuilding(beside, clock, KEY_TTL_S, tell)


@asynccontextmanager
async def stepping(job: PersistJob) -> AsyncIterator[None]:
    """Run a worker's job beside."""

    async def run() -> None:
        while True:
            await job.step()
            await asyncio.sleep(0)

    running = asyncio.create_task(run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_command_does_it_where_no_worker_is() -> None:
    """What lies on the log is stored first; the lease is free again at once."""
    world = World()
    _, job = await world.served()
    waiting = world.append(3)
    await job._tenure.end()
    told: list[str] = []

    await rebuilding(world.process("cli"), told, world.clock).run([world.store.row])

    assert told == ["0: epoch 2 is sealed", "0: nobody stores it: done here", "0: epoch 3 is open, after 2"]
    assert world.store.applied == waiting
    assert world.is_served
    assert await world.process("b").claim() is not None


async def test_the_worker_does_it_where_there_is_one() -> None:
    """It keeps its lease, and is not asked for it."""
    world = World()
    worker, job = await world.served()
    waiting = world.append(3)
    cli = world.process("cli")
    told: list[str] = []

    async with stepping(job):
        await rebuilding(cli, told, world.clock).run([world.store.row])

    assert told == ["0: epoch 2 is sealed", "0: epoch 3 is open, after 2"]
    assert world.store.applied == waiting
    assert worker.tenure.is_sure
    assert "before claim" not in cli.places.passed
    assert worker.opened() == {"first": 1, "sealed": 1}


async def test_a_paused_workers_lease_is_taken_over_when_it_has_run_out() -> None:
    """As another worker would; the paused one finds nothing to do when it wakes up."""
    world = World()
    paused, _ = await world.served()
    world.append(2)
    cli = world.process("cli")
    told: list[str] = []

    async def run_out() -> None:
        world.clock.move(11)

    cli.places.once("before holders", run_out)
    await rebuilding(cli, told, world.clock).run([world.store.row])

    assert world.store.row.life.epoch == 3
    assert not paused.tenure.is_sure


async def test_a_worker_that_stands_still_is_named() -> None:
    """It holds the lease, and does nothing: the sentence says what to do."""
    world = World()
    await world.served()
    cli = world.process("cli")

    with pytest.raises(UnavailableError, match=f"stored nothing for {STANDSTILL_S:.0f} s"):
        await rebuilding(cli, [], HurryingClock()).run([world.store.row])


async def test_a_log_that_nobody_ever_opened_is_opened() -> None:
    """There is nothing to seal."""
    world = World()
    told: list[str] = []

    await rebuilding(world.process("cli"), told, world.clock).run([world.store.row])

    assert told[0] == "0: epoch 1 has no log that is open"
    assert world.is_served
