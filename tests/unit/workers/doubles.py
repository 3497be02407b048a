"""The database's changes in a dictionary, and a clock that stands still until it is moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parley.domain.documents import WHOLE_CHAT, Change, Document
from parley.domain.errors import UnavailableError
from parley.domain.events import Position, position_id

BEGAN_AT = 2_500_000_000_000
"""Ahead of every engine's own clock: a log of its own goes on from where its lease-holder says that time is."""


class StillClock:
    """Time that the test moves."""

    def __init__(self) -> None:
        """Begin somewhere."""
        self.now = BEGAN_AT

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * 1_000)

    def now_ms(self) -> int:
        """Give the time."""
        return self.now

    def monotonic(self) -> float:
        """Give seconds."""
        return self.now / 1_000


class DictChanges:
    """Messages by chat and number, with the changes that `write` made of them."""

    def __init__(self, clock: StillClock, partitions: int = 2) -> None:
        """Hold nothing."""
        self.bodies: dict[tuple[int, int], str] = {}
        self.recorded: dict[int, Position] = {}
        self.records = 0
        self.loads: list[int] = []
        self.away = False
        self._clock = clock
        self._partitions = partitions
        self._changes: list[Change] = []
        self._ends = dict.fromkeys(range(partitions), Position(1, 0))

    def write(self, bodies: Mapping[tuple[int, int], str | None]) -> None:
        """Put and remove messages of one partition's chats in one transaction."""
        partition = next(iter(bodies))[0] % self._partitions
        last = self._ends[partition]
        position = self._ends[partition] = Position(1, max(position_id(self._clock.now_ms()), last.id + 1))
        for (chat_id, number), body in bodies.items():
            gone = [key for key in self.bodies if key[0] == chat_id] if number == WHOLE_CHAT else []
            for key in [*gone, (chat_id, number)]:
                self.bodies.pop(key, None)
            if body is not None:
                self.bodies[chat_id, number] = body
        self._changes.append(Change(partition, position, list(bodies)))

    def put_back(self) -> None:
        """Be where each partition was before its last write, with the same messages."""
        self._ends = {partition: Position(1, max(0, end.id - 1)) for partition, end in self._ends.items()}
        self._changes = [change for change in self._changes if change.position <= self._ends[change.partition]]

    async def read(self, after: Mapping[int, Position], limit: int) -> list[Change]:
        """Give changes above the positions."""
        if self.away:
            raise UnavailableError("The database does not answer")
        found: list[Change] = []
        for change in self._changes:
            if change.position > after[change.partition] and sum(len(one.keys) for one in found) < limit:
                found.append(change)
        return found

    async def load(self, keys: Sequence[tuple[int, int]]) -> list[Document]:
        """Give present states."""
        self.loads.append(len(keys))
        return [Document(*key, self.bodies.get(key)) for key in keys]

    async def walk(self, after: tuple[int, int], limit: int) -> list[Document]:
        """Give live messages in order."""
        if self.away:
            raise UnavailableError("The database does not answer")
        keys = sorted(key for key in self.bodies if key > after)[:limit]
        return [Document(*key, self.bodies[key]) for key in keys]

    async def ends(self) -> dict[int, Position]:
        """Give each partition's last position."""
        return dict(self._ends)

    async def passed(self, follower: str, positions: Mapping[int, Position]) -> None:
        """Record, and forget the changes behind."""
        assert follower == "search"
        self.records += 1
        self.recorded = dict(positions)
        self._changes = [change for change in self._changes if change.position > positions[change.partition]]

    async def floor(self, follower: str) -> dict[int, Position]:
        """Give what was recorded."""
        assert follower == "search"
        return self.recorded
