"""A chat of a service that does everything right, and now and then crashes."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from parley.verify.history import Row


class ServedChat:
    """What a service holds of a chat."""

    def __init__(self, app: str, number: int) -> None:
        """Begin empty."""
        self.app: Final = app
        self.number: Final = number
        self.last = 0
        self.rows: Final[dict[int, Row]] = {}
        self.order: list[int] = []
        """Numbers of live messages, rising."""
        self.indexed: Final[dict[str, int]] = {}
        self.fragile: Final[set[int]] = set()
        """What a crash loses."""
        self.stored_until = 0
        """The highest number that was answered as stored: degraded reads have it, too, and all before it."""
        self.found: Final[set[str]] = set()
        """Words that a search has found: the index has them."""
        self.tombstones: Final[list[int]] = []
        self.gaps: Final[list[tuple[int, int]]] = []
        self.keys: dict[str, int] = {}
        self.begins: Final[set[int]] = set()
        """The first numbers of bulks and of single messages: an older state ends before one of them."""

    def create(self, values: tuple[str, ...], shas: tuple[str, ...], key: str, *, is_fragile: bool) -> int:
        """Give numbers; a known key gets its own again."""
        if key in self.keys:
            return self.keys[key]
        first = self.last + 1
        self.begins.add(first)
        for value, sha in zip(values, shas, strict=True):
            self.last += 1
            self.rows[self.last] = Row(self.last, value, sha)
            self.order.append(self.last)
            self.indexed[value] = self.last
            if is_fragile:
                self.fragile.add(self.last)
        self.keys[key] = first
        return first

    def edit(self, number: int, value: str, sha: str) -> bool:
        """Change a text; tell whether there was one."""
        if number not in self.rows or number in self.fragile:
            return False
        self.rows[number] = Row(number, value, sha)
        self.indexed[value] = number
        return True

    def delete(self, number: int) -> bool:
        """Delete a message; tell whether there was one."""
        if self.rows.pop(number, None) is None:
            return False
        self.order.remove(number)
        self.fragile.discard(number)
        self.tombstones.append(number)
        return True

    def crash(self) -> None:
        """Lose what was not synced; its numbers, and some more, go to the ledger."""
        for number in sorted(self.fragile):
            del self.rows[number]
            self.order.remove(number)
            self.gaps.append((number, number))
        self.keys = {key: number for key, number in self.keys.items() if number not in self.fragile}
        self.fragile.clear()
        self.gaps.append((self.last + 1, self.last + 100))
        self.last += 100

    def search(self, value: str, *, is_late: bool) -> tuple[Row, ...]:
        """Find a word; what was never found may not be indexed yet."""
        row = self.rows.get(self.indexed.get(value, 0))
        if row is None or row.value != value or (is_late and value not in self.found):
            return ()
        self.found.add(value)
        return (row,)

    def walk(self, after: int) -> tuple[Row, ...]:
        """Give what is live above a number."""
        return tuple(self.rows[number] for number in self.order[bisect_right(self.order, after) :])

    def stale_walk(self, after: int) -> tuple[Row, ...]:
        """Leave out what came last and is not stored, by whole writes."""
        stored = bisect_right(self.order, self.stored_until)
        end = max(stored, len(self.order) - 3)
        while stored < end < len(self.order) and self.order[end] not in self.begins:
            end -= 1
        return tuple(self.rows[number] for number in self.order[bisect_right(self.order, after) : end])
