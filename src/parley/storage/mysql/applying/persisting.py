"""Moves a partition along its log: everything of one step in one transaction, each entry exactly once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from parley.database.mysql.errors import ContendedError
from parley.database.mysql.session import Session
from parley.database.mysql.transactions import CommitLostError, Database, Line, Work
from parley.domain.errors import ConflictError, OutcomeUnknownError, UnavailableError
from parley.domain.events import Logged, Position, position_id
from parley.domain.grants import Life
from parley.storage.mysql.applying.storing import MAX_RUN, Storing, check_letters
from parley.storage.mysql.leases import hold_mark, is_own
from parley.storage.mysql.partitions import MOVED, HeldPartition, lock_partition
from parley.storage.sharing import Applied, Lease, Persisting
from parley.telemetry.clock import Clock


class MySqlPersisting:
    """Writes under leases, through a connection for each that whoever takes the lease over can end."""

    def __init__(
        self, database: Database, clock: Clock, new_chat_id: Callable[[int, int], int], max_run: int = MAX_RUN
    ) -> None:
        """Store in ``database``; ``new_chat_id`` makes a chat's id of its partition and a counter.

        After ``max_run`` entries in a row that cannot be stored none is stored any more.
        """
        self._database = database
        self._clock = clock
        self._new_chat_id = new_chat_id
        self._max_run = max_run
        self._lines: dict[str, tuple[Lease, Line]] = {}
        self._runs: dict[int, int] = {}

    async def apply(self, partition: int, lease: Lease, after: Position, logged: Sequence[Logged]) -> Applied:
        """Store the entries that follow ``after`` in one transaction, and move the position to the last of them."""
        if not logged:
            return Applied(0, 0, 0)
        done: list[Storing] = []

        async def work(session: Session) -> None:
            held = await self._hold(session, partition, lease)
            if held.position != after:
                raise ConflictError(MOVED)
            done[:] = [await self._store(session, held, logged)]

        try:
            await self._transact(lease, work)
        except CommitLostError as error:
            await self._find_out(partition, after, logged[-1].position, error)
        self._runs[partition] = done[0].run
        return done[0].applied

    async def open_life(self, partition: int, lease: Lease, life: Life, floor: Position) -> Position:
        """Begin another life of the partition's log, or note another run of the present one; give its position."""
        opened: list[Position] = []

        async def work(session: Session) -> None:
            held = await self._hold(session, partition, lease)
            if life.epoch < held.epoch or (life.epoch == held.epoch and held.stands_by):
                raise ConflictError(MOVED)
            if life.epoch == held.epoch:
                await session.run("note_run", life.run_id.encode(), partition)
                opened[:] = [held.position]
            else:
                above = Position(life.epoch, position_id(held.change.at + 1))
                opened[:] = [floor if floor.id > held.change.id else above]
                await session.run("open_epoch", life.epoch, life.run_id.encode(), *opened[0], partition)

        try:
            await self._transact(lease, work)
        except CommitLostError as error:
            raise OutcomeUnknownError("The commit was not answered; the write may exist") from error
        return opened[0]

    async def stand_by(self, partition: int, lease: Lease, epoch: int) -> None:
        """Let the database give the partition's numbers, in the epoch after ``epoch``, until another life is opened."""

        async def work(session: Session) -> None:
            held = await self._hold(session, partition, lease)
            if held.epoch != epoch:
                raise ConflictError(MOVED)
            if not held.stands_by:
                await session.run("stand_by", epoch + 1, partition)

        try:
            await self._transact(lease, work)
        except CommitLostError as error:
            raise OutcomeUnknownError("The commit was not answered; the write may exist") from error

    async def close(self) -> None:
        """Close the connections."""
        lines, self._lines = self._lines, {}
        for _, line in lines.values():
            await line.close()

    async def _transact(self, lease: Lease, work: Work[None]) -> None:
        """Run a transaction on the lease's own connection, which is not needed any more once the lease is lost."""
        try:
            await self._database.transact(await self._line(lease), work)
        except ConflictError:
            await self._forget(lease)
            raise

    async def _hold(self, session: Session, partition: int, lease: Lease) -> HeldPartition:
        """Hold the partition's row, and only then look whether the lease is still ours."""
        held = await lock_partition(session, partition)
        if not await is_own(session, lease):
            raise ConflictError(f"The lease of {lease.job} is lost")
        return held

    async def _store(self, session: Session, held: HeldPartition, logged: Sequence[Logged]) -> Storing:
        def new_chat_id(counter: int) -> int:
            return self._new_chat_id(held.id, counter)

        storing = Storing(session, held.id, held.chat_counter, new_chat_id, self._clock.now_ms())
        storing.run, storing.max_run = self._runs.get(held.id, 0), self._max_run
        storing.is_late = held.stands_by
        await storing.store(logged)
        if storing.applied.dead:
            await check_letters(session)
            await held.tell_of_letters(session)
        position = logged[-1].position
        await held.move(session, storing.way, position, held.change_at(position.id))
        return storing

    async def _find_out(self, partition: int, before: Position, after: Position, error: CommitLostError) -> None:
        """Read the position when a commit was not answered; the row is free once the commit has an end.

        Raises:
            UnavailableError: nothing was written.
            ConflictError: somebody else moved on since.
            OutcomeUnknownError: the database is away.
        """

        async def work(session: Session) -> Position:
            return (await lock_partition(session, partition)).position

        try:
            position = await self._database.write(work)
        except UnavailableError:
            raise OutcomeUnknownError("The commit was not answered; the write may exist") from error
        if position == before:
            raise UnavailableError("The commit failed", code="database_unavailable") from error
        if position != after:
            raise ConflictError(MOVED) from error

    async def _forget(self, lease: Lease) -> None:
        known = self._lines.get(lease.job)
        if known is not None and known[0] == lease:
            del self._lines[lease.job]
            await known[1].close()

    async def _line(self, lease: Lease) -> Line:
        """Give the connection of a lease; an earlier one for the same job is over."""
        known = self._lines.get(lease.job)
        if known is not None and known[0] == lease:
            return known[1]

        async def greet(session: Session) -> None:
            if not await hold_mark(session, self._database.address.database, lease):
                raise ContendedError(0, "the last connection of this lease is not gone yet")

        line = self._database.line(greet)
        self._lines[lease.job] = (lease, line)
        if known is not None:
            await known[1].close()
        return line


if TYPE_CHECKING:
    _conforms: type[Persisting] = MySqlPersisting
