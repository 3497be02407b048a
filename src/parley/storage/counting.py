"""What adapters read when they compare counts with rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from parley.storage.port import Counting, Difference, Recount

COUNTS_CHECK: Final = "counts"
QUERIES: Final = {
    Counting.CHATS: ("application_counts", "recount_chats"),
    Counting.MESSAGES: ("chat_counts", "recount_messages"),
}
"""The named queries that compare, and that mend one."""

_SHOWN: Final = 8
"""Digits of a token."""


class Counted(NamedTuple):
    """One application, with no number, or one chat: what it says, and how many live rows there are."""

    id: int
    partition: int
    token: str
    number: int | None
    told: int
    counted: int
    is_gone: bool

    @property
    def is_wrong(self) -> bool:
        """Whether somebody may read a count that is not the number of rows."""
        return not self.is_gone and self.told != self.counted

    @property
    def difference(self) -> Difference:
        """Say so to people."""
        where = f"application {self.token[:_SHOWN]}"
        if self.number is None:
            return Difference(COUNTS_CHECK, where, f"chats_count is {self.told}, live chats are {self.counted}")
        what = f"messages_count is {self.told}, live messages are {self.counted}"
        return Difference(COUNTS_CHECK, f"{where}, chat {self.number}", what)


def read_counts(rows: Sequence[tuple[Any, ...]]) -> list[Counted]:
    """Read rows of ``id, partition, token, number, told, counted, is gone``; a token may be bytes."""
    found = []
    for id_, partition, token, number, told, counted, is_gone in rows:
        name = token.decode() if isinstance(token, bytes) else token
        found.append(Counted(id_, partition, name, number, told, counted, bool(is_gone)))
    return found


def recounted(looked_at: Sequence[Counted]) -> Recount:
    """Give what is wrong among some applications or chats, which are in the order of their ids."""
    wrong = [each.difference for each in looked_at if each.is_wrong]
    return Recount(wrong, looked_at[-1].id if looked_at else None)
