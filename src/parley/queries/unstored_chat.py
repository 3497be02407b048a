"""What happened to one chat since it was stored last."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from typing import Final, Generic, NamedTuple, TypeVar

from parley.domain.events import Position
from parley.domain.model import Draft
from parley.queries.rising import Rising

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

    __slots__ = ("closed_at", "created", "deleted", "edits", "place", "posted", "retitled")

    def __init__(self, place: Place) -> None:
        """Begin with nothing."""
        self.place = place
        self.created: Created | None = None
        self.retitled: Retitled | None = None
        self.closed_at: Position | None = None
        self.posted: Rising[Posted] = Rising()
        self.edits: dict[int, Edit] = {}
        """Of messages that are stored, and of those that are not."""
        self.deleted: dict[int, Position] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to remember."""
        is_itself = self.created or self.retitled or self.closed_at
        return not (is_itself or self.posted or self.edits or self.deleted)

    def post(self, number: int, posted: Posted) -> Freed:
        """Add a message under the highest number so far; give what was said of the number when nobody had it."""
        self.posted.add(number, posted)
        self.deleted.pop(number, None)
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
        return self.posted.take(number), self.edits.pop(number, None)

    def close(self, position: Position) -> Iterator[Posted | Edit]:
        """Delete the chat, and give what was said in it; what was deleted before stays so."""
        self.closed_at = position
        return self.clear()

    def clear(self) -> Iterator[Posted | Edit]:
        """Let go of all that was said, and give it."""
        posted, edits = self.posted, self.edits
        self.posted, self.edits = Rising(), {}
        return chain(posted.values(), edits.values())

    def let_go(self, number: int, stored: Position) -> Freed:
        """Let go of what an event that is stored did to a message, and give it; what came after it stays."""
        posted, edit = self.posted.get(number), self.edits.get(number)
        if posted is not None and posted.position == stored:
            return self.posted.take(number)
        if edit is not None and edit.position == stored:
            return self.edits.pop(number)
        if self.deleted.get(number) == stored:
            del self.deleted[number]
        return None

    def let_go_of_itself(self, stored: Position) -> bool:
        """Let go of what an event that is stored did to the chat, and tell whether it did anything."""
        if self.retitled is not None and self.retitled.position == stored:
            self.retitled = None
        elif self.closed_at == stored:
            self.closed_at = None
        elif self.created is not None and self.created.position == stored:
            self.created = None
        else:
            return False
        return True


def _size(said: Draft | str) -> int:
    """Give the memory of what is said, and of all that it takes to find it."""
    texts = (said,) if isinstance(said, str) else (said.body, said.sender, said.metadata)
    return A_MESSAGE + sum(sys.getsizeof(text) for text in texts if text is not None)
