"""Reads show what they must: what was acknowledged, what the client has seen, each number once and in order."""

from __future__ import annotations

from collections.abc import Iterator
from operator import lt
from typing import Final

from parley.verify.checks.denied import OWN
from parley.verify.checks.required import Required
from parley.verify.checks.witness import Witness
from parley.verify.findings import Finding
from parley.verify.history import Row
from parley.verify.index import Index
from parley.verify.operations import Operation
from parley.verify.registers import Register
from parley.verify.scopes import Scope
from parley.verify.writes import Write, acknowledged_ns, stored_ns

PREFIX: Final = "prefix"
WALK: Final = "page walk"
_ENDLESS: Final = 2**63


def watch_reads(index: Index) -> Iterator[Finding]:
    """Go through the reads of every scope by their begin, for three checks that share the way.

    - read your write: a ``get`` or ``list`` has every number that was acknowledged before it was invoked, if its client
      wrote it, or if it is a ``get``; unless a deletion was invoked before it was answered.
    - page walk: the same for a ``list`` and the writes of other clients. The numbers of a walk rise, none comes twice,
      and none lies outside of what was asked for.
    - prefix: what a client has seen stays: a number that it saw before is there with the same value, unless a deletion
      or an edit was invoked before the later read was answered; and a value never goes back to one that it overwrote.

    What a degraded answer covers, or a page of it, owes what was acknowledged as stored, and nothing else of these. A
    number that is missing is named once, at the first read that lacks it: as read your write if its client wrote it,
    else as prefix if its client saw it.
    """
    for scope in index.scopes.values():
        if scope.reads:
            yield from _Watch(index, scope).findings()
        for read in scope.finals:
            if read.svc == "pages":
                yield from _shape(index, scope, read)


class _Watch:
    """One scope."""

    def __init__(self, index: Index, scope: Scope) -> None:
        self._index: Final = index
        self._scope: Final = scope
        self._required: Final = Required(scope, acknowledged_ns)
        self._stored: Final = Required(scope, stored_ns)
        self._witnesses: Final[dict[int, Witness]] = {}

    def findings(self) -> Iterator[Finding]:
        for read in self._scope.reads:
            yield from _shape(self._index, self._scope, read)
            witness = self._witnesses.get(read.p) or self._witnesses.setdefault(read.p, Witness())
            self._required.advance(read.begin_ns)
            yield from self._missing(read, witness)
            yield from self._changed(read, witness)

    def _missing(self, read: Operation, witness: Witness) -> Iterator[Finding]:
        if self._scope.closing.possible_ns <= read.end_ns or self._is_denied(read):
            return
        begin, end = (read.after + 1, _ENDLESS) if read.f == "list" else (read.n, read.n + 1)
        owed = {*self._required.between(begin, end), *witness.between(begin, end)}
        if read.degraded:
            self._stored.advance(read.begin_ns)
            owed = {number for number in owed if not read.is_marked(number)}.union(self._stored.between(begin, end))
        for number in sorted(owed.difference(read.numbers)):
            if self._scope.may_lack(number, read.end_ns):
                witness.forget(number)
            else:
                yield from self._absent(read, witness, number)

    def _is_denied(self, read: Operation) -> bool:
        """Tell whether a list says that what is known to be there is not: that is named as such, not by number."""
        if read.f != "list" or not read.is_denied:
            return False
        opening = self._index.opening(self._scope)
        return opening is not None and opening.end_ns < read.begin_ns

    def _absent(self, read: Operation, witness: Witness, number: int) -> Iterator[Finding]:
        row = witness.rows.get(number)
        first = witness.read_by(number) if row is not None and self._stays(row) else None
        write = self._required.drop(number)
        self._stored.drop(number)
        witness.forget(number)
        if write is not None and (first is None or any(_is_own(ack, read) for ack in write.acks)):
            yield self._unread(read, write, number)
        elif row is not None and first is not None:
            what = (
                f"{read.name} lacks number {number} ({row.value}), which the same client had read in {first.name}, "
                f"{(read.begin_ns - first.end_ns) / 10**6:.3f} ms before"
            )
            yield self._index.found(PREFIX, self._scope, what, read, first, number=number, value=row.value)

    def _unread(self, read: Operation, write: Write, number: int) -> Finding:
        ack = min(write.acks, key=lambda ack: (not _is_own(ack, read), ack.end_ns))
        is_own = _is_own(ack, read)
        value = write.values[number - write.base]
        what = (
            f"{read.name} lacks number {number} ({value}), which was acknowledged to "
            f"{'the same client' if is_own else f'client {ack.p}'} {(read.begin_ns - ack.end_ns) / 10**6:.3f} ms before"
        )
        check = OWN if is_own or read.f == "get" else WALK
        return self._index.found(check, self._scope, what, read, ack, number=number, value=value)

    def _stays(self, row: Row) -> bool:
        """Tell whether what was read may not go again; a write that has another number by now was lost, or is twice."""
        write, offset = self._index.values.get(row.value, (None, 0))
        return write is not None and self._index.stays(write) and write.base + offset == row.number

    def _changed(self, read: Operation, witness: Witness) -> Iterator[Finding]:
        for row, before, first in witness.see(read):
            if self._stays(before) and self._goes_back(read, row, before):
                what = (
                    f"{read.name} read {row.value} as number {row.number}, where the same client had read "
                    f"{before.value} in {first.name}, {(read.begin_ns - first.end_ns) / 10**6:.3f} ms before"
                )
                yield self._index.found(PREFIX, self._scope, what, read, first, number=row.number, value=row.value)

    def _goes_back(self, read: Operation, row: Row, before: Row) -> bool:
        """Tell whether a value follows one that it cannot follow; what is stale for everybody is a matter of edits."""
        one, other = self._index.values.get(before.value), self._index.values.get(row.value)
        if one is None or other is None or _may_follow(one[0], other[0], read):
            return False
        register = Register(self._scope.edits.get(row.number, ()))
        return read.begin_ns <= register.overwritten_ns(other[0])


def _is_own(ack: Operation, read: Operation) -> bool:
    return ack.p == read.p and ack.end_ns < read.begin_ns


def _may_follow(before: Write, after: Write, read: Operation) -> bool:
    """Tell whether a value may take another's place: an edit, invoked by now, that had not ended when the other began.

    What is no edit of this number at all is for other checks to name.
    """
    if not after.edited:
        return not before.edited
    return after.begin_ns <= read.end_ns and after.done_ns >= before.begin_ns


def _shape(index: Index, scope: Scope, read: Operation) -> Iterator[Finding]:
    """Look at the order of a walk, and that a ``get`` has what it asked for."""
    if read.f == "get":
        if any(row.number != read.n for row in read.rows):
            what = f"{read.name} asked for number {read.n} and got {read.rows[0].number}"
            yield index.found(WALK, scope, what, read, number=read.n)
        return
    last = read.after
    if all(map(lt, (last, *read.numbers), read.numbers)):
        return
    for row in read.rows:
        if row.number <= last:
            told = "repeats" if row.number == last else "goes back to"
            what = f"{read.name} {told} number {row.number} ({row.value}) after {last}"
            yield index.found(WALK, scope, what, read, number=row.number, value=row.value)
        last = row.number
