"""A follower of a log in the test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from parley.domain.events import Event, Logged
from parley.queries.following import Follower
from parley.queries.unstored import Unstored
from tests.unit.queries.doubles import DictStream, Rows, say
from tests.unit.workers.doubles import StillClock

PLACE = ("t", 1)
"""The chat of partition 0; chat 2 is that of partition 1."""


class Watch:
    """A follower of a log of two partitions, and what it told."""

    def __init__(self) -> None:
        """Begin behind what is stored."""
        self.stream, self.rows, self.clock = DictStream(2), Rows(2), StillClock()
        self.unstored = Unstored(1024 * 1024)
        self.told: list[Event | None] = []
        self.follower = Follower(self.stream, self.rows, self.unstored, self.clock, self.told.append)
        self.last = 0

    def post(self, partition: int = 0) -> Logged:
        """Put a message on the log."""
        self.last += 1
        return self.stream.put(say("t", 1 + partition, f"message {self.last}"), self.last, partition)

    def numbers(self) -> list[int]:
        """Give which messages are remembered."""
        return sorted(number for chat in self.unstored.chats("t").values() for number in chat.posted)

    async def caught_up(self) -> bool:
        """Catch up, within a time that no healthy follower needs."""
        return await asyncio.wait_for(self.follower.catch_up(), 5)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let the loop run until something is so."""
        async with asyncio.timeout(5):
            while not is_so():  # noqa: ASYNC110 - of any kind
                await asyncio.sleep(0)

    def store(self, until: Logged, partition: int = 0) -> None:
        """Let persist store and trim."""
        self.rows.move(until.position, partition)
        self.stream.trim(until.position, partition)
