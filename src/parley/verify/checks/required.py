"""What a read of a scope must have at a time: everything that was acknowledged before and is not deleted."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Final

from parley.verify.operations import NEVER
from parley.verify.scopes import Scope
from parley.verify.writes import Write


class Required:
    """Moves with the time, which only goes on."""

    def __init__(self, scope: Scope, end_ns: Callable[[Write], int]) -> None:
        """Take the creates, latest first, so that the next is at the end, and how to tell since when one is owed."""
        owed = (write for write in scope.creates if write.base and end_ns(write) != NEVER)
        self._end_ns: Final = end_ns
        self._coming: Final = sorted(owed, key=end_ns, reverse=True)
        removed = ((removal.possible_ns, number) for number, removal in scope.removals.items())
        self._going: Final = sorted(removed, reverse=True)
        self._gone: Final[set[int]] = set()
        self._numbers: Final[list[int]] = []
        self._writes: Final[dict[int, Write]] = {}

    def advance(self, ns: int) -> None:
        """Go to a time: take in what was acknowledged before it, and let go what may be deleted since."""
        while self._going and self._going[-1][0] <= ns:
            number = self._going.pop()[1]
            self._gone.add(number)
            self.drop(number)
        while self._coming and self._end_ns(self._coming[-1]) < ns:
            self._take(self._coming.pop())

    def _take(self, write: Write) -> None:
        for number in write.numbers:
            if number not in self._gone and number not in self._writes:
                self._writes[number] = write
                insort(self._numbers, number)

    def between(self, begin: int, end: int) -> list[int]:
        """Give the numbers from ``begin`` to below ``end`` that a read must have."""
        return self._numbers[bisect_left(self._numbers, begin) : bisect_left(self._numbers, end)]

    def drop(self, number: int) -> Write | None:
        """Require a number no more; give who wrote it, if it was required."""
        write = self._writes.pop(number, None)
        if write is not None:
            del self._numbers[bisect_left(self._numbers, number)]
        return write
