"""Follows the database's changes into the search index, by the index's own positions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from parley.domain.documents import Change
from parley.domain.errors import UnavailableError
from parley.domain.events import Position
from parley.search.port import Renewable, SearchIndex, Upkeep
from parley.storage.port import Changes
from parley.telemetry.clock import Clock
from parley.workers.feed import SLICE_CHARACTERS, Feed, characters
from parley.workers.rebuild import Rebuild
from parley.workers.renewing import Renewing, begin_renewing

FOLLOWER: Final = "search"
POLL_S: Final = 1.0
"""Between wake-ups: a safety net, and how often the positions are looked at again."""
UNWOKEN_POLL_S: Final = 0.2
"""Where other processes store, so that nobody wakes this one."""

RECORD_EVERY_S: Final = 1.0
TIDY_GAP_S: Final = 30.0
TIDY_SHARE: Final = 10
"""After tidying for some time, at least this many times as long without."""

_NOTHING: Final = Position(0, 0)


class IndexFollower:
    """A `Job`: read changes, load the present states, index them with the positions, again.

    Only this follower asks the index for positions and clears it. It rebuilds when the positions
    are missing, older than what the changes still reach, or ahead of a database that was put back.
    It makes a new index beside this one while that is wanted.
    """

    name = "index"

    def __init__(  # noqa: PLR0913 - its ports, and its pace
        self,
        changes: Changes,
        index: SearchIndex,
        feed: Feed,
        clock: Clock,
        *,
        batch_messages: int,
        poll_s: float = POLL_S,
    ) -> None:
        """Hand what changed to ``index`` by ``feed``; while there is nothing, look again after ``poll_s``."""
        self._changes = changes
        self._index = index
        self._feed = feed
        self._clock = clock
        self._batch_messages = batch_messages
        self._poll_s = poll_s
        self._upkeep = index if isinstance(index, Upkeep) else None
        self._renewal = index.renewal if isinstance(index, Renewable) else None
        self._positions: Mapping[int, Position] | None = None
        self._rebuild: Rebuild | None = None
        self._renewing: Renewing | None = None
        self._behind_since = clock.now_ms()
        self._caught_up = asyncio.Event()
        self._check_at = float("-inf")
        self._recorded_at = clock.monotonic()
        self._recorded: Mapping[int, Position] = {}
        self._slice_messages = max(1, batch_messages // 10)
        self._tidy_at = clock.monotonic() + TIDY_GAP_S
        self._tidied_s = 0.0

    async def caught_up(self) -> None:
        """Return when the index first is where the database is."""
        await self._caught_up.wait()

    @property
    def rebuilding(self) -> bool:
        """Whether the index is being made again, while it answers nothing."""
        return self._rebuild is not None

    async def lag_ms(self) -> int:
        """Give by how much the index is behind the partitions' ends; 0 only if it is not.

        Counted from the follower's position, or from when it last was at the end if that is later.
        """
        ends = await self._changes.ends()
        positions = self._positions
        if positions is None:
            return max(1, self._clock.now_ms() - self._behind_since)
        return max(
            (
                max(1, end.at - max(positions[partition].at, self._behind_since))
                for partition, end in ends.items()
                if positions[partition] < end
            ),
            default=0,
        )

    async def step(self) -> float:
        """Rebuild a slice, or index what changed, or do what the idle have time for."""
        try:
            if self._clock.monotonic() >= self._check_at:
                await self._check()
            if self._positions is not None:
                return await self._follow(self._positions)
            if self._rebuild is not None and await self._rebuild.step():
                self._rebuild, self._check_at = None, float("-inf")
        except BaseException as error:
            self._positions, self._check_at = None, float("-inf")
            if not isinstance(error, UnavailableError):
                self._rebuild = None
            raise
        return 0

    async def _check(self) -> None:
        """Take the index's positions; if they cannot be followed from, keep the rebuild or begin one."""
        positions = await self._index.positions()
        floor = await self._changes.floor(FOLLOWER)
        ends = await self._changes.ends()
        reason = _reason_to_rebuild(positions, floor, ends)
        if reason is None:
            await self._look_for_renewal()
            self._positions, self._rebuild = positions, None
        elif positions or not await self._is_kept(floor, ends):
            await self._begin_rebuild(reason)
        self._check_at = self._clock.monotonic() + POLL_S

    async def _is_kept(self, floor: Mapping[int, Position], ends: Mapping[int, Position]) -> bool:
        """Tell whether the rebuild can go on: nobody has emptied the index since, and its end can be followed from."""
        rebuild = self._rebuild
        if rebuild is None or rebuild.name != await self._index.name():
            return False
        return _reason_to_rebuild(rebuild.ends, floor, ends) is None

    async def _begin_rebuild(self, reason: str) -> None:
        self._positions = self._renewing = self._rebuild = None
        rebuild = Rebuild(self._changes, self._index, self._feed, self._clock, self._batch_messages)
        self._behind_since = rebuild.started_at
        await rebuild.begin(reason)
        self._rebuild = rebuild

    async def _look_for_renewal(self) -> None:
        """Begin with the new index that is wanted, unless this one has begun with it; give up any other."""
        asked = None if self._renewal is None else await self._renewal.asked()
        if self._renewing is not None and self._renewing.name != asked:
            self._renewing = None
        if self._renewal is not None and asked is not None and self._renewing is None:
            beginning = self._renewal, self._changes, self._feed, self._clock, self._batch_messages
            self._renewing = await begin_renewing(*beginning)

    async def _follow(self, positions: Mapping[int, Position]) -> float:
        looked_at = self._clock.now_ms()
        changes = await self._changes.read(positions, self._batch_messages)
        if changes:
            positions = self._positions = await self._take(changes, positions)
        else:
            self._behind_since = looked_at
            self._caught_up.set()
        await self._record(positions)
        more_to_tidy = await self._tidy(idle=not changes)
        is_full = sum(len(change.keys) for change in changes) >= self._batch_messages
        return 0 if await self._renew(positions) or is_full or more_to_tidy else self._poll_s

    async def _renew(self, positions: Mapping[int, Position]) -> bool:
        """Go on with a new index; `True` while there is more to do."""
        if self._renewing is None:
            return False
        if await self._renewing.step(positions):
            self._renewing = None
        return True

    async def _take(self, changes: Sequence[Change], positions: Mapping[int, Position]) -> dict[int, Position]:
        """Index what the changes touched; the positions go with the last slice."""
        reached = {change.partition: change.position for change in changes}
        keys = list(dict.fromkeys(key for change in changes for key in change.keys))
        for slice_, last in self._slices(keys):
            documents = await self._changes.load(slice_)
            if self._renewing is not None:  # first: what has positions in the one is not read again for the other
                await self._renewing.put(documents)
            await self._feed.put(documents, reached if last else {})
            fitting = len(slice_) * SLICE_CHARACTERS // max(1, characters(documents))
            self._slice_messages = max(1, min(self._batch_messages, fitting))
        return {**positions, **reached}

    def _slices(self, keys: list[tuple[int, int]]) -> Iterator[tuple[list[tuple[int, int]], bool]]:
        """Cut the keys into slices whose bodies fit into memory, judging by the slice before."""
        start = 0
        while True:
            stop = start + self._slice_messages
            yield keys[start:stop], stop >= len(keys)
            if stop >= len(keys):
                return
            start = stop

    async def _record(self, positions: Mapping[int, Position]) -> None:
        """Let go of the changes behind, now and then, once a power cut cannot take the index back."""
        now = self._clock.monotonic()
        if positions == self._recorded or now - self._recorded_at < RECORD_EVERY_S:
            return
        if self._upkeep is not None:
            await self._upkeep.sync()
        await self._changes.passed(FOLLOWER, positions)
        self._recorded, self._recorded_at = positions, now

    async def _tidy(self, *, idle: bool) -> bool:
        """Tidy a slice when it is due: one after the other while idle, else now and then."""
        begun = self._clock.monotonic()
        if self._upkeep is None or begun < self._tidy_at:
            return False
        more = await self._upkeep.tidy()
        ended = self._clock.monotonic()
        self._tidied_s += ended - begun
        if not more:
            self._tidy_at = ended + max(TIDY_GAP_S, self._tidied_s * TIDY_SHARE)
            self._tidied_s = 0.0
        elif not idle:
            self._tidy_at = ended + (ended - begun) * TIDY_SHARE
        return more and idle


def _reason_to_rebuild(
    positions: Mapping[int, Position], floor: Mapping[int, Position], ends: Mapping[int, Position]
) -> str | None:
    for partition, end in ends.items():
        position = positions.get(partition)
        if position is None:
            return "nothing indexed"
        if position < floor.get(partition, _NOTHING):
            return "index older than the changes"
        if position > end:
            return "index newer than the database"
    return None
