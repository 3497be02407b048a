"""What the server acknowledged, number by number, and what nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from parley.cli.benching.ranges import Ranges

_NAMED: Final = 5


class Book:
    """The numbers that creates were answered with, and the creates without a clear answer, chat by chat."""

    def __init__(self, chats: int) -> None:
        """Begin with empty chats, numbered from 1."""
        self.acknowledged = [Ranges() for _ in range(chats + 1)]
        self.unsettled = [0] * (chats + 1)
        self.chats = range(1, chats + 1)
        self._twice = [Ranges() for _ in range(chats + 1)]

    @property
    def counts(self) -> dict[int, int]:
        """How many were acknowledged in each chat."""
        return {chat: len(self.acknowledged[chat]) for chat in self.chats}

    @property
    def total(self) -> int:
        """All that was acknowledged."""
        return sum(map(len, self.acknowledged))

    def acknowledge(self, chat: int, number: int) -> None:
        """Write down an answer."""
        if not self.acknowledged[chat].add(number):
            self._twice[chat].add(number)

    def missing(self, chat: int, stored: Ranges) -> list[int]:
        """Give the first acknowledged numbers that are not among the stored."""
        return _first(number for number in self.acknowledged[chat] if number not in stored)

    def finding(self, chat: int, counted: int) -> str | None:
        """Say where a chat's answers and its own count contradict each other.

        A number that nobody was given says nothing: a log that lost its state leaves out those it may have given.
        """
        known, unsettled = self.acknowledged[chat], self.unsettled[chat]
        if self._twice[chat]:
            return f"number {listed(_first(self._twice[chat]))} was given twice"
        if counted < len(known):
            return f"it counts {counted:,} messages, {len(known):,} were acknowledged"
        if counted > len(known) + unsettled:
            return f"it counts {counted:,} messages, {len(known) + unsettled:,} were sent and not refused"
        return None

    def is_proven(self, chat: int, counted: int) -> bool:
        """Tell whether the count alone is a proof: 1, 2, 3 … were given, and nothing was sent beside them."""
        return self.acknowledged[chat].is_dense and not self.unsettled[chat] and self.finding(chat, counted) is None


def _first(numbers: Iterable[int]) -> list[int]:
    """Take as many as are named, and one more if there are more."""
    return list(islice(numbers, _NAMED + 1))


def listed(numbers: Sequence[int]) -> str:
    """Write the first few."""
    return ", ".join(map(str, numbers[:_NAMED])) + (" …" if len(numbers) > _NAMED else "")
