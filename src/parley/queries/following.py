"""Following a log of its own in memory, so that a read finds what was acknowledged before it began.

A read first catches up to the log's present end: one round trip for all reads of a loop turn. What the log has and the
database has not is `Unstored`; it is let go of when the database is seen to have it.

An entry may be stored and trimmed before it was read here. Then the database is ahead of what is remembered, so that is
let go of: everything before a trimmed entry is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final
from weakref import WeakSet

import structlog

from parley.domain.errors import ParleyError
from parley.domain.events import Event, Logged, Position
from parley.domain.grants import HEARD_S, Partition
from parley.log.port import Stream
from parley.queries.unstored import Unstored
from parley.storage.sharing import Scopes
from parley.telemetry.clock import Clock

READ_LIMIT: Final = 2_000
"""Entries of one reading, of each partition."""

FOLLOW_EVERY_S: Final = 0.1
"""Between two rounds while nobody reads, so that a read need not catch up by much."""

LOOK_EVERY_S: Final = 0.25
"""Between two looks at what is stored."""

LOOK_S: Final = 1.0
"""What one look may take."""

PATIENCE_S: Final = 1.0
"""What a read waits for the log's end at most."""

RETRY_AFTER_S: Final = 0.25
"""How long a log that did not answer is not asked again."""

_log = structlog.get_logger(__name__)


