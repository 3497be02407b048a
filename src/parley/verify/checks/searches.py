"""A search finds what it looks for: no other message, none that is gone, and in the end every one that is live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parley.verify.checks.lost import same_text
from parley.verify.findings import Finding
from parley.verify.history import Row
from parley.verify.index import Index
from parley.verify.operations import Operation
from parley.verify.registers import Register
from parley.verify.scopes import Scope
from parley.verify.stability import looked_for
from parley.verify.writes import Write

SEARCH: Final = "search"


def find_wrong_hits(index: Index) -> Iterator[Finding]:
    """Find wrong and deleted hits, live messages that are not found in the end, and an index unlike the rows.

    Every value is a unique word, so a search for one finds its message alone. A message that was deleted, or whose
    value was overwritten, may be found within the lag, and longer where a fault may still be felt; what was found once
    is found again, where no fault is felt. What is not found yet is reported (see `stability`). In the final phase of
    what was drained a search finds exactly what is live.
    """
    for scope in index.scopes.values():
        for read in scope.searches:
            yield from _hits(index, scope, read)
        yield from _missed(index, scope)
        if index.manifest.drained and not scope.may_be_closed:
            yield from _final(index, scope)


def _hits(index: Index, scope: Scope, read: Operation) -> Iterator[Finding]:
    wanted = read.v[0] if read.v else ""
    for row in read.rows:
        write, _ = index.values.get(row.value, (None, 0))
        if write is None or write.scope is not scope:
            continue  # a phantom, or another application's
        if wanted in index.values and row.value != wanted:
            what = f"{read.name} looked for {wanted} and found {row.value}, number {row.number}"
            yield index.found(SEARCH, scope, what, read, number=row.number, value=row.value)
        else:
            yield from _gone(index, scope, read, row, write)
    if wanted in index.values and not read.is_denied and read.begin_ns >= index.final_ns:
        yield from _unfound(index, scope, read, wanted)


def _gone(index: Index, scope: Scope, read: Operation, row: Row, write: Write) -> Iterator[Finding]:
    register = Register(scope.edits.get(row.number, ()))
    gone_ns = min(scope.removal(row.number).sure_ns, scope.closing.sure_ns, register.overwritten_ns(write))
    since_ns = read.begin_ns - _lag_ns(index)
    if since_ns > gone_ns and not index.faults.delays(since_ns, read.end_ns):
        late_ms = (read.begin_ns - gone_ns) / 10**6
        what = f"{read.name} found number {row.number} ({row.value}) {late_ms:.0f} ms after it was deleted or edited"
        yield index.found(SEARCH, scope, what, read, number=row.number, value=row.value)


def _unfound(index: Index, scope: Scope, read: Operation, wanted: str) -> Iterator[Finding]:
    reading = index.at_end(scope)
    write, offset = index.values[wanted]
    if reading is None or write.scope is not scope:
        return
    number = write.base + offset
    row = reading.rows.get(number)
    is_live = row is not None and row.value == wanted
    if is_live and number not in read.numbers:
        what = f"{read.name} looked for {wanted} in the end and did not find number {number}, which is live"
        yield index.found(SEARCH, scope, what, read, number=number, value=wanted)
    elif not is_live and any(hit.value == wanted for hit in read.rows):
        what = f"{read.name} looked for {wanted} in the end and found it, and number {number} is not that"
        yield index.found(SEARCH, scope, what, read, number=number, value=wanted)


def _missed(index: Index, scope: Scope) -> Iterator[Finding]:
    """Name each value once that was found and then was not."""
    for looked in looked_for(index, scope):
        for read in looked.missed_by():
            if read.begin_ns >= index.final_ns or index.faults.delays(read.begin_ns - _lag_ns(index), read.end_ns):
                continue
            first, value = looked.found_by, looked.value
            what = f"{read.name} looked for {value} and did not find number {looked.number}"
            if first is not None:
                what += f", which {first.name} had found {(read.begin_ns - first.end_ns) / 10**6:.3f} ms before"
            yield index.found(SEARCH, scope, what, read, *filter(None, [first]), number=looked.number, value=value)
            break


def _lag_ns(index: Index) -> int:
    return int(index.manifest.search_lag_s * 10**9)


def _final(index: Index, scope: Scope) -> Iterator[Finding]:
    """Compare the index with the rows; what was acknowledged and is missing is lost, and named there."""
    readings = index.judged(scope)
    live, indexed = index.at_end(scope), readings.get("index")
    if live is None or indexed is None or live.rows == indexed.rows:
        return
    for number in sorted(live.rows.keys() | indexed.rows.keys()):
        row, hit = live.rows.get(number), indexed.rows.get(number)
        owner = scope.owners.get(number)
        is_named = hit is None and owner is not None and owner.is_firm
        if not is_named and not same_text(row, hit):
            told = "is not live" if row is None else f"is live as {row.value}"
            found = "is not there" if hit is None else f"has {hit.value or 'it'}"
            what = f"number {number} {told}, and in the index {found}"
            yield index.found(SEARCH, scope, what, indexed.by, number=number)
