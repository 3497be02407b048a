"""Cuts all chats into slices of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from parley.domain.events import NUMBER_LIMIT
from parley.storage.mysql.audit.runs import Range
from parley.storage.mysql.audit.snapshot import Snapshot
from parley.storage.mysql.rows import Row

_SIZES: Final = 1_000
_SLICE_CHATS: Final = 200
_SLICE_MESSAGES: Final = 50_000
"""So many messages are looked at by one query."""

_BELOW_ALL: Final = -(2**31)


class Span(NamedTuple):
    """Chats above ``low`` up to ``high``; one alone if it is long."""

    low: int
    high: int
    chats: int
    longest: int

    @property
    def is_long(self) -> bool:
        """Whether it is one chat with more messages than one query may look at."""
        return self.longest > _SLICE_MESSAGES

    def pieces(self) -> Iterator[Range]:
        """Cut the numbers of a long chat into ranges (above, up to)."""
        return pairwise([-1, *range(_SLICE_MESSAGES, self.longest, _SLICE_MESSAGES), NUMBER_LIMIT])


def spans(snapshot: Snapshot) -> Iterator[Span]:
    """Give all chats in the order of their ids, a long one alone."""
    low, chats, messages, longest = _BELOW_ALL, 0, 0, 0
    high = low
    for id_, size in _sizes(snapshot):
        if chats and (chats == _SLICE_CHATS or messages + size > _SLICE_MESSAGES):
            yield Span(low, high, chats, longest)
            low, chats, messages, longest = high, 0, 0, 0
        high, chats, messages, longest = id_, chats + 1, messages + size, max(longest, size)
    if chats:
        yield Span(low, high, chats, longest)


def _sizes(snapshot: Snapshot) -> Iterator[Row]:
    low = _BELOW_ALL
    while rows := snapshot.rows("audit_chat_sizes", low, _SIZES):
        yield from rows
        low = rows[-1][0]
