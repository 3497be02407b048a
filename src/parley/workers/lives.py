"""Looks after the lives of a partition's log: what its lease-holder finds, and what follows from it.

Writers are served only in the life that the database holds, by a script that only the lease-holder loads. So between
two lives nobody is served, and whatever step was the last before a crash, the next lease-holder comes out right:

What happened last                  What the next one finds      What follows
`Persisting.stand_by`               returned, once it is back    seal, drain, next epoch: the database gave numbers in
                                                                 this one, and the log is still in the one before
`Keeper.seal`                       sealed; returned             drain, next epoch
`Persisting.open_life`, new epoch   flushed                      nothing to drain, next epoch: this one was never used
`Persisting.open_life`, new run     unloaded                     `Keeper.open`
`Keeper.open`                       served                       nothing
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

import structlog

from parley.domain.errors import ConflictError, UnavailableError
from parley.domain.events import Position, position_id
from parley.domain.grants import Life, Partition
from parley.log.port import Apart, Vitals
from parley.storage.sharing import Scopes, Shared
from parley.telemetry.clock import Clock
from parley.telemetry.metrics import Metrics
from parley.workers.tenure import Tenure

EXAMINE_EVERY_S: Final = 1.0
FLAG_S: Final = 1.0
"""How long writers have, after a restart, to say that what they were told of is missing."""

_log = structlog.get_logger(__name__)


class Finding(Enum):
    """How a log is, seen from the database's row; the value is its name in log lines and metrics."""

    SERVED = "served"
    UNLOADED = "unloaded"
    """The same life, but the engine has forgotten how to serve it."""
    RESTARTED = "restarted"
    """Another run of an engine that keeps all it answered."""
    FIRST = "first"
    """The database has never had a log of its own."""
    SEALED = "sealed"
    """Somebody ended the life and did not begin the next."""
    FLUSHED = "flushed"
    OTHER_EPOCH = "other_epoch"
    """The log was put back to an earlier state."""
    DATABASE_OLDER = "database_older"
    """The database was put back to an earlier state: what the log holds belongs to another history."""
    BEHIND = "behind"
    """The log ends before what is stored."""
    SHORT = "short"
    """A writer misses what it was told of."""
    NOT_KEPT = "not_kept"
    """Another run of an engine that may have lost what it answered."""
    RETURNED = "returned"
    """It was away, and the database has given numbers since, in an epoch of its own; whatever it has left is older."""


def judge(row: Partition, vitals: Vitals) -> Finding:
    """Say what the log is to the database; what cannot be shown intact needs a new epoch.

    The database is the first to hold an epoch, and entries are let go of once it has them: a log that knows more than
    the database saw another, or this one before it was put back.
    """
    if max(vitals.epoch or 0, vitals.ended) > row.life.epoch or _has_let_go(vitals, row.position):
        return Finding.DATABASE_OLDER
    if row.stands_by:
        return Finding.RETURNED
    if not row.life.run_id:
        return Finding.FIRST
    if vitals.epoch is None:
        return Finding.FLUSHED if vitals.end is None else Finding.SEALED
    if vitals.epoch != row.life.epoch:
        return Finding.OTHER_EPOCH
    return _judge_same_epoch(row, vitals)


def _has_let_go(vitals: Vitals, position: Position) -> bool:
    """Tell whether entries behind a position of the same epoch are gone from the log."""
    return vitals.stored is not None and vitals.stored.epoch == position.epoch and vitals.stored > position


def _judge_same_epoch(row: Partition, vitals: Vitals) -> Finding:
    if vitals.end is None or vitals.end < row.position:
        return Finding.BEHIND
    if vitals.is_short:
        return Finding.SHORT
    if vitals.run_id != row.life.run_id:
        return Finding.RESTARTED if vitals.keeps_all else Finding.NOT_KEPT
    return Finding.SERVED if vitals.is_open else Finding.UNLOADED


async def find_row(scopes: Scopes, partition: int) -> Partition:
    """Give a partition's present row."""
    return next(row for row in await scopes.partitions() if row.id == partition)


def never_away(_: int) -> float:
    """Say that nobody watches the log."""
    return 0.0


class Means(NamedTuple):
    """What a partition's lease-holder works with."""

    log: Apart
    database: Shared
    clock: Clock
    metrics: Metrics
    key_ttl_s: int
    away_s: Callable[[int], float] = never_away
    """Gives for how long a partition's log has been away; 0 if it is not."""


