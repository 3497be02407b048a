"""Nothing is read that nobody wrote, that was refused, that is half written, or that is deleted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import Final

from parley.verify.findings import Finding
from parley.verify.index import Index
from parley.verify.operations import NEVER, Operation
from parley.verify.scopes import Scope, Version
from parley.verify.writes import Write

PHANTOM: Final = "phantom"
_LONGEST_BULK: Final = 1000
_API: Final = ("pages", "singles")
_OF_MESSAGES: Final = ("edit", "delete")
_INSIDE: Final = (*_OF_MESSAGES, "post", "get", "list", "count", "search")


def find_phantoms(index: Index) -> Iterator[Finding]:
    """Find rows that no client can have written there, parts of bulks, and what was read after its deletion.

    A value is a phantom if nobody invoked it, if every try of it failed, if it was read before it was invoked, or if
    it was written to another chat. A bulk is there whole or not at all, in every walk that covers its numbers and in
    every final reading. A number is resurrected if a read that was invoked after its deletion, or its chat's, was
    acknowledged has it; so is a chat in which anything was done after that. Searches may be late, and degraded answers
    until the deletion is stored; a value of another application is the tenant check's. In the end, what the API reads
    and the database has no row of is a phantom, whoever wrote it.
    """
    for scope in index.scopes.values():
        for version in scope.versions.values():
            yield from _unwritten(index, scope, version)
        yield from _resurrected(index, scope)
        yield from _halves(index, scope)
        yield from _rowless(index, scope)
    for operation in index.operations:
        yield from _done_after_deletion(index, operation)


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
    for version in scope.versions.values():
        removals = scope.removal(version.row.number), scope.closing
        read, by = version.last, None
        if read is not None:
            by = _deleted_before(read, *((removal.sure_ns, removal.sure_by) for removal in removals))
        if by is None and version.marked is not None:
            read = version.marked
            by = _deleted_before(read, *((removal.stored_ns, removal.stored_by) for removal in removals))
        if read is None or by is None:
            continue
        late_ms = (read.begin_ns - by.end_ns) / 10**6
        row = version.row
        what = f"{read.name} read number {row.number} ({row.value}) {late_ms:.3f} ms after {by.name} had deleted it"
        yield index.found(PHANTOM, scope, what, read, by, number=row.number, value=row.value)


def _deleted_before(read: Operation, *removed: tuple[int, Operation | None]) -> Operation | None:
    """Give the deletion after which a read began."""
    return next((by for ns, by in removed if ns < read.begin_ns), None)


def _rowless(index: Index, scope: Scope) -> Iterator[Finding]:
    """Compare what the API says in the end with the rows; what was surely deleted is named above."""
    readings = index.judged(scope)
    live = readings.get("sql")
    if live is None or scope.may_be_closed:
        return
    for reading in (each for each in readings.values() if each.source in _API):
        for number in sorted(reading.rows.keys() - live.rows.keys()):
            if scope.removal(number).sure_ns == NEVER:
                row = reading.rows[number]
                what = f"the final {reading.source} have number {number} ({row.value}), of which there is no row"
                yield index.found(PHANTOM, scope, what, reading.by, number=number, value=row.value)


def _done_after_deletion(index: Index, operation: Operation) -> Iterator[Finding]:
    """Name what was answered as if a chat, or a message, was there."""
    if not operation.is_ok or not operation.chat or operation.f not in _INSIDE or _is_nothing(operation):
        return
    scope = index.scope(operation.app, operation.chat)
    removals = [scope.closing, scope.removal(operation.n)] if operation.f in _OF_MESSAGES else [scope.closing]
    if operation.degraded:
        by = _deleted_before(operation, *((removal.stored_ns, removal.stored_by) for removal in removals))
    else:
        by = _deleted_before(operation, *((removal.sure_ns, removal.sure_by) for removal in removals))
    if by is not None and not operation.rows:  # rows are named above
        late_ms = (operation.begin_ns - by.end_ns) / 10**6
        what = f"{operation.name} was answered {operation.http or 200} {late_ms:.3f} ms after {by.name} had deleted it"
        yield index.found(PHANTOM, scope, what, operation, by, number=operation.n)
    elif by is None and operation.begin_ns > index.final_ns and _is_gone(index, operation):
        what = f"{operation.name} was answered {operation.http or 200} in the end, and the chat is deleted in the rows"
        yield index.found(PHANTOM, scope, what, operation, number=operation.n)


def _is_nothing(operation: Operation) -> bool:
    """Tell whether an answer shows nothing of a chat: that there is none, or what a key was answered before."""
    return operation.is_denied or operation.replayed or (operation.f == "get" and not operation.rows)


def _is_gone(index: Index, operation: Operation) -> bool:
    """Tell whether the rows say in the end that a chat is deleted."""
    chats = index.judged(index.scope(operation.app, 0)).get("sql")
    return chats is not None and operation.chat in chats.tombstones


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
