"""Counts follow the writes within their lag, and are exact at the end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

from parley.verify.findings import Finding
from parley.verify.index import Index
from parley.verify.operations import NEVER, Operation
from parley.verify.scopes import Scope
from parley.verify.writes import acknowledged_ns, stored_ns

COUNTS: Final = "counts"


def find_wrong_counts(index: Index) -> Iterator[Finding]:
    """Find counts that no state within the lag has, and counts of the final phase that are not the number of rows.

    A count is at least what was acknowledged a lag before it was asked for, less all that may be deleted when it is
    answered; it is at most all that may be created by then, less what was surely deleted a lag before. To a degraded
    count, what was acknowledged as stored counts alone. Where a fault may still be felt, a count may be late by any
    time, but never ahead.
    """
    lag_ns = int(index.manifest.count_lag_s * 10**9)
    for scope in index.scopes.values():
        bounds = _Bounds(scope)
        stored = _Bounds(scope, is_stored=True) if any(read.degraded for read in scope.counts) else bounds
        for read in scope.counts:
            if scope.closing.possible_ns <= read.end_ns:
                continue
            if read.begin_ns >= index.final_ns:
                what = _exact(index, scope, read)
            else:
                what = _near(index, stored if read.degraded else bounds, read, lag_ns)
            if what:
                yield index.found(COUNTS, scope, f"{read.name} counted {read.count}, {what}", read)


def longest_lag_ns(index: Index) -> int:
    """Give how late a count of the recording was at most."""
    lags = (_Bounds(scope).lags_ns(scope.counts) for scope in index.scopes.values() if scope.counts)
    return max((lag for each in lags for lag in each), default=0)


class _Bounds:
    """When the numbers of a scope came to be and ceased to be, possibly and surely."""

    def __init__(self, scope: Scope, *, is_stored: bool = False) -> None:
        end_ns = stored_ns if is_stored else acknowledged_ns
        creates = [write for write in scope.creates if not write.is_refused]
        self._created: Final = sorted(end_ns(write) for write in creates for _ in write.values)
        self._possible: Final = sorted(write.begin_ns for write in creates for _ in write.values)
        removals = scope.removals.values()
        self._removed: Final = sorted(removal.stored_ns if is_stored else removal.sure_ns for removal in removals)
        self._removable: Final = sorted(removal.possible_ns for removal in scope.removals.values())

    def lag_ns(self, read: Operation) -> int:
        """Give how long before the read something was acknowledged that the count lacks."""
        lacking = (read.count or 0) + bisect_right(self._removable, read.end_ns)
        if lacking >= len(self._created):
            return 0
        return max(0, read.begin_ns - self._created[lacking])

    def lags_ns(self, reads: list[Operation]) -> Iterator[int]:
        """Give them for many reads."""
        return (self.lag_ns(read) for read in reads)

    def most(self, read: Operation, since_ns: int) -> int:
        """Give what a count can be at most that knows all deletions before a time."""
        return bisect_left(self._possible, read.end_ns) - bisect_left(self._removed, since_ns)


def _near(index: Index, bounds: _Bounds, read: Operation, lag_ns: int) -> str:
    since_ns = read.begin_ns - lag_ns
    is_excused = index.faults.delays(since_ns, read.end_ns)
    behind_ns = bounds.lag_ns(read)
    if behind_ns > lag_ns and not is_excused:
        return f"and lacks what was acknowledged {behind_ns / 10**6:.0f} ms before"
    most = bounds.most(read, 0 if is_excused else since_ns)
    return f"and there can be {most} at most" if (read.count or 0) > most else ""


def _exact(index: Index, scope: Scope, read: Operation) -> str:
    reading = index.at_end(scope)
    if reading is None or scope.closing.possible_ns != NEVER:
        return ""
    return "" if read.count == len(reading.rows) else f"and there are {len(reading.rows)} rows at the end"