class Lives:
    """The state machine of one partition, in the hands of one tenure.

    *Served*: look every second, at the database's row as well. *Restarted*: wait until writers had time to flag, then
    note the run. *Ending*: the log is sealed, and stays so until everything on it is stored; then `begin` opens the
    next epoch. *Away*: nobody looks; after a second the database is told to `stand_by`.
    """

    def __init__(self, tenure: Tenure, means: Means) -> None:
        """Look first thing."""
        self._tenure = tenure
        self._keeper = means.log.keeper
        self._database = means.database
        self._clock = means.clock
        self._opened = means.metrics.lives_opened
        self._key_ttl_ms = means.key_ttl_s * 1_000
        self._due_at = float("-inf")
        self._new_run: tuple[str, float] | None = None
        self._ending: tuple[Finding, int] | None = None

    @property
    def is_ending(self) -> bool:
        """Whether the log is sealed: what lies on it is to be stored, then `begin` called."""
        return self._ending is not None

    def look_again(self) -> None:
        """Look at the next step, whatever was thought before."""
        self._ending = None
        self._due_at = float("-inf")

    def look_soon(self) -> None:
        """Look at the next step, unless the life is ending anyway."""
        self._due_at = float("-inf")

    async def tend(self, row: Partition) -> Partition:
        """Look if it is time, do what has to be done, and give the row as it then is.

        Raises:
            ConflictError: the partition is another's.
        """
        now = self._clock.monotonic()
        if self.is_ending or now < self._due_at:
            return row
        row = await find_row(self._database.scopes, row.id)  # a commit that nobody answered may have come late
        vitals = await self._keeper.examine(row.id, row.life)
        finding = judge(row, vitals)
        self._due_at = now + EXAMINE_EVERY_S
        if finding is Finding.RESTARTED:
            return await self._note_run(row, vitals.run_id)
        if finding is Finding.UNLOADED:
            await self._load(row, finding)
        elif finding is Finding.DATABASE_OLDER:
            await self._refuse(row, vitals)
        elif finding is not Finding.SERVED:
            await self._end(row, finding, vitals)
        return row

    async def begin(self, row: Partition) -> Partition:
        """Open the next epoch, in which all older grants are void: nothing of the last one is left to be stored.

        Raises:
            ConflictError: the partition is another's.
        """
        if self._ending is None:
            raise ValueError("nothing is ending")
        finding, highest = self._ending
        vitals = await self._keeper.examine(row.id, row.life)
        if vitals.epoch is not None:
            raise ConflictError(f"The log of partition {row.id} was opened by another", code="lease_lost")
        fresh = await find_row(self._database.scopes, row.id)
        life = Life(highest + 1, vitals.run_id)
        floor = Position(life.epoch, position_id(max(self._clock.now_ms(), row.position.at)))
        floor = await self._database.persisting.open_life(row.id, self._tenure.lease, life, floor)
        keys_known_since = 0 if fresh.last_key_at <= floor.at - self._key_ttl_ms else floor.at
        await self._keeper.open(row.id, life, floor, keys_known_since)
        self.look_again()
        self._tell(row, life, finding)
        return fresh._replace(life=life, position=floor, mode="log")

    async def stand_by(self, row: Partition) -> None:
        """Let the database give the numbers while the log is away, if it does not yet.

        Raises:
            ConflictError: the partition is another's.
        """
        if row.stands_by:
            return
        await self._database.persisting.stand_by(row.id, self._tenure.lease, row.life.epoch)
        _log.warning("standby began", partition=row.id, epoch=row.life.epoch + 1)

    async def _note_run(self, row: Partition, run_id: str) -> Partition:
        """Go on in the same epoch, once writers had time to say what they miss."""
        now = self._clock.monotonic()
        if self._new_run is None or self._new_run[0] != run_id:
            self._new_run = (run_id, now)
        flagged_at = self._new_run[1] + FLAG_S
        if now < flagged_at:
            self._due_at = flagged_at
            return row
        life = Life(row.life.epoch, run_id)
        await self._database.persisting.open_life(row.id, self._tenure.lease, life, row.position)
        row = row._replace(life=life)
        await self._load(row, Finding.RESTARTED)
        return row

    async def _load(self, row: Partition, finding: Finding) -> None:
        """Have the life served again."""
        await self._tenure.confirm()
        await self._keeper.open(row.id, row.life, row.position, 0)
        self._tell(row, row.life, finding)

    async def _end(self, row: Partition, finding: Finding, vitals: Vitals) -> None:
        await self._tenure.confirm()
        await self._keeper.seal(row.id)
        self._ending = (finding, max(row.life.epoch, vitals.epoch or 0))
        _log.warning("log life ended", partition=row.id, epoch=row.life.epoch, reason=finding.value)

    async def _refuse(self, row: Partition, vitals: Vitals) -> None:
        """Store nothing of another history, and let nobody add to it where this database's epoch is the log's own.

        Raises:
            UnavailableError: always; people have to decide.
        """
        await self._tenure.confirm()
        if vitals.epoch == row.life.epoch:
            await self._keeper.seal(row.id)
        raise UnavailableError(
            f"the database is older than the log of partition {row.id}, or another one than its log is of, and nothing "
            "is stored: if it was put back from a backup, stop every process and run parley restore --in-place; "
            "else correct PARLEY_DATABASE_URL or PARLEY_LOG_URL",
            code="database_older",
        )

    def _tell(self, row: Partition, life: Life, finding: Finding) -> None:
        self._opened.child(finding.value).add()
        if row.stands_by:
            _log.info("standby ended", partition=row.id, epoch=row.life.epoch)
        _log.warning("log life opened", partition=row.id, epoch=life.epoch, run_id=life.run_id, reason=finding.value)
