"""A set of numbers in as much memory as it has holes, however many they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator


class Ranges:
    """An inversion list: only where the numbers begin and end is kept, and those of a chat leave hardly any out."""

    def __init__(self) -> None:
        """Start empty."""
        self._edges: list[int] = []
        """The first number of a range, the first that no longer is one, and so on, ascending."""
        self._count = 0

    def __len__(self) -> int:
        """Count them."""
        return self._count

    def __contains__(self, number: int) -> bool:
        """Tell whether it was added."""
        return bisect_right(self._edges, number) % 2 == 1

    def __iter__(self) -> Iterator[int]:
        """Go through them in order."""
        return (number for begin, end in self._pairs() for number in range(begin, end))

    def __getitem__(self, index: int) -> int:
        """Give one by its place in the order."""
        for begin, end in self._pairs():
            if index < end - begin:
                return begin + index
            index -= end - begin
        raise IndexError(index)

    @property
    def is_dense(self) -> bool:
        """Tell whether they are 1, 2, 3 … without a hole."""
        return self._edges in ([], [1, self._count + 1])

    def add(self, number: int) -> bool:
        """Add one, and tell whether it is new."""
        edges = self._edges
        at = bisect_right(edges, number)
        if at % 2:
            return False
        goes_on, is_followed = at > 0 and edges[at - 1] == number, edges[at : at + 1] == [number + 1]
        edges[at - goes_on : at + is_followed] = [number] * (not goes_on) + [number + 1] * (not is_followed)
        self._count += 1
        return True

    def _pairs(self) -> Iterator[tuple[int, int]]:
        edges = iter(self._edges)
        return zip(edges, edges, strict=True)
