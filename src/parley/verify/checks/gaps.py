"""Every number is explained: a row, a tombstone, a dead letter, or a range of the gap ledger."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from parley.verify.findings import Finding
from parley.verify.index import Index
from parley.verify.scopes import Reading, Scope

GAPS: Final = "gaps"


def find_gaps(index: Index) -> Iterator[Finding]:
    """Find ranges of 1..max that the database does not explain, and ranges of the ledger that cover a live row.

    The highest number is that of the last row, tombstone or letter; what was acknowledged above it is lost, not a gap.
    Judged where the database was read after all was drained, and the chat was not deleted.
    """
    for scope in index.scopes.values():
        reading = index.judged(scope).get("sql")
        if reading is not None and not scope.may_be_closed:
            yield from _unexplained(index, scope, reading)
            yield from _covered(index, scope, reading)


def _unexplained(index: Index, scope: Scope, reading: Reading) -> Iterator[Finding]:
    numbers = {*reading.rows, *reading.tombstones, *reading.letters}
    spans = sorted([*((number, number) for number in numbers), *reading.gaps])
    for first, last in _holes(spans, max(numbers, default=0)):
        span = f"number {first} is" if first == last else f"numbers {first}..{last} are"
        what = f"{span} no row, no tombstone, no dead letter and not in the gap ledger"
        yield index.found(GAPS, scope, what, reading.by, number=first)


def _holes(spans: Iterable[tuple[int, int]], end: int) -> Iterator[tuple[int, int]]:
    """Give what no span covers from 1 to ``end``."""
    expected = 1
    for first, last in spans:
        if first > end:
            break
        if first > expected:
            yield expected, first - 1
        expected = max(expected, last + 1)


def _covered(index: Index, scope: Scope, reading: Reading) -> Iterator[Finding]:
    live = sorted(reading.rows)
    for first, last in reading.gaps:
        at = bisect_left(live, first)
        if at < len(live) and live[at] <= last:
            what = f"the gap ledger's range {first}..{last} covers number {live[at]}, which is a live row"
            yield index.found(GAPS, scope, what, reading.by, number=live[at])
