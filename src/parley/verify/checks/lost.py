"""What was acknowledged is there at the end, and every source says the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from parley.verify.findings import Finding
from parley.verify.history import Row
from parley.verify.index import Index
from parley.verify.scopes import Reading, Scope
from parley.verify.writes import Write

LOST: Final = "lost"


def find_lost(index: Index) -> Iterator[Finding]:
    """Find acknowledged numbers that a final reading lacks, and final readings that differ.

    A write counts if it was acknowledged at the promised level or a higher one. It may be missing where a deletion of
    it or of its chat was acknowledged, or may have taken effect. Database and index are judged only if all was
    drained. What the API reads and the rows have not is a phantom, and named there.
    """
    for scope in index.scopes.values():
        if scope.may_be_closed:
            continue
        readings = index.judged(scope)
        missed: set[int] = set()
        for finding in _missing(index, scope, readings):
            missed.add(finding.number)
            yield finding
        if index.manifest.drained:
            yield from _differing(index, scope, readings, missed)


def _missing(index: Index, scope: Scope, readings: dict[str, Reading]) -> Iterator[Finding]:
    for write in scope.creates:
        if not write.is_firm:
            continue
        for offset, number in enumerate(write.numbers):
            absent = [source for source, reading in readings.items() if number not in reading.rows]
            if absent and not scope.may_lack(number, index.final_ns):
                yield _lost(index, scope, write, offset, absent)


def _lost(index: Index, scope: Scope, write: Write, offset: int, absent: list[str]) -> Finding:
    ack = write.acks[0]
    number = write.base + offset
    what = (
        f"number {number} ({write.values[offset]}) was acknowledged {index.seconds(ack.end_ns)} as "
        f"{ack.level or 'done'} and is not in {', '.join(absent)}; {_last_place(index, scope, number)}"
    )
    return index.found(LOST, scope, what, ack, number=number, value=write.values[offset])


def _last_place(index: Index, scope: Scope, number: int) -> str:
    for source, reading in scope.readings.items():
        if number in reading.letters:
            return "it is a dead letter"
        if number in reading.tombstones:
            return "its row is a tombstone"
        if any(first <= number <= last for first, last in reading.gaps):
            return "the gap ledger has its number"
        if number in reading.rows:
            return f"it is in {source}"
    last = scope.last_read(number)
    if last is None:
        return "nobody ever read it"
    return f"it was read last {index.seconds(last.end_ns)} by {last.name}"


def _differing(index: Index, scope: Scope, readings: dict[str, Reading], missed: set[int]) -> Iterator[Finding]:
    """Compare the sources; what the index alone has or lacks is the search's own check."""
    compared = [(source, reading.rows) for source, reading in readings.items() if reading.source != "index"]
    known = readings["sql"].rows.keys() if "sql" in readings else None
    for (left, some), (right, others) in pairwise(compared):
        if some == others:
            continue
        numbers = some.keys() | others.keys() if known is None else known
        for number in sorted(numbers - missed):
            if not same_text(some.get(number), others.get(number)):
                texts = f"{_text(some.get(number))} in {left} and {_text(others.get(number))} in {right}"
                yield index.found(LOST, scope, f"number {number} is {texts}", number=number)


def same_text(one: Row | None, other: Row | None) -> bool:
    """Compare what two sources say, each as far as it says it."""
    if one is None or other is None:
        return one is other
    if one.value and other.value and one.value != other.value:
        return False
    return not one.sha or not other.sha or one.sha == other.sha


def _text(row: Row | None) -> str:
    return "absent" if row is None else f"{row.value or '?'} ({row.sha or 'no digest'})"
