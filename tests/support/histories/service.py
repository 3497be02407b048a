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

    def walk(self, after: int) -> tuple[Row, ...]:
        """Give what is live above a number."""
        return tuple(self.rows[number] for number in self.order[bisect_right(self.order, after) :])

    def stale_walk(self, after: int) -> tuple[Row, ...]:
        """Leave out what came last, by whole writes."""
        end = max(0, len(self.order) - 3)
        while 0 < end < len(self.order) and self.order[end] not in self.begins:
            end -= 1
        return tuple(self.rows[number] for number in self.order[bisect_right(self.order, after) : end])
