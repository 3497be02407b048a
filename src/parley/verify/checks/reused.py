"""One number has one meaning: never a second message, never other bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parley.verify.findings import Finding
from parley.verify.index import Index
from parley.verify.operations import Operation
from parley.verify.scopes import Scope
from parley.verify.writes import Write

REUSED: Final = "reused"


def find_reused(index: Index) -> Iterator[Finding]:
    """Find numbers under which two creates were acknowledged or read, and texts whose digest nobody wrote.

    An edit gives a number a new text, not a new meaning: its values are left to the check of edits.
    """
    for scope in index.scopes.values():
        yield from _second_owners(index, scope)
        yield from _other_bytes(index, scope)


def _second_owners(index: Index, scope: Scope) -> Iterator[Finding]:
    named: set[tuple[int, int]] = set()
    for number, write, by in _claims(scope):
        owner = scope.owners.get(number, write)
        if owner is write or (number, id(write)) in named or owner.base_by is None:
            continue
        named.add((number, id(write)))
        first = owner.base_by
        what = (
            f"number {number} is {owner.values[number - owner.base]} in {first.name} {index.seconds(first.end_ns)} "
            f"and {write.values[0]} in {by.name} {index.seconds(by.end_ns)}"
        )
        yield index.found(REUSED, scope, what, by, first, number=number, value=write.values[0])


def _claims(scope: Scope) -> Iterator[tuple[int, Write, Operation]]:
    """Give every number with a create that was acknowledged or read there."""
    for write in scope.creates:
        for ack in write.acks:
            if ack.n:
                yield from ((ack.n + offset, write, ack) for offset in range(len(write.values)))
    for version in scope.versions.values():
        writer = version.write
        if writer is not None and writer.scope is scope and not writer.edited:
            yield version.row.number, writer, version.first


def _other_bytes(index: Index, scope: Scope) -> Iterator[Finding]:
    for version in scope.versions.values():
        if version.write is None or version.write.scope is not scope:
            continue
        row, written = version.row, version.write.sha(version.offset)
        if row.sha and written and row.sha != written:
            what = (
                f"number {row.number} ({row.value}) was written with the digest {written} "
                f"and read with {row.sha} by {version.first.name}"
            )
            yield index.found(
                REUSED, scope, what, version.first, version.write.tried, number=row.number, value=row.value
            )
