"""The server profile in one process: a log on Redis, and jobs that store into MariaDB what lies on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Final

from parley.database.mysql.address import parse_address
from parley.database.mysql.session import connect
from parley.domain.errors import ParleyError
from parley.domain.events import Entry, Position, position_id
from parley.domain.numbering import Outcome, Refused
from parley.domain.partitions import partition_of
from parley.ingest.lives import PresentLives
from parley.ingest.recovery import RECOVERABLE, Case, Found, Recovery
from parley.log.batch import FixedBatch
from parley.storage.port import Opening
from parley.storage.sharing import persist_lease
from parley.workers.persist import PersistJob
from parley.workers.tenure import Tenure
from tests.support.persisters import Site, Worker, open_site
from tests.support.ports import KEY_TTL_S, PARTITIONS, Profile
from tests.unit.workers.doubles import StillClock

DECIDED_S: Final = 30.0
"""Within this time the log has been told all that it lacks."""


class ServedPorts(Profile):
    """One process that writes as a writer does, and holds the leases of all partitions.

    The log's time is the test's clock: a lease-holder tells a log where time goes on, here ahead of the engine's own.
    """

    def __init__(
        self, site: Site, clock: StillClock, *, scan_max_messages: int = 200_000, scan_max_s: float = 1
    ) -> None:
        """Name the servers; `open` opens what is on them."""
        self.url = site.database_url
        self._site = site
        self.clock = clock
        self._rng = Random(1)
        self._scan_bounds = scan_max_messages, scan_max_s
        self._storing = asyncio.Lock()
        self._told_ms = 0

    async def open(self) -> None:
        """Open it, as processes do that start, and take the partitions."""
        new_token = lambda: self._rng.randbytes(16).hex()  # noqa: E731 - as bootstrap passes it
        opening = Opening(self.clock, new_token, PARTITIONS, KEY_TTL_S, 4, *self._scan_bounds)
        self._stack = AsyncExitStack()
        storage, log = await open_site(self._site, opening, self._stack)
        self.storage, self.tenants, self.changes, self.erasure, *_ = storage
        self.log = log.log
        self._worker = Worker(storage, log, self.clock)
        self._held = await asyncio.gather(*map(self._take_partition, range(PARTITIONS)))
        await self.store()
        lives = PresentLives(self._worker.shared.scopes, self._worker.apart.feeding)
        self._recovery = Recovery(self._worker.shared.scopes, self._worker.apart.feeding, lives)
        await lives.renew()

    async def close(self) -> None:
        """Close it, as processes do that stop."""
        await self._stack.aclose()

    async def append(self, *batch: Entry) -> Sequence[Outcome]:
        """Append a batch, and again what the log could not decide once it was told what it lacked, and store it all."""
        await self._tell_time()
        outcomes = dict[int, Outcome]()
        async with asyncio.timeout(DECIDED_S):
            while waiting := {place: entry for place, entry in enumerate(batch) if place not in outcomes}:
                answers = await self.log.append(FixedBatch(list(waiting.values())))
                settled = await asyncio.gather(*map(self._recover, waiting.values(), answers))
                outcomes |= {place: outcome for place, outcome in zip(waiting, settled, strict=True) if outcome}
        await self._store({partition_of(entry.token, PARTITIONS) for entry in batch})
        return [outcomes[place] for place in range(len(batch))]

    async def store(self) -> None:
        """Have the jobs store all that lies on the log."""
        await self._store(range(PARTITIONS))

    async def count(self, rows: str) -> int:
        """Count rows."""
        session = await connect(parse_address(self.url), {})
        try:
            return int((await session.execute(f"select count(*) from {rows}", ())).rows[0][0])  # noqa: S608
        finally:
            await session.close()

    async def _recover(self, entry: Entry, outcome: Outcome) -> Outcome | None:
        """Give the outcome, or ``None`` if the entry is to be sent again."""
        if not isinstance(outcome, Refused) or outcome.reason not in RECOVERABLE:
            return outcome
        found: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._recovery.take(Case(entry, outcome, found.set_result))
        recovered = await found
        if isinstance(recovered, ParleyError):
            raise recovered
        return recovered

    async def _take_partition(self, partition: int) -> tuple[Tenure, PersistJob]:
        tenure = await self._worker.claimant().claim(persist_lease(partition))
        assert tenure is not None, "another process holds the lease"
        self._stack.push_async_callback(tenure.end)
        return tenure, self._worker.job(partition, tenure)

    async def _store(self, partitions: Iterable[int]) -> None:
        async with self._storing:
            await asyncio.gather(*map(self._store_partition, partitions))

    async def _store_partition(self, partition: int) -> None:
        tenure, job = self._held[partition]
        if not tenure.is_sure:
            await tenure.confirm()
        while await job.step() == 0:
            pass

    async def _tell_time(self) -> None:
        """Have the log go on from the clock's time, as a lease-holder does whose database has seen later times."""
        if self.clock.now <= self._told_ms:
            return
        self._told_ms = self.clock.now
        for row in await self._worker.shared.scopes.partitions():
            floor = Position(row.life.epoch, position_id(self.clock.now))
            await self._worker.apart.keeper.open(row.id, row.life, floor, 0)
