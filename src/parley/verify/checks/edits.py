"""A message reads as its last edit: never as one that was overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parley.verify.findings import Finding
from parley.verify.history import Row
from parley.verify.index import Index
from parley.verify.operations import Operation
from parley.verify.registers import Register
from parley.verify.scopes import Scope, Version
from parley.verify.writes import Write, stored_ns

EDITS: Final = "edits"


def find_stale_edits(index: Index) -> Iterator[Finding]:
    """Find reads of a value that was overwritten, and edits that are read at another number.

    A message is a register. A read may show the create or an edit, unless another edit both was acknowledged before the
    read was invoked and began after that write had ended; an unknown edit never ends, so it may show at any later time.
    The final readings are such reads, so the last value must be a possible last one. Searches may be late, and degraded
    answers until the edit is stored.
    """
    for scope in index.scopes.values():
        registers: dict[int, Register] = {}
        for version in scope.versions.values():
            number, write = version.row.number, version.write
            if write is None or write.scope is not scope:
                continue
            if write.edited and write.edited != number:
                yield _misplaced(index, scope, version, write)
            elif number in scope.edits:
                register = registers.get(number) or registers.setdefault(number, Register(scope.edits[number]))
                yield from _stale(index, scope, version, register)
                yield from _stale_though_stored(index, scope, version)


def _misplaced(index: Index, scope: Scope, version: Version, write: Write) -> Finding:
    row, read = version.row, version.first
    what = f"{read.name} read {row.value} as number {row.number}, an edit of number {write.edited}"
    return index.found(EDITS, scope, what, read, write.tried, number=row.number, value=row.value)


def _stale(index: Index, scope: Scope, version: Version, register: Register) -> Iterator[Finding]:
    edit = version.write and register.overwriting(version.write)
    if edit and version.last and version.last.begin_ns > edit.end_ns:
        yield _late(index, scope, version.row, version.last, (edit, edit.end_ns))


def _stale_though_stored(index: Index, scope: Scope, version: Version) -> Iterator[Finding]:
    if version.write is None or version.marked is None:
        return
    edit = Register(scope.edits[version.row.number], stored_ns).overwriting(version.write)
    if edit and version.marked.begin_ns > edit.stored_ns:
        yield _late(index, scope, version.row, version.marked, (edit, edit.stored_ns))


def _late(index: Index, scope: Scope, row: Row, read: Operation, known: tuple[Write, int]) -> Finding:
    """Name a read, and the edit that must have been known to it since a time."""
    edit, since_ns = known
    by = next(ack for ack in edit.acks if ack.end_ns == since_ns)
    source = f" ({read.svc})" if read.f == "final" else ""
    what = (
        f"{read.name}{source} read {row.value} as number {row.number} "
        f"{(read.begin_ns - by.end_ns) / 10**6:.3f} ms after {by.name} had made it {edit.values[0]}"
    )
    return index.found(EDITS, scope, what, read, by, number=row.number, value=row.value)
