"""How long a message takes to be found, and whether it stays found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from parley.verify.index import Index
from parley.verify.operations import Operation
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


class Looked(NamedTuple):
    """An acknowledged value with the searches for it in its chat."""

    write: Write
    offset: int
    searches: list[Operation]
    found_by: Operation | None
    """The search that found it and ended first."""

    @property
    def value(self) -> str:
        """What was looked for."""
        return self.write.values[self.offset]

    @property
    def number(self) -> int:
        """Where it is."""
        return self.write.base + self.offset

    def missed_by(self) -> Iterator[Operation]:
        """Give the searches that did not find it, begun after one had, and over while it certainly was live."""
        if self.found_by is None:
            return
        until_ns = _may_end_ns(self.write, self.number)
        for search in self.searches:
            if self.found_by.end_ns < search.begin_ns and search.end_ns < until_ns and not _has(search, self.value):
                yield search


def looked_for(index: Index, scope: Scope) -> Iterator[Looked]:
    """Give every acknowledged value of a scope that somebody looked for there."""
    for value, searches in _by_value(scope).items():
        write, offset = index.values.get(value, (None, 0))
        if write is None or not write.acks or write.scope is not scope:
            continue
        found = (search for search in searches if _has(search, value))
        yield Looked(write, offset, searches, min(found, key=lambda search: search.end_ns, default=None))


def stability_of(index: Index) -> Stability:
    """Go through the searches of every value."""
    latencies: list[int] = []
    kinds: Counter[str] = Counter()
    for scope in index.scopes.values():
        for looked in looked_for(index, scope):
            kinds[_kind(looked)] += 1
            if looked.found_by is not None:
                latencies.append(max(0, looked.found_by.end_ns - looked.write.end_ns))
    return Stability(kinds["stable"], kinds["lost"], kinds["never"], quantiles_of(latencies))


def _by_value(scope: Scope) -> dict[str, list[Operation]]:
    searches: dict[str, list[Operation]] = {}
    for search in scope.searches:
        if search.v:
            searches.setdefault(search.v[0], []).append(search)
    return searches


def _has(search: Operation, value: str) -> bool:
    return any(row.value == value for row in search.rows)


def _kind(looked: Looked) -> str:
    if looked.found_by is None:
        return "never"
    return "stable" if next(looked.missed_by(), None) is None else "lost"


def _may_end_ns(write: Write, number: int) -> int:
    """Give the time from which a value may be deleted, or overwritten."""
    scope = write.scope
    others = (edit for edit in scope.edits.get(number, ()) if edit is not write and not edit.is_refused)
    edits = (edit.begin_ns for edit in others if edit.done_ns >= write.begin_ns)
    return min(scope.removal(number).possible_ns, scope.closing.possible_ns, *edits)
