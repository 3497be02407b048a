"""Stands in front of a log of its own: while it is away, appends go to the standby, or are refused at once.

Nothing that was sent to the log ever goes to the standby: only what certainly was not.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from parley.domain.errors import UnavailableError
from parley.domain.events import Depth, Entry
from parley.domain.grants import HEARD_S
from parley.domain.numbering import Outcome, Reason, Refused
from parley.domain.partitions import partition_of
from parley.log.batch import FixedBatch
from parley.log.port import Batch, Log, Reach
from parley.log.standby import Standby
from parley.telemetry.clock import Clock

AWAY: Final = "log_unavailable"

_AWAY: Final = Refused(Reason.AWAY)
_NOT_YET: Final = Refused(Reason.EPOCH)


class _Standing(NamedTuple):
    """A partition that stands by: in which epoch, and from when on everybody who reads has heard of it."""

    epoch: int
    heard_at: float


class _Part(NamedTuple):
    """Entries of a batch that go one way: their places in it."""

    places: Sequence[int]
    outcomes: Sequence[Outcome] | BaseException


class Switch:
    """A `Log` that chooses for each batch; while all is well that is one look at an attribute."""

    def __init__(self, log: Log, reach: Reach, standby: Standby, partitions: int, clock: Clock) -> None:
        """Stand in front of ``log``, which was started."""
        self.durability = log.durability
        self.at_once = log.at_once
        self.depth: Callable[[], Depth] = log.depth
        """The log's own, for it is asked before every create; nothing where no partition numbers in the log."""
        self._log = log
        self._reach = reach
        self._standby = standby
        self._partitions = partitions
        self._clock = clock
        self._is_whole = True
        self._away: frozenset[int] = frozenset()
        self._standing: dict[int, _Standing] = {}
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[list[Outcome]]] = set()

    @property
    def standing(self) -> frozenset[int]:
        """The partitions of which the database gives the numbers."""
        return frozenset(self._standing)

    @property
    def cut_off(self) -> frozenset[int]:
        """The partitions whose creates are refused: their log is away from here, and they do not stand by."""
        return self._away - self.standing

    def is_away(self, token: str) -> bool:
        """Tell whether nobody can say what the end of the application's log holds."""
        return not self._is_whole and self._partition(token) in self._away | self.standing

    def append(self, batch: Batch) -> asyncio.Future[list[Outcome]]:
        """Append the batch, or what of it can be taken."""
        return self._log.append(batch) if self._is_whole else self._begin(batch)

    async def close_gate(self, token: str) -> None:
        """Close the gate in the log.

        Raises:
            UnavailableError: the log is away.
        """
        if self.is_away(token):
            raise UnavailableError("The log is away, and with it the application's gate", code=AWAY)
        await self._log.close_gate(token)

    async def ping(self) -> None:
        """Ask the log."""
        await self._log.ping()

    def lose(self, away: frozenset[int]) -> None:
        """Hear which partitions' logs are away from here; what waits in front of the log goes another way."""
        self._away = away
        self._look()
        for batch, future in self._reach.withdraw() if away else ():
            self._begin(batch).add_done_callback(partial(_hand_on, future))

    def stand_by(self, epochs: Mapping[int, int]) -> None:
        """Hear which partitions stand by, and in which epochs."""
        heard_at = self._clock.monotonic() + HEARD_S
        known = self._standing
        self._standing = {
            partition: known[partition]
            if partition in known and known[partition].epoch == epoch
            else _Standing(epoch, heard_at)
            for partition, epoch in epochs.items()
        }
        self._look()

    def _look(self) -> None:
        self._is_whole = not (self._away or self._standing)
        self.depth = Depth if len(self._standing) == self._partitions else self._log.depth

    def _begin(self, batch: Batch) -> asyncio.Future[list[Outcome]]:
        task = asyncio.get_running_loop().create_task(self._divide(batch), name="divided-append")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _divide(self, batch: Batch) -> list[Outcome]:
        """Append a batch by partition; until its turn has come it takes in what arrives."""
        async with self._turn:
            entries = batch.seal()
            outcomes: list[Outcome] = [_AWAY] * len(entries)
            logged, aside = self._ways(entries, outcomes)
            logging = self._log.append(FixedBatch([entries[place] for place in logged])) if logged else None
            parts = await asyncio.gather(*(self._take_aside(entries, *each) for each in aside.items()))
        if logging is not None:
            parts.append(await _settled(logged, logging))
        return _gather(outcomes, parts)

    def _ways(
        self, entries: Sequence[Entry], outcomes: list[Outcome]
    ) -> tuple[list[int], dict[tuple[int, int], list[int]]]:
        """Give the places of what goes to the log, and of what goes to the standby by partition and its epoch.

        Others are refused. Those of a partition that has just begun to stand by have to be sent again: until everybody
        has heard of that, somebody may still trust that all he could read comes over the log.
        """
        logged: list[int] = []
        aside: dict[tuple[int, int], list[int]] = defaultdict(list)
        now = self._clock.monotonic()
        for place, entry in enumerate(entries):
            partition = self._partition(entry.token)
            standing = self._standing.get(partition)
            if standing is not None and now >= standing.heard_at:
                aside[partition, standing.epoch].append(place)
            elif standing is not None:
                outcomes[place] = _NOT_YET
            elif partition not in self._away:
                logged.append(place)
        return logged, aside

    async def _take_aside(self, entries: Sequence[Entry], where: tuple[int, int], places: Sequence[int]) -> _Part:
        return await _settled(places, self._standby.append(*where, [entries[place] for place in places]))

    def _partition(self, token: str) -> int:
        return partition_of(token, self._partitions)


async def _settled(places: Sequence[int], appending: Awaitable[list[Outcome]]) -> _Part:
    try:
        return _Part(places, await appending)
    except Exception as error:  # noqa: BLE001 - weighed with the other parts
        return _Part(places, error)


def _gather(outcomes: list[Outcome], parts: Sequence[_Part]) -> list[Outcome]:
    """Give every entry's outcome in the batch's order, or the one error that is true of all entries."""
    errors = [part.outcomes for part in parts if isinstance(part.outcomes, BaseException)]
    unknown = [error for error in errors if not isinstance(error, UnavailableError)]
    is_true_of_all = len(errors) == len(parts) and sum(len(part.places) for part in parts) == len(outcomes)
    if unknown:
        raise unknown[0]
    if errors and is_true_of_all:
        raise errors[0]
    for places, found in parts:
        for index, place in enumerate(places):
            outcomes[place] = _NOT_YET if isinstance(found, BaseException) else found[index]
    return outcomes


def _hand_on(waiting: asyncio.Future[list[Outcome]], done: asyncio.Future[list[Outcome]]) -> None:
    """Give the outcomes of a batch that went another way to whom it was promised."""
    if waiting.done():
        return
    error = done.exception()
    if error is None:
        waiting.set_result(done.result())
    else:
        waiting.set_exception(error)


if TYPE_CHECKING:
    _conforms: type[Log] = Switch