class Follower:
    """Reads all partitions into `unstored`, from what is stored on."""

    def __init__(
        self, stream: Stream, scopes: Scopes, unstored: Unstored, clock: Clock, on_event: Callable[[Event | None], None]
    ) -> None:
        """Follow ``stream``; ``on_event`` hears of every event, or ``None``: anything may have happened."""
        self.unstored = unstored
        self.is_away = False
        """Whether the log's end could not be read when it was last asked for."""
        self.is_blind = False
        """Whether the database could not say when it was last asked who gives numbers, and what is stored."""
        self._stream = stream
        self._scopes = scopes
        self._clock = clock
        self._on_event = on_event
        self._positions: dict[int, Position] = {}
        self._bytes: dict[int, int] = {}
        """The log's count with the last entry that was read, by partition, if it is known."""
        self._limit = READ_LIMIT
        self._round: asyncio.Task[None] | None = None
        self._next: asyncio.Future[bool] | None = None
        self._retry_at = 0.0
        self._looked_at = 0.0
        self._heard_at = float("-inf")
        self._heard: dict[int, tuple[int, int]] = {}
        """Of each partition the epoch, and how often dead letters have moved."""
        self._stands_by = False
        self._lacking: WeakSet[asyncio.Task[Any]] = WeakSet()

    @property
    def has_lacked(self) -> bool:
        """Whether the present task has read without the log's end: its answer says so, also if that is back by now."""
        return asyncio.current_task() in self._lacking

    def note_lack(self) -> None:
        """Note that the present task goes on without the log's end."""
        task = asyncio.current_task()
        if task is not None:
            self._lacking.add(task)

    @property
    def hears_all(self) -> bool:
        """Whether the log is all that may have changed anything, as of a look that is recent enough.

        A partition that stands by is written to besides.
        """
        return not self._stands_by and self._clock.monotonic() < self._heard_at + HEARD_S

    async def start(self) -> int:
        """Begin behind what is stored, and give the number of partitions.

        Raises:
            UnavailableError: the database is away.
        """
        asked_at = self._clock.monotonic()
        partitions = await self._scopes.partitions()
        self._positions = {partition.id: partition.position for partition in partitions}
        self._hear(partitions, asked_at)
        return len(self._positions)

    async def follow(self, stop: asyncio.Event) -> None:
        """Keep up until ``stop`` is set."""
        while not stop.is_set():
            await self.catch_up()
            if self._clock.monotonic() >= self._looked_at + LOOK_EVERY_S:
                await self._look()
            try:
                async with asyncio.timeout(FOLLOW_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue

    async def catch_up(self) -> bool:
        """Return when everything that was on the log at the call is remembered; ``False`` if it cannot be read."""
        if self._clock.monotonic() < self._retry_at:
            return False
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._go_round(), name="catch-up")
        return await asyncio.shield(self._next)

    async def _go_round(self) -> None:
        """Serve those who wait for a round that begins after their call, until nobody does."""
        await asyncio.sleep(0)  # who calls in the same turn shares the round
        while self._next is not None:
            waiting, self._next = self._next, None
            is_caught_up = False
            try:
                is_caught_up = await self._try_to_read()
            finally:
                waiting.set_result(is_caught_up)

    async def _try_to_read(self) -> bool:
        before = dict(self._positions)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._read()
        except TimeoutError:
            if self._positions == before:  # maybe they are too large
                self._limit = max(1, self._limit // 8)
            self._note_away("no answer in time")
        except ParleyError as error:
            self._note_away(error.detail)
        except Exception as error:  # noqa: BLE001 - whatever it is, readers are told that the end is not known
            self._note_away(repr(error))
        else:
            self._limit = min(2 * self._limit, READ_LIMIT)
            self.is_away = False
            return True
        return False

    async def _read(self) -> None:
        """Read on to the end of every partition."""
        behind = dict(self._positions)
        while behind:
            reading = await self._stream.read(behind, self._limit)
            for partition, entries in reading.entries.items():
                for logged in entries:
                    self._take(partition, logged)
            for partition, so_far in reading.so_far.items():
                if not reading.entries.get(partition) and self._positions[partition] == behind[partition]:
                    self._check_end(partition, so_far.bytes)
            await self._renew(reading.epochs, behind.keys() - reading.full)
            behind = {
                partition: self._positions[partition]
                for partition, position in behind.items()
                if partition in reading.full or self._positions[partition].epoch != position.epoch
            }

    def _take(self, partition: int, logged: Logged) -> None:
        if logged.position <= self._positions[partition]:
            return  # stored meanwhile
        if logged.event is not None:
            self._check_gap(partition, logged)
            self.unstored.add(partition, logged.event)
            self._bytes[partition] = logged.so_far.bytes
        else:
            self._bytes.pop(partition, None)  # who cannot read an entry cannot rely on its count
        self._positions[partition] = logged.position
        self._on_event(logged.event)

    def _check_gap(self, partition: int, logged: Logged) -> None:
        """Follow entries that were trimmed unread in front of this one."""
        known = self._bytes.get(partition)
        if known == logged.so_far.bytes - len(logged.raw):
            return
        if known is not None:
            self.unstored.drop(partition, self._positions[partition])
        self._on_event(None)

    def _check_end(self, partition: int, so_far_bytes: int) -> None:
        """Follow entries that were trimmed unread behind the last one."""
        known = self._bytes.get(partition)
        if known == so_far_bytes:
            return
        if known is not None:
            self.unstored.drop(partition, self._positions[partition])
        self._bytes[partition] = so_far_bytes
        self._on_event(None)

    async def _renew(self, epochs: Mapping[int, int | None], ended: Collection[int]) -> None:
        """Go over to the new lives of logs whose old one was read to its end."""
        known = self._positions
        others = [p for p in ended if (epochs.get(p) or known[p].epoch) != known[p].epoch]
        if not others:
            return
        for partition in await self._scopes.partitions():
            if partition.id in others and partition.life.epoch > known[partition.id].epoch:
                self.unstored.drop_all(partition.id)
                self._positions[partition.id] = Position(partition.life.epoch, 0)
                self._bytes[partition.id] = 0
                self._on_event(None)

    async def _look(self) -> None:
        """Let go of what the database has by now."""
        self._looked_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(LOOK_S):
                partitions = await self._scopes.partitions()
        except Exception as error:  # noqa: BLE001 - the next look may be luckier, and readers need none
            _log.warning("stored positions unknown", error=str(error))
            self.is_blind = True
            return
        self.is_blind = False
        self._hear(partitions, self._looked_at)
        for partition in partitions:
            self.unstored.drop(partition.id, partition.position)
            if partition.position > self._positions[partition.id]:  # stored before it was read here
                self._positions[partition.id] = partition.position
                self._bytes.pop(partition.id, None)
                self._on_event(None)

    def _hear(self, partitions: Sequence[Partition], asked_at: float) -> None:
        """Take in what the log does not tell: who gives numbers, and that dead letters have moved.

        Between two looks at different epochs a standby may have come and gone.
        """
        heard = {partition.id: (partition.life.epoch, partition.letters_moved) for partition in partitions}
        self._stands_by = any(partition.stands_by for partition in partitions)
        if self._stands_by or heard != self._heard:
            self._on_event(None)
        self._heard, self._heard_at = heard, asked_at

    def _note_away(self, error: str) -> None:
        if not self.is_away:
            _log.warning("log tail away", error=error)
        self.is_away = True
        self._retry_at = self._clock.monotonic() + RETRY_AFTER_S
