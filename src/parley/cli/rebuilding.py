"""Ends the present life of partitions' logs, and sees to it that the next begins.

A life may be ended by anybody: nothing is written in it any more, and nothing on it is lost. What follows is the
lease-holder's alone (store what lies there, then open the next epoch), and it does so by itself when it finds its log
sealed. So this asks no worker to hand over its lease, and kills none. A partition that nobody holds is claimed here,
and the same job is run that a worker would run.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import Final

from parley.bootstrap.ports import Beside
from parley.domain.errors import ConflictError, UnavailableError
from parley.domain.grants import Partition
from parley.storage.sharing import persist_lease
from parley.telemetry.clock import Clock
from parley.telemetry.metrics import Metrics
from parley.workers.leased import RENEW_S
from parley.workers.lives import Means, find_row
from parley.workers.persist import PersistJob
from parley.workers.tenure import Claimant, Tenure

POLL_S: Final = 0.1
STANDSTILL_S: Final = 30.0
"""A paused worker's lease runs out long before; a drain of any length moves on all the time."""


class Rebuilding:
    """Takes partitions from their present epoch to a later one."""

    def __init__(self, beside: Beside, clock: Clock, key_ttl_s: int, tell: Callable[[Partition, str], None]) -> None:
        """Work on these ports; ``tell`` hears of each step."""
        self._keeper, self._database = beside.log.keeper, beside.database
        self._clock = clock
        self._tell = tell
        self._means = Means(beside.log, beside.database, clock, Metrics(), key_ttl_s)
        owner = f"{socket.gethostname()}:rebuild-sequences:{secrets.token_hex(4)}"
        self._claimant = Claimant(beside.database.leases, owner, clock)

    async def run(self, rows: Sequence[Partition]) -> None:
        """Begin a new epoch of each partition, one after the other: at any time the others are served.

        Raises:
            UnavailableError: a server is away, or a partition's lease-holder does nothing.
        """
        for row in rows:
            await self._end(row)
            opened = await self._await_next(row)
            self._tell(row, f"epoch {opened.life.epoch} is open, after {row.life.epoch}")

    async def _end(self, row: Partition) -> None:
        vitals = await self._keeper.examine(row.id, row.life)
        if vitals.epoch is None:
            self._tell(row, f"epoch {row.life.epoch} has no log that is open")
            return
        await self._keeper.seal(row.id)
        self._tell(row, f"epoch {row.life.epoch} is sealed")

    async def _await_next(self, row: Partition) -> Partition:
        """Return when a later epoch is open, and open it if nobody else does."""
        reached, moved_at = row.position, self._clock.monotonic()
        while not await self._is_open(row, present := await find_row(self._database.scopes, row.id)):
            if present.position != reached:
                reached, moved_at = present.position, self._clock.monotonic()
            if self._clock.monotonic() - moved_at > STANDSTILL_S:
                raise UnavailableError(
                    f"whoever holds the lease of partition {row.id} has stored nothing for {STANDSTILL_S:.0f} s; "
                    "its log stays sealed until that worker goes on: look at its log lines, or stop it and repeat this"
                )
            tenure = None if await self._is_held(row) else await self._claimant.claim(persist_lease(row.id))
            if tenure is None:
                await asyncio.sleep(POLL_S)
                continue
            self._tell(row, "nobody stores it: done here")
            await self._persist_on(row, tenure)
        return present

    async def _is_open(self, before: Partition, present: Partition) -> bool:
        """Tell whether the log is in a later epoch, whoever opened it."""
        if present.life.epoch <= before.life.epoch:
            return False
        return (await self._keeper.examine(present.id, present.life)).epoch == present.life.epoch

    async def _is_held(self, row: Partition) -> bool:
        holders = await self._database.leases.holders()
        return any(holder.job == persist_lease(row.id) and holder.is_live for holder in holders)

    async def _persist_on(self, row: Partition, tenure: Tenure) -> None:
        """Do a worker's job until the next epoch is open, or another has the lease."""
        job = PersistJob(row.id, tenure, self._means)
        try:
            while tenure.is_sure and not await self._is_open(row, await find_row(self._database.scopes, row.id)):
                if tenure.age_s >= RENEW_S:
                    await tenure.renew()
                await asyncio.sleep(await job.step())
        except ConflictError:
            self._tell(row, "taken over by a worker")
        finally:
            await tenure.end()
