"""What the server acknowledged, number by number, and what nobody knows."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Final

_NAMED: Final = 5


class Book:
    """The numbers that creates were answered with, and the creates without a clear answer, chat by chat."""

    def __init__(self, chats: int) -> None:
        """Begin with empty chats, numbered from 1."""
        self.acknowledged: list[array[int]] = [array("Q") for _ in range(chats + 1)]
        self.unsettled = [0] * (chats + 1)
        self.chats = range(1, chats + 1)

    @property
    def counts(self) -> dict[int, int]:
        """How many were acknowledged in each chat."""
        return {chat: len(self.acknowledged[chat]) for chat in self.chats}

    @property
    def total(self) -> int:
        """All that was acknowledged."""
        return sum(map(len, self.acknowledged))

    def missing(self, chat: int, stored: set[int]) -> list[int]:
        """Give the acknowledged numbers that are not among the stored."""
        return sorted(set(self.acknowledged[chat]) - stored)

    def finding(self, chat: int, counted: int) -> str | None:
        """Say where a chat's answers, numbers and its own count contradict each other."""
        numbers, unsettled = self.acknowledged[chat], self.unsettled[chat]
        known = set(numbers)
        if len(known) < len(numbers):
            twice = sorted(number for number, times in Counter(numbers).items() if times > 1)
            return f"number {listed(twice)} was given twice"
        highest = max(known, default=0)
        if highest > len(known) + unsettled:
            holes = list(islice((each for each in range(1, highest) if each not in known), _NAMED + 1))
            return f"number {listed(holes)} was skipped: {len(known):,} answers reach up to {highest:,}"
        if counted < len(known):
            return f"it counts {counted:,} messages, {len(known):,} were acknowledged"
        if counted > len(known) + unsettled:
            return f"it counts {counted:,} messages, {len(known) + unsettled:,} were sent and not refused"
        return None


def listed(numbers: Sequence[int]) -> str:
    """Write the first few."""
    return ", ".join(map(str, numbers[:_NAMED])) + (" …" if len(numbers) > _NAMED else "")
