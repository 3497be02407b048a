"""One write has one place: a value, a key and a retry never come under a second number."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from parley.verify.findings import Finding
from parley.verify.index import Index
from parley.verify.scopes import Scope
from parley.verify.writes import Write

DUPLICATE: Final = "duplicate"


def find_duplicates(index: Index) -> Iterator[Finding]:
    """Find writes under two numbers: in an acknowledgement, its retries, any read and any final reading.

    Where answers below the promised level were given, what was read of a write may be lost, and a retry then takes a
    new number: there only acknowledgements and final readings count. The values of a bulk are consecutive, so each of
    them tells where the first one is. Two writes with one key are one write to the service: they, too, have one
    number.
    """
    for scope in index.scopes.values():
        for write in scope.creates:
            yield from _places(index, scope, write)
    for (_, _, key), writes in index.keyed.items():
        yield from _keys(index, key, writes)


def _places(index: Index, scope: Scope, write: Write) -> Iterator[Finding]:
    named = set()
    for base, by in write.others:
        if base in named or write.base_by is None:
            continue
        named.add(base)
        first = write.base_by
        what = (
            f"{write.values[0]} is number {write.base} in {first.name} {index.seconds(first.end_ns)} "
            f"and number {base} in {by.name} {index.seconds(by.end_ns)}"
        )
        yield index.found(DUPLICATE, scope, what, by, first, number=base, value=write.values[0])


def _keys(index: Index, key: str, writes: list[Write]) -> Iterator[Finding]:
    placed = [(write, write.base_by) for write in writes if write.base_by is not None]
    for (one, one_by), (other, other_by) in pairwise(placed):
        if (one.scope, one.base) != (other.scope, other.base):
            what = (
                f"the key {key} has number {one.base} in {one_by.name} "
                f"and number {other.base} in {other_by.name}, in {other.scope.where}"
            )
            yield index.found(DUPLICATE, one.scope, what, other_by, one_by, number=other.base, value=other.values[0])
