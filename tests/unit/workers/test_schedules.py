"""Workers, writers and faults in random orders: every schedule ends with each acknowledged entry stored once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import pytest

from parley.domain.errors import ParleyError
from parley.domain.events import Position
from parley.domain.grants import Life
from parley.workers.persist import PersistJob
from tests.unit.workers.doubles_sharing import Places
from tests.unit.workers.persisting import Process, World

SCHEDULES = 300
SLICES = 20


class Drawn(Places):
    """Every call takes a few turns of the loop and some time, now and then so long that its lease is another's."""

    def __init__(self, rng: Random, world: World) -> None:
        """Draw from ``rng``."""
        super().__init__()
        self._rng = rng
        self._world = world

    async def at(self, place: str) -> None:
        """Take turns and time."""
        await super().at(place)
        turns = self._rng.choice((0, 0, 0, 1, 2, 5, 60))
        self._world.clock.move(self._rng.random() * (0.02 if turns < 60 else 12))
        for _ in range(turns):
            await asyncio.sleep(0)


class Worker:
    """A process that claims, steps, renews now and then, and claims again."""

    def __init__(self, world: World, owner: str, rng: Random) -> None:
        """Work in ``world``."""
        self.process: Process = world.process(owner)
        self.process.places = self.process.log._places = self.process.database._places = Drawn(rng, world)
        self._rng = rng
        self._job: PersistJob | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stop.is_set():
            with suppress(ParleyError):
                await self._step()
            self.process.clock.move(0.05)
            await asyncio.sleep(0)

    async def _step(self) -> None:
        if self._job is None or not self.process.tenure.is_sure:
            self._job = await self.process.claim()
        if self._job is not None:
            if self._rng.random() < 0.3:
                await self.process.tenure.renew()
            await self._job.step()


class Writers:
    """Append in lives that they learnt of some time ago, and say what they miss."""

    def __init__(self, world: World, rng: Random) -> None:
        """Write in ``world``."""
        self.told: list[Position] = []
        self._world = world
        self._rng = rng
        self._lives: list[Life] = []

    def turn(self) -> None:
        """Learn of the present life perhaps, and append in any that was ever learnt of."""
        if self._rng.random() < 0.5:
            self._lives.append(self._world.store.row.life)
        for life in self._lives[-3:]:
            if (position := self._world.engine.append(life, messages=self._rng.randint(1, 3))) is not None:
                self.told.append(position)


def fault(world: World, rng: Random) -> bool:
    """Draw a fault that loses no entry, or one that loses all; give whether entries may be missing."""
    drawn = rng.random()
    if drawn < 0.1:
        world.engine.restart()
    elif drawn < 0.15:
        world.engine.loaded.clear()
    elif drawn < 0.25:
        world.engine.away = not world.engine.away
    elif drawn < 0.35:
        world.store.away = not world.store.away
    elif drawn < 0.4:
        world.engine.short.add(world.store.row.life.epoch)
    elif drawn < 0.45:
        world.engine.flush()
        return True
    return False


@pytest.mark.parametrize("seed", range(SCHEDULES))
async def test_two_workers_store_every_entry_once_whatever_the_order(seed: int) -> None:
    """Sleeps, takeovers, restarts, outages and flags at any point; after a flush alone entries may be missing."""
    world, rng = World(), Random(seed)
    workers = [Worker(world, owner, rng) for owner in ("a", "b")]
    writers = Writers(world, rng)
    stop = asyncio.Event()
    running = [asyncio.create_task(worker.run(stop)) for worker in workers]
    flushed_until = 0

    for _ in range(SLICES):
        for _ in range(rng.randint(1, 40)):
            await asyncio.sleep(0)
            if rng.random() < 0.3:
                writers.turn()
        if fault(world, rng):
            flushed_until = len(writers.told)
    world.engine.away = world.store.away = False
    for _ in range(50_000):
        await asyncio.sleep(0)
        if world.is_served and set(writers.told[flushed_until:]) <= set(world.store.applied):
            break
    stop.set()
    await asyncio.gather(*running)
    world.clock.move(12)
    await world.settle(await world.process("c").must_claim())  # a late seal by one of them is healed

    assert world.is_served
    assert len(world.store.applied) == len(set(world.store.applied))
    assert world.store.applied == sorted(world.store.applied)
    assert set(writers.told[flushed_until:]) <= set(world.store.applied) <= set(world.engine.acknowledged)
