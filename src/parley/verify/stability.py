"""How long a message takes to be found, and whether it stays found."""

from __future__ import annotations

from collections import Counter

import msgspec

from parley.verify.index import Index
from parley.verify.operations import NEVER, Operation
from parley.verify.quantiles import Quantiles, quantiles_of
from parley.verify.scopes import Scope
from parley.verify.writes import Write


class Stability(msgspec.Struct, frozen=True):
    """Of the acknowledged values that were looked for, as Jepsen's set-full tells them apart."""

    stable: int
    """Found, and by every later search."""
    lost_after_seen: int
    """Found, and missed by a later search while they were live."""
    never_read: int
    """Never found."""
    latency: Quantiles | None
    """From the acknowledgement to the end of the first search that found it."""


def stability_of(index: Index) -> Stability:
    """Go through the searches of every value."""
    latencies: list[int] = []
    kinds: Counter[str] = Counter()
    for scope in index.scopes.values():
        for value, searches in _by_value(scope).items():
            write, offset = index.values.get(value, (None, 0))
            if write is None or not write.acks or write.scope is not scope:
                continue
            seen_ns = min((search.end_ns for search in searches if _has(search, value)), default=NEVER)
            kinds[_kind(write, offset, searches, seen_ns)] += 1
            if seen_ns != NEVER:
                latencies.append(max(0, seen_ns - write.end_ns))
    return Stability(kinds["stable"], kinds["lost"], kinds["never"], quantiles_of(latencies))


def _by_value(scope: Scope) -> dict[str, list[Operation]]:
    searches: dict[str, list[Operation]] = {}
    for search in scope.searches:
        if search.v:
            searches.setdefault(search.v[0], []).append(search)
    return searches


def _has(search: Operation, value: str) -> bool:
    return any(row.value == value for row in search.rows)


def _kind(write: Write, offset: int, searches: list[Operation], seen_ns: int) -> str:
    if seen_ns == NEVER:
        return "never"
    until_ns = _may_end_ns(write, write.base + offset)
    missed = (each for each in searches if seen_ns < each.begin_ns and each.end_ns < until_ns)
    return "stable" if all(_has(search, write.values[offset]) for search in missed) else "lost"


def _may_end_ns(write: Write, number: int) -> int:
    """Give the time from which a value may be deleted, or overwritten."""
    scope = write.scope
    edits = (edit.begin_ns for edit in scope.edits.get(number, ()) if edit is not write and not edit.is_refused)
    return min(scope.removal(number).possible_ns, scope.closing.possible_ns, *edits)
