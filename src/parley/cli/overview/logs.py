"""A log of its own as status sees it: how it is, where it ends, and what lies on it that is not stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from parley.cli.overview.state import Depth
from parley.domain.events import Logged, MessagesPosted, Position
from parley.domain.grants import Life
from parley.domain.grants import Partition as Row
from parley.log.port import Apart, Vitals
from parley.workers.lives import judge


class LogState(NamedTuple):
    """One partition's log."""

    life: Life
    finding: str | None
    """How it is to the database; ``None`` if the database does not say what it should be."""
    end: Position | None
    waiting_since: int | None
    """When the oldest entry was taken that is not stored, in UTC milliseconds; ``None``: nothing waits."""
    depth: Depth | None


async def look_at_logs(apart: Apart, rows: Sequence[Row]) -> dict[int, LogState]:
    """Look at every partition's log, from where the database is.

    Raises:
        UnavailableError: the log is away.
    """
    vitals = await asyncio.gather(*(apart.keeper.examine(row.id, row.life) for row in rows))
    first = (await apart.stream.read({row.id: row.position for row in rows}, 1)).entries
    ends = {
        row.id: Position(found.end.epoch, found.end.id - 1)
        for row, found in zip(rows, vitals, strict=True)
        if found.end is not None and first.get(row.id)
    }
    last = (await apart.stream.read(ends, 1)).entries if ends else {}
    return {
        row.id: _state(row, found, first.get(row.id, ()), last.get(row.id, ()))
        for row, found in zip(rows, vitals, strict=True)
    }


async def look_without_rows(apart: Apart, partitions: int) -> dict[int, LogState]:
    """Look at what the log says by itself; a partition that is between two lives says nothing.

    Raises:
        UnavailableError: the log is away.
    """
    found: dict[int, LogState] = {}
    for partition in range(partitions):
        vitals = await apart.keeper.examine(partition, Life(0, ""))
        if vitals.epoch is None:
            continue
        life = Life(vitals.epoch, vitals.run_id)
        end = (await apart.keeper.examine(partition, life)).end
        found[partition] = LogState(life, None, end, None, None)
    return found


def _state(row: Row, vitals: Vitals, first: Sequence[Logged], last: Sequence[Logged]) -> LogState:
    finding = judge(row, vitals).value
    if not first or not last:  # nothing waits, or what did is stored by now
        return LogState(row.life, finding, vitals.end, None, Depth(0, 0))
    return LogState(row.life, finding, vitals.end, first[0].position.at, count_between(first[0], last[0]))


def count_between(first: Logged, last: Logged) -> Depth | None:
    """Count from an entry to another, with both; what cannot be read has no count."""
    if not (first.so_far.messages and last.so_far.messages) or last.so_far < first.so_far:
        return None
    what = None if first.event is None else first.event.entry.what
    own = len(what.messages) if isinstance(what, MessagesPosted) else 1
    return Depth(
        last.so_far.messages - first.so_far.messages + own, last.so_far.bytes - first.so_far.bytes + len(first.raw)
    )
