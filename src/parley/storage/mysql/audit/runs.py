"""Ranges of numbers: much smaller than the numbers."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

Range = tuple[int, int]
"""First and last."""


class Runs(Sequence[int]):
    """Distinct numbers, sorted, as a sequence; held as runs of consecutive ones."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        """Take ranges in any order; they may overlap."""
        self._firsts, self._ends, self._before = array("q"), array("q"), array("q")
        count, last = 0, None
        for first, end in sorted(ranges):
            begin = first if last is None else max(first, last + 1)
            if begin > end:
                continue
            if last is not None and begin == last + 1:
                self._ends[-1] = end
            else:
                self._firsts.append(begin)
                self._ends.append(end)
                self._before.append(count)
            count += end - begin + 1
            last = end
        self._count = count

    def __len__(self) -> int:
        """Count the numbers."""
        return self._count

    def __contains__(self, number: object) -> bool:
        """Tell whether it is one of them."""
        if not isinstance(number, int):
            return False
        run = bisect_right(self._firsts, number) - 1
        return run >= 0 and number <= self._ends[run]

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> list[int]: ...

    def __getitem__(self, index: int | slice) -> int | list[int]:
        """Give the number at a place, or those at some."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self._count))]
        place = index + self._count if index < 0 else index
        if not 0 <= place < self._count:
            raise IndexError(index)
        run = bisect_right(self._before, place) - 1
        return self._firsts[run] + place - self._before[run]


def without(ranges: Iterable[Range], others: Iterable[Range]) -> Iterator[Range]:
    """Give what is left of rising ranges when other ranges, rising by first, are taken out."""
    taken = list(others)
    for whole in ranges:
        first, last = whole
        for begin, end in taken:
            if begin > last:
                break
            if end < first:
                continue
            if begin > first:
                yield first, begin - 1
            first = end + 1
        if first <= last:
            yield first, last
