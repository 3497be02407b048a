"""How much a recording holds: what was acknowledged, at which level, and what was not promised and is gone."""

from __future__ import annotations

from collections import Counter

import msgspec

from parley.verify.index import WRITES, Index
from parley.verify.scopes import Scope


class Totals(msgspec.Struct, frozen=True):
    """Counted once for the whole recording; writes are operations, a bulk is one."""

    events: int
    operations: int
    acknowledged: dict[str, int]
    """Writes that were done, by level."""
    unknown: int
    """Writes without an answer."""
    unknown_seen: int
    """Creates without an answer that were read."""
    refused: int
    """Writes that were certainly not done."""
    met: int
    """Operations of any kind that a fault met."""
    below: int
    """Messages and chats that were acknowledged below the promised level alone."""
    below_lost: int
    """Those of them that a final reading lacks: no finding, since nobody promised them."""


def totals_of(index: Index, events: int) -> Totals:
    """Count."""
    writes = [operation for operation in index.operations if operation.f in WRITES]
    asked = [operation for operation in index.operations if operation.f != "final"]
    creates = [write for scope in index.scopes.values() for write in scope.creates]
    outcomes = Counter(write.outcome for write in writes)
    below = [len(write.values) for write in creates if write.acks and not write.is_firm]
    return Totals(
        events=events,
        operations=len(index.operations),
        acknowledged=dict(Counter(write.level or "unsaid" for write in writes if write.is_ok).most_common()),
        unknown=outcomes["info"],
        unknown_seen=sum(1 for write in creates if not write.acks and not write.is_refused and write.base),
        refused=outcomes["fail"],
        met=sum(1 for operation in asked if index.faults.meets(operation.begin_ns, operation.heard_ns)),
        below=sum(below),
        below_lost=sum(_below_lost(index, scope) for scope in index.scopes.values()),
    )


def _below_lost(index: Index, scope: Scope) -> int:
    readings = index.judged(scope)
    numbers = (number for write in scope.creates if write.acks and not write.is_firm for number in write.numbers)
    return sum(
        1
        for number in numbers
        if not scope.may_lack(number, index.final_ns)
        and any(number not in reading.rows for reading in readings.values())
    )
