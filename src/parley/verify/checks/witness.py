"""What one client has read of one scope."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final

from parley.verify.history import Row
from parley.verify.operations import Operation


class Witness:
    """Remembers rows by number, and who read them first in their present text."""

    def __init__(self) -> None:
        """Begin without having read."""
        self.rows: Final[dict[int, Row]] = {}
        self._numbers: Final[list[int]] = []
        self._reads: Final[dict[int, Operation]] = {}

    def see(self, read: Operation) -> list[tuple[Row, Row, Operation]]:
        """Take what a read has; give each row that differs from what was read before, with that and who read it.

        A degraded read adds what is new, and takes nothing back.
        """
        changed = []
        for row, known in zip(read.rows, map(self.rows.get, read.numbers), strict=True):
            if known is row:
                continue
            if known is None:
                insort(self._numbers, row.number)
            elif read.degraded:
                continue
            else:
                changed.append((row, known, self._reads[row.number]))
            self.rows[row.number] = row
            self._reads[row.number] = read
        return changed

    def between(self, begin: int, end: int) -> list[int]:
        """Give the numbers from ``begin`` to below ``end`` that were read."""
        return self._numbers[bisect_left(self._numbers, begin) : bisect_left(self._numbers, end)]

    def read_by(self, number: int) -> Operation:
        """Give the read that saw a number's present text first."""
        return self._reads[number]

    def forget(self, number: int) -> None:
        """Expect a number no more."""
        if self.rows.pop(number, None) is not None:
            del self._numbers[bisect_left(self._numbers, number)]
            del self._reads[number]
