"""Stores what lies on one partition's log, each entry exactly once, and lets go of it there."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import structlog

from parley.domain.errors import ConflictError
from parley.domain.events import Logged, Position
from parley.domain.grants import Partition
from parley.storage.batches import BATCH_ENTRIES, Batch
from parley.storage.sharing import persist_lease
from parley.workers.granting import Granting
from parley.workers.lives import Lives, Means, find_row
from parley.workers.tenure import Tenure

POLL_S: Final = 0.05

TRIM_AFTER_S: Final = 1.0
"""What is stored stays on the log for so long that those who follow it have read it, and need forget nothing."""

AWAY_S: Final = 1.0
"""How long the log is away until the database stands by."""

AWAY_POLL_S: Final = 0.25
"""Between two looks whether it is back."""

_log = structlog.get_logger(__name__)


class PersistJob:
    """A `Job`, for as long as its tenure is sure: read, store in one transaction, trim, again.

    The position in the database is the only truth about progress: after every failure it is read again. A conflict
    while another process has the lease ends the tenure, and nothing more is done under it.
    """

    def __init__(self, partition: int, tenure: Tenure, means: Means) -> None:
        """Persist a partition under a tenure."""
        self.name = persist_lease(partition)
        self._partition = partition
        self._tenure = tenure
        self._stream, self._keeper = means.log.stream, means.log.keeper
        self._database = means.database
        self._clock, self._metrics = means.clock, means.metrics
        self._granting = Granting(means.database.scopes, means.log.feeding)
        self._lives = Lives(tenure, means)
        self._away_s = means.away_s
        self._row: Partition | None = None
        self._waiting: Sequence[Logged] = ()
        """Entries that were read and are not stored."""
        self._stored: deque[tuple[float, Logged]] = deque()
        """Entries that may be let go of up to them, and from when on."""
        self._has_more = False
        self._behind_since: int | None = None
        means.metrics.partition_lag_ms.child(str(partition)).watch(self.lag_ms)

    def lag_ms(self) -> int:
        """Give how old the oldest entry is that is known to wait; 0 if none is, or others care for the partition."""
        if self._behind_since is None or not self._tenure.is_sure:
            return 0
        return max(1, self._clock.now_ms() - self._behind_since)

    async def step(self) -> float:
        """Do one batch, or one step from one life of the log to the next."""
        if not self._tenure.is_sure:
            return POLL_S
        away_s = self._away_s(self._partition)
        try:
            if away_s:
                return await self._sit_out(away_s)
            return await self._go_on(self._row or await self._take_up())
        except ConflictError as error:
            self._forget()
            if await self._tenure.renew():
                raise
            _log.warning("partition lost", partition=self._partition, error=error.detail)
            return POLL_S
        except BaseException:
            self._forget()
            raise

    async def _sit_out(self, away_s: float) -> float:
        """Leave a log alone that is away; after a while the database stands by."""
        self._forget()
        if away_s < AWAY_S:
            return AWAY_S - away_s
        await self._lives.stand_by(await find_row(self._database.scopes, self._partition))
        return AWAY_POLL_S

    def _forget(self) -> None:
        self._row = None
        self._waiting = ()
        self._stored.clear()
        self._lives.look_again()

    async def _take_up(self) -> Partition:
        """Read where the database is, and trim what was stored by one who did not come to trim it."""
        row = await find_row(self._database.scopes, self._partition)
        before = Position(row.position.epoch, max(0, row.position.id - 1))
        reading = await self._stream.read({row.id: before}, 1)
        for logged in reading.entries.get(row.id, ())[:1]:
            if logged.position == row.position:
                await self._keeper.trim(row.id, logged)
        return row

    async def _go_on(self, row: Partition) -> float:
        row = self._row = await self._lives.tend(row)
        await self._trim(row)
        if not self._waiting:
            self._waiting = await self._read(row)
        if self._waiting:
            return await self._store(row, self._waiting)
        if not self._lives.is_ending:
            return POLL_S
        self._row = await self._lives.begin(row)
        return 0

    async def _read(self, row: Partition) -> Sequence[Logged]:
        reading = await self._stream.read({row.id: row.position}, BATCH_ENTRIES)
        if reading.epochs.get(row.id) != row.life.epoch:
            self._lives.look_soon()
        found = reading.entries.get(row.id, ())
        self._has_more = row.id in reading.full
        self._behind_since = found[0].position.at if found else None
        return found

    async def _store(self, row: Partition, waiting: Sequence[Logged]) -> float:
        batch, rest = cut(waiting)
        applied = await self._database.persisting.apply(row.id, self._tenure.lease, row.position, batch)
        self._row, self._waiting = row._replace(position=batch[-1].position), rest
        self._behind_since = rest[0].position.at if rest else None
        self._metrics.persisted_messages.add(applied.messages)
        self._metrics.dropped_entries.add(applied.dropped)
        self._metrics.dead_letters.add(applied.dead)
        self._metrics.persist_seconds.observe(max(0, self._clock.now_ms() - batch[0].position.at) / 1_000)
        if applied.dead:
            _log.error("dead letters added", partition=row.id, letters=applied.dead, until=batch[-1].position.id)
        self._stored.append((self._clock.monotonic() + TRIM_AFTER_S, batch[-1]))
        if not self._lives.is_ending:
            stored = (logged.event for logged in batch if logged.event is not None)
            await self._granting.follow(row.id, row.life.epoch, stored)
        return 0 if rest or self._has_more or self._lives.is_ending else POLL_S

    async def _trim(self, row: Partition) -> None:
        """Let go of what was stored some time ago."""
        now, until = self._clock.monotonic(), None
        while self._stored and self._stored[0][0] <= now:
            until = self._stored.popleft()[1]
        if until is not None:
            await self._keeper.trim(row.id, until)


def cut(waiting: Sequence[Logged]) -> tuple[Sequence[Logged], Sequence[Logged]]:
    """Cut off what one transaction takes, an entry at least, and give it with the rest."""
    batch = Batch()
    messages_before = waiting[0].so_far.messages
    for count, logged in enumerate(waiting):
        messages = logged.so_far.messages
        if not batch.takes(len(logged.raw), messages - messages_before):
            return waiting[:count], waiting[count:]
        messages_before = messages
    return waiting, ()
