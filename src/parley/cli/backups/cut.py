"""The cut of a backup: where each partition's log ends, and the wait until all of it is in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from parley.bootstrap.ports import Beside
from parley.cli.overview.logs import count_between
from parley.cli.progress import Meter
from parley.domain.errors import UnavailableError
from parley.domain.events import Logged, Position
from parley.domain.grants import Partition
from parley.storage.sharing import find_idle
from parley.telemetry.clock import Clock
from parley.workers.lives import Finding, judge

POLL_S: Final = 0.1


class End(NamedTuple):
    """Where a partition's log ended, and the entry that lies there, unless all was stored and let go of."""

    position: Position
    last: Logged | None


async def take_cut(beside: Beside) -> dict[int, End]:
    """Give every partition's present end: what was acknowledged before now is not beyond it.

    Raises:
        UnavailableError: a log is away, so that nobody knows what was acknowledged, or is of another history.
    """
    return {row.id: await _end_of(beside, row) for row in await beside.database.scopes.partitions()}


async def _end_of(beside: Beside, row: Partition) -> End:
    """Look where the position is: while the database stands by, that is an earlier epoch than its own."""
    vitals = await beside.log.keeper.examine(row.id, row.life._replace(epoch=row.position.epoch))
    if judge(row, vitals) is Finding.DATABASE_OLDER:
        raise UnavailableError(
            f"the log of partition {row.id} is of another history than the database: see parley restore --in-place"
        )
    if vitals.end is None or vitals.end <= row.position:
        return End(row.position, None)
    before = Position(vitals.end.epoch, vitals.end.id - 1)
    found = (await beside.log.stream.read({row.id: before}, 1)).entries.get(row.id, ())
    return End(vitals.end, found[0] if found else None)


async def await_stored(beside: Beside, cut: Mapping[int, End], wait_s: float, clock: Clock) -> None:
    """Return when the database has everything up to the cut.

    Raises:
        UnavailableError: it has not within ``wait_s``; the text says what is missing, and what to do.
    """
    give_up_at = clock.monotonic() + wait_s
    with Meter("messages to be stored before the cut", None, clock.monotonic) as meter:
        total = None
        while missing := _missing(await beside.database.scopes.partitions(), cut):
            behind = {row.id: await _behind(beside, row, cut[row.id]) for row in missing}
            left = sum(behind.values())
            total = max(total or 0, left)
            meter.show(total - left, total - left, total=total)
            if clock.monotonic() >= give_up_at:
                raise UnavailableError(await _complaint(beside, missing, behind, wait_s))
            await asyncio.sleep(POLL_S)


def _missing(rows: Sequence[Partition], cut: Mapping[int, End]) -> list[Partition]:
    return [row for row in rows if row.position < cut[row.id].position]


async def _behind(beside: Beside, row: Partition, end: End) -> int:
    """Count the messages that are not stored up to the cut; 1 if they cannot be counted."""
    found = (await beside.log.stream.read({row.id: row.position}, 1)).entries.get(row.id, ())
    depth = None if not found or end.last is None else count_between(found[0], end.last)
    return 1 if depth is None else depth.messages


async def _complaint(beside: Beside, missing: Sequence[Partition], behind: Mapping[int, int], wait_s: float) -> str:
    idle = find_idle(missing, await beside.database.leases.holders())
    parts = [
        f"partition {row.id} is {behind[row.id]:,} messages behind the cut "
        f"({'no worker stores it' if row.id in idle else 'a worker stores it'})"
        for row in missing
    ]
    advice = "start parley work, then repeat this" if idle else "look at parley status, or allow more time with --wait"
    return f"not everything is stored after {wait_s:g} s, and no backup was made: {'; '.join(parts)}; {advice}"
