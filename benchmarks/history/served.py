"""Loads a history into a shared database, as the lease-holders of all partitions store what lies on a log."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from benchmarks.history.entries import Numbered, batches
from parley.domain.events import ChatCreated, Depth, Event, Logged, Position, position_id
from parley.domain.grants import Life, Partition
from parley.domain.partitions import partition_of
from parley.storage.sharing import Lease, Shared, persist_lease
from parley.telemetry.clock import SystemClock

APPLY_ROWS: Final = 10_000

_OWNER: Final = "history"
_LEASE_S: Final = 3_600.0


class Persister:
    """Holds one partition and stores entries in it, one transaction after the other."""

    def __init__(self, shared: Shared, row: Partition, lease: Lease) -> None:
        """Go on where the partition's row is."""
        self._persisting = shared.persisting
        self._partition = row.id
        self._stored = self._last = row.position
        self._lease = lease
        self._clock = SystemClock()

    async def store(self, batch: Sequence[Numbered]) -> None:
        """Give the entries positions and store them.

        Raises:
            ValueError: not all of it became rows: the store has another history.
        """
        logged = [self._log(each) for each in batch]
        applied = await self._persisting.apply(self._partition, self._lease, self._stored, logged)
        self._stored = self._last
        messages = sum(each.rows for each in batch if not isinstance(each.entry.what, ChatCreated))
        if applied != (messages, 0, 0):
            raise ValueError(f"partition {self._partition}: {applied} of {messages} messages")

    def _log(self, numbered: Numbered) -> Logged:
        last = self._last
        self._last = Position(last.epoch, max(position_id(self._clock.now_ms()), last.id + 1))
        return Logged(self._last, Event(self._last, numbered.number, numbered.entry), b"", Depth())


@asynccontextmanager
async def holding(shared: Shared) -> AsyncIterator[list[Persister]]:
    """Hold every partition, its log in a life that has begun; nobody else may hold one."""
    rows = await shared.scopes.partitions()
    leases = [await _claim(shared, row.id) for row in rows]
    try:
        for row, lease in zip(rows, leases, strict=True):
            if not row.life.run_id:
                floor = Position(row.life.epoch + 1, position_id(SystemClock().now_ms()))
                await shared.persisting.open_life(row.id, lease, Life(floor.epoch, _OWNER), floor)
        rows = await shared.scopes.partitions()
        yield [Persister(shared, row, lease) for row, lease in zip(rows, leases, strict=True)]
    finally:
        for lease in leases:
            await shared.leases.release(lease)


async def load(shared: Shared, entries: Iterable[Numbered]) -> None:
    """Store the entries, all partitions side by side."""
    async with holding(shared) as persisters:
        for batch in batches(entries, APPLY_ROWS * len(persisters)):
            parts: dict[int, list[Numbered]] = defaultdict(list)
            for each in batch:
                parts[partition_of(each.entry.token, len(persisters))].append(each)
            storing = [persisters[partition].store(part) for partition, part in parts.items()]
            failures = await asyncio.gather(*storing, return_exceptions=True)  # none goes on beside what follows
            for failure in filter(None, failures):
                raise failure


async def _claim(shared: Shared, partition: int) -> Lease:
    lease = await shared.leases.claim(persist_lease(partition), _OWNER, _LEASE_S)
    if lease is None:
        raise RuntimeError(f"partition {partition} is held by a worker")
    return lease
