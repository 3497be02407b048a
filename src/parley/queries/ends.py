"""The end of one chat: its last messages, complete from one number on."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import Final, NamedTuple, Self

import msgspec

from parley.domain.cursors import Window
from parley.storage.port import Page

LENGTH: Final = 100
"""Messages of one end, as many as the longest page has."""

_END_BYTES: Final = 500
_MESSAGE_BYTES: Final = 150
"""What Python needs beside the text."""

_number = attrgetter("number")


class Shown(NamedTuple):
    """A message as the API shows it."""

    number: int
    json: msgspec.Raw


class End:
    """All live messages of a chat from ``first`` on, at most `LENGTH`, and whether there are others below."""

    __slots__ = ("_has_before", "_last", "_shown", "first", "size")

    def __init__(self, first: int, shown: list[Shown], *, has_before: bool) -> None:
        """Begin with ``shown``, rising numbers from ``first`` or above."""
        self.first = first
        self.size = _END_BYTES + sum(map(_size, shown))
        self._shown = shown
        self._last = shown[-1].number if shown else first - 1
        self._has_before = has_before

    @classmethod
    def of_page(cls, window: Window, shown: list[Shown], *, more_before: bool) -> Self:
        """Take the page that ``window`` asked for and that the chat ends with."""
        if window.before is None:
            first = (window.after or 0) + 1
        elif more_before:
            first = shown[0].number
        else:
            first = 1
        return cls(first, shown, has_before=more_before)

    def page(self, window: Window) -> Page[Shown] | None:
        """Give a page, or ``None`` if it may need what lies below ``first``."""
        if window.before is None:
            after = window.after or 0
            start = self._index(after + 1)
            stop = start + window.limit
            is_known = after + 1 >= self.first
        else:
            stop = self._index(window.before)
            start = stop - window.limit
            is_known = start >= 0 or not self._has_before
        if not is_known:
            return None
        start = max(start, 0)
        return Page(self._shown[start:stop], start > 0 or self._has_before, stop < len(self._shown))

    def add(self, shown: Shown) -> None:
        """Put a message at the end, unless a page of the storage had it already."""
        if shown.number < self.first:
            self._has_before = True
        elif shown.number > self._last:
            self._last = shown.number
            self._shown.append(shown)
            self.size += _size(shown)
            if len(self._shown) > LENGTH:
                self.size -= _size(self._shown.pop(0))
                self.first = self._shown[0].number
                self._has_before = True

    def restart(self, first: int) -> None:
        """Let go of what is below ``first``, which is above all there is."""
        if first > self.first:
            self.first, self._last, self._shown = first, first - 1, []
            self.size = _END_BYTES
            self._has_before = True

    def remove(self, number: int) -> bool:
        """Take a message out; ``False`` if nobody knows any more what is below ``first``."""
        if number < self.first:
            return False
        index = self._index(number)
        if index < len(self._shown) and self._shown[index].number == number:
            self.size -= _size(self._shown.pop(index))
        return True

    def _index(self, number: int) -> int:
        return bisect_left(self._shown, number, key=_number)


def _size(shown: Shown) -> int:
    return len(shown.json) + _MESSAGE_BYTES
