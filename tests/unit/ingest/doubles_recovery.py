"""What a log of its own asks the database, and is told, as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from parley.domain.errors import ParleyError, UnavailableError
from parley.domain.events import Position, position_id
from parley.domain.grants import Known, Life, Need, Partition, ScopeName
from parley.domain.numbering import KeyState
from tests.unit.workers.doubles import BEGAN_AT


class DictScopes:
    """`Scopes` of a database with two partitions."""

    def __init__(self) -> None:
        """Know nothing, in epoch 1."""
        self.rows = [Partition(id_, Life(1, "run"), Position(1, 0), "log") for id_ in range(2)]
        self.known: dict[ScopeName, Known] = {}
        self.keys: dict[tuple[str, str, str], KeyState] = {}
        self.errors: list[ParleyError] = []
        """What the next questions fail with, one each."""
        self.is_away = False
        self.needs: list[dict[ScopeName, Need]] = []
        self.looks = 0
        self.key_lookups: list[list[tuple[str, str, str]]] = []
        self.gate: asyncio.Event | None = None

    def begin_life(self, epoch: int, run_id: str = "run") -> None:
        """Begin another life of every log."""
        self.rows = [row._replace(life=Life(epoch, run_id), position=Position(epoch, 0)) for row in self.rows]

    def store(self, position: Position) -> None:
        """Store up to a position, in every partition."""
        self.rows = [row._replace(position=position) for row in self.rows]

    def give(self, token: str, chat: int | None, until: int = 1_000, *, closed: bool = False) -> None:
        """Know a scope."""
        name = ScopeName(token, chat)
        self.known[name] = Known(name, closed, 0, 1, until)

    async def partitions(self) -> list[Partition]:
        """Give the rows."""
        self.looks += 1
        await self._pass()
        return list(self.rows)

    async def provide(self, needs: Sequence[Need]) -> dict[ScopeName, Known]:
        """Give what is known."""
        assert len({need.name for need in needs}) == len(needs)
        self.needs.append({need.name: need for need in needs})
        await self._pass()
        return {need.name: self.known[need.name] for need in needs if need.name in self.known}

    async def find_keys(self, names: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], KeyState]:
        """Give what is known."""
        self.key_lookups.append(list(names))
        await self._pass()
        return {name: self.keys[name] for name in names if name in self.keys}

    async def unclosed(self) -> list[str]:
        """Have none."""
        return []

    async def _pass(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.is_away:
            raise UnavailableError("The database does not answer")
        if self.errors:
            raise self.errors.pop(0)


class DictFeeding:
    """A `Feeding` that remembers what it was told."""

    def __init__(self) -> None:
        """Know nothing."""
        self.lives: list[Mapping[int, Life]] = []
        self.restored: list[tuple[int, int | None, list[Known]]] = []
        self.vouched: list[tuple[str, str, str, int]] = []
        self.open: dict[ScopeName, bool] = {}
        self.error: ParleyError | None = None

    async def is_open(self, name: ScopeName) -> bool | None:
        """Say what the test said."""
        if self.error is not None:
            raise self.error
        return self.open.get(name)

    async def closed(self) -> list[int]:
        """Serve all."""
        return []

    def adopt(self, lives: Mapping[int, Life]) -> None:
        """Remember."""
        self.lives.append(dict(lives))

    async def restore(self, partition: int, stamp: int | None, scopes: Sequence[Known]) -> None:
        """Remember."""
        if self.error is not None:
            raise self.error
        self.restored.append((partition, stamp, list(scopes)))

    def vouch(self, token: str, route: str, key: str, stamp: int) -> None:
        """Remember."""
        self.vouched.append((token, route, key, stamp))


def position(sequence: int, epoch: int = 1) -> Position:
    """Give a place in a log."""
    return Position(epoch, position_id(BEGAN_AT, sequence))
