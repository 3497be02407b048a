"""A message as a register: its create and its edits, each of which a later one overwrites."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Final

from parley.verify.operations import NEVER
from parley.verify.writes import Write, acknowledged_ns


class Register:
    """Tells until when a value may be read."""

    def __init__(self, edits: Iterable[Write], end_ns: Callable[[Write], int] = acknowledged_ns) -> None:
        """Take all edits of one message, and how to tell since when one holds; `NEVER` is never."""
        held = sorted((edit for edit in edits if end_ns(edit) != NEVER), key=lambda edit: edit.begin_ns)
        self._begins: Final = [edit.begin_ns for edit in held]
        self._earliest: Final = _earliest_after(held, end_ns)

    def overwriting(self, write: Write) -> Write | None:
        """Give the edit that must have overwritten a write first: it began when every try of that had ended.

        Before a message is edited it is created, so every edit overwrites its create.
        """
        at = bisect_right(self._begins, write.done_ns) if write.edited else 0
        return self._earliest[at] if at < len(self._earliest) else None

    def overwritten_ns(self, write: Write) -> int:
        """Give the time from which a read must not show a write any more."""
        edit = self.overwriting(write)
        return NEVER if edit is None else edit.end_ns


def _earliest_after(edits: list[Write], end_ns: Callable[[Write], int]) -> list[Write]:
    """Give for each edit the one that was acknowledged first, of it and of those that began later."""
    earliest: list[Write] = []
    for edit in reversed(edits):
        earliest.append(min(edit, earliest[-1], key=end_ns) if earliest else edit)
    return earliest[::-1]
