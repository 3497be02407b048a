"""Things by number, as pages of them are asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from typing import TypeVar

from parley.domain.cursors import Window

T = TypeVar("T")


class Rising(Mapping[int, T]):
    """Things by number, which rises as they come; they go in any order."""

    __slots__ = ("_order", "_things")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._things: dict[int, T] = {}
        self._order: list[int] | None = None
        """The numbers, if nothing has gone since they were asked for."""

    def __getitem__(self, number: int) -> T:
        """Give the thing of a number."""
        return self._things[number]

    def __iter__(self) -> Iterator[int]:
        """Go through the numbers."""
        return iter(self._things)

    def __len__(self) -> int:
        """Count the things."""
        return len(self._things)

    def add(self, number: int, thing: T) -> None:
        """Add a thing under the highest number so far."""
        self._things[number] = thing
        if self._order is not None:
            self._order.append(number)

    def take(self, number: int) -> T | None:
        """Take a thing away, if it is there, and give it."""
        thing = self._things.pop(number, None)
        if thing is not None:
            self._order = None
        return thing

    def within(self, window: Window) -> dict[int, T]:
        """Give the things of a page, and one more if there is one."""
        if self._order is None:
            self._order = list(self._things)
        if window.before is not None:
            stop = bisect_left(self._order, window.before)
            chosen = self._order[max(0, stop - window.limit - 1) : stop]
        else:
            start = bisect_right(self._order, window.after or 0)
            chosen = self._order[start : start + window.limit + 1]
        return {number: self._things[number] for number in chosen}

    def is_beside(self, window: Window) -> bool:
        """Whether there is anything on the side that the window does not look at."""
        if window.before is not None:
            return next(reversed(self._things), -1) >= window.before
        after = window.after or 0
        return next(iter(self._things), after + 1) <= after
