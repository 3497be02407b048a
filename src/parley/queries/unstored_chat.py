"""What happened to one chat since it was stored last."""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import chain
from typing import Final, Generic, NamedTuple, TypeVar

from parley.domain.cursors import Window
from parley.domain.events import Position
from parley.domain.model import Draft

Place = tuple[str, int]
"""A chat: its application's token, and its number."""

Said = TypeVar("Said", Draft, str)

A_MESSAGE: Final = 250
"""Bytes that one takes beside its texts: a draft, a `Words`, its place among others (measured)."""


class Words(Generic[Said]):
    """What an event said of a message; ``said`` is ``None`` once it was let go of: then the log has it, or nobody."""

    __slots__ = ("index", "position", "said", "size")

    def __init__(self, position: Position, said: Said, index: int = 0) -> None:
        """Remember what the event at ``position`` said of the ``index``-th of its messages."""
        self.position = position
        self.index = index
        self.said: Said | None = said
        self.size = _size(said)


Posted = Words[Draft]
"""A message that is not stored yet."""

Edit = Words[str]
"""A message's last body."""

Freed = Posted | Edit | None


class Created(NamedTuple):
    """A chat's first title, and the event that made it."""

    title: str | None
    position: Position


class Retitled(NamedTuple):
    """A chat's last title, and the event that gave it."""

    title: str | None
    position: Position


class UnstoredChat:
    """Its unstored messages, changes of messages, and what became of the chat itself."""

    __slots__ = ("_numbers", "closed_at", "created", "deleted", "edits", "place", "posted", "retitled")

    def __init__(self, place: Place) -> None:
        """Begin with nothing."""
        self.place = place
        self.created: Created | None = None
        self.retitled: Retitled | None = None
        self.closed_at: Position | None = None
        self.posted: dict[int, Posted] = {}
        """By number, rising."""
        self.edits: dict[int, Edit] = {}
        """Of messages that are stored, and of those that are not."""
        self.deleted: dict[int, Position] = {}
        self._numbers: list[int] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to remember."""
        is_itself = self.created or self.retitled or self.closed_at
        return not (is_itself or self.posted or self.edits or self.deleted)

    def post(self, number: int, posted: Posted) -> Freed:
        """Add a message under the highest number so far; give what was said of the number when nobody had it."""
        self.posted[number] = posted
        self.deleted.pop(number, None)
        if self._numbers is not None:
            self._numbers.append(number)
        return self.edits.pop(number, None)

    def edit(self, number: int, edit: Edit) -> Freed:
        """Give a message another body; a deleted one has none. Give what nobody needs any more."""
        if number in self.deleted:
            return edit
        replaced = self.edits.get(number)
        self.edits[number] = edit
        return replaced

    def delete(self, number: int, position: Position) -> tuple[Freed, Freed]:
        """Delete a message, and give what was said of it."""
        self.deleted[number] = position
        self._numbers = None
        return self.posted.pop(number, None), self.edits.pop(number, None)

    def close(self, position: Position) -> Iterator[Posted | Edit]:
        """Delete the chat, and give what was said in it; what was deleted before stays so."""
        self.closed_at = position
        return self.clear()

    def clear(self) -> Iterator[Posted | Edit]:
        """Let go of all that was said, and give it."""
        posted, edits = self.posted, self.edits
        self.posted, self.edits, self._numbers = {}, {}, None
        return chain(posted.values(), edits.values())

    def let_go(self, number: int, stored: Position) -> Freed:
        """Let go of what an event that is stored did to a message, and give it; what came after it stays."""
        for words in (self.posted, self.edits):
            said = words.get(number)
            if said is not None and said.position == stored:
                self._numbers = None
                return words.pop(number)
        if self.deleted.get(number) == stored:
            del self.deleted[number]
        return None

    def let_go_of_itself(self, stored: Position) -> None:
        """Let go of what an event that is stored did to the chat."""
        if self.retitled is not None and self.retitled.position == stored:
            self.retitled = None
        if self.closed_at == stored:
            self.closed_at = None
        if self.created is not None and self.created.position == stored:
            self.created = None

    def within(self, window: Window) -> dict[int, Posted]:
        """Give the posted messages of a page, and one more if there is one."""
        numbers = self._numbers
        if numbers is None:
            numbers = self._numbers = list(self.posted)
        if window.before is not None:
            stop = bisect_left(numbers, window.before)
            chosen = numbers[max(0, stop - window.limit - 1) : stop]
        else:
            start = bisect_right(numbers, window.after or 0)
            chosen = numbers[start : start + window.limit + 1]
        return {number: self.posted[number] for number in chosen}

    def has_below(self, number: int) -> bool:
        """Whether a posted message is below ``number``."""
        return next(iter(self.posted), number) < number

    def has_above(self, number: int) -> bool:
        """Whether a posted message is above ``number``."""
        return next(reversed(self.posted), number) > number


def _size(said: Draft | str) -> int:
    """Give the memory of what is said, and of all that it takes to find it."""
    texts = (said,) if isinstance(said, str) else (said.body, said.sender, said.metadata)
    return A_MESSAGE + sum(sys.getsizeof(text) for text in texts if text is not None)
