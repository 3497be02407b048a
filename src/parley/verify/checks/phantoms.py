"""Nothing is read that nobody wrote, that was refused, that is half written, or that is deleted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import Final

from parley.verify.findings import Finding
from parley.verify.index import Index
from parley.verify.operations import Operation
from parley.verify.scopes import Scope, Version
from parley.verify.writes import Write

PHANTOM: Final = "phantom"
_LONGEST_BULK: Final = 1000


def find_phantoms(index: Index) -> Iterator[Finding]:
    """Find rows that no client can have written there, parts of bulks, and what was read after its deletion.

    A value is a phantom if nobody invoked it, if every try of it failed, if it was read before it was invoked, or if
    it was written to another chat. A bulk is there whole or not at all, in every walk that covers its numbers and in
    every final reading. A number is resurrected if a read that was invoked after its deletion, or its chat's, was
    acknowledged has it. Degraded answers and searches may be late, so they resurrect nothing; a value of another
    application is the tenant check's.
    """
    for scope in index.scopes.values():
        for version in scope.versions.values():
            yield from _unwritten(index, scope, version)
        yield from _resurrected(index, scope)
        yield from _halves(index, scope)


def _unwritten(index: Index, scope: Scope, version: Version) -> Iterator[Finding]:
    why = _why(scope, version)
    if why:
        row, read = version.row, version.first
        what = f"{read.name} read {row.value} as number {row.number} {index.seconds(read.end_ns)}, which {why}"
        yield index.found(PHANTOM, scope, what, read, number=row.number, value=row.value)


def _why(scope: Scope, version: Version) -> str:
    write = version.write
    if write is None:
        return "nobody wrote" if version.row.value else ""
    if write.scope.app != scope.app:
        return ""
    if write.scope is not scope:
        return f"{write.tried.name} wrote to {write.scope.where}"
    if write.is_refused:
        return f"was refused to {write.tried.name}"
    if version.first.end_ns < write.begin_ns:
        return f"{write.tried.name} wrote only later"
    return ""


def _resurrected(index: Index, scope: Scope) -> Iterator[Finding]:
    closed_ns = scope.closing.sure_ns
    for version in scope.versions.values():
        removal = scope.removal(version.row.number)
        read = version.last
        if read is None or read.begin_ns <= min(removal.sure_ns, closed_ns):
            continue
        by = removal.sure_by if read.begin_ns > removal.sure_ns else scope.closing.sure_by
        if by is None:
            continue
        late_ms = (read.begin_ns - by.end_ns) / 10**6
        row = version.row
        what = f"{read.name} read number {row.number} ({row.value}) {late_ms:.3f} ms after {by.name} had deleted it"
        yield index.found(PHANTOM, scope, what, read, by, number=row.number, value=row.value)


def _halves(index: Index, scope: Scope) -> Iterator[Finding]:
    """Look at each bulk in each reading that covers it; each bulk is named once."""
    bulks = sorted(
        (write for write in scope.creates if len(write.values) > 1 and write.base), key=lambda bulk: bulk.base
    )
    begins = [bulk.base for bulk in bulks]
    named: set[int] = set()
    for read, numbers in _covering(index, scope) if bulks else ():
        first = bisect_left(begins, read.after + 2 - _LONGEST_BULK)
        for bulk in islice(bulks, first, bisect_left(begins, numbers[-1] + 1)):
            if bulk.base not in named and (lacks := _lacking(scope, bulk, read, numbers)):
                named.add(bulk.base)
                yield _half(index, scope, bulk, read, lacks)


def _covering(index: Index, scope: Scope) -> Iterator[tuple[Operation, list[int]]]:
    """Give walks and final readings with the numbers that they have, if any; an index follows message by message."""
    for read in scope.reads:
        if read.f == "list" and read.rows:
            yield read, sorted(read.numbers)
    for source, reading in index.judged(scope).items():
        if reading.rows and source != "index":
            yield reading.by, sorted(reading.rows)


def _lacking(scope: Scope, bulk: Write, read: Operation, numbers: list[int]) -> list[int]:
    """Give the numbers of a bulk that are missing beside others of it."""
    begin, end = max(bulk.base, read.after + 1), bulk.base + len(bulk.values)
    at = bisect_left(numbers, begin)
    present = bisect_left(numbers, end) - at
    if present in {0, end - begin}:
        return []
    there = set(numbers[at : at + present])
    return [number for number in range(begin, end) if number not in there and not scope.may_lack(number, read.end_ns)]


def _half(index: Index, scope: Scope, bulk: Write, read: Operation, lacks: list[int]) -> Finding:
    last = bulk.base + len(bulk.values) - 1
    source = f" ({read.svc})" if read.f == "final" else ""
    what = (
        f"{read.name}{source} read a part of the bulk {bulk.base}..{last} of {bulk.tried.name} "
        f"{index.seconds(read.end_ns)}: {lacks[0]} is missing"
    )
    return index.found(PHANTOM, scope, what, read, bulk.tried, number=lacks[0], value=bulk.values[0])
