"""Waiting until what a log of its own took is stored, for those who prefer to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from parley.domain.errors import ParleyError
from parley.domain.events import Position
from parley.domain.partitions import partition_of
from parley.storage.sharing import Scopes
from parley.telemetry.clock import Clock

_LOOK_S: Final = 0.02
"""Between two looks at the positions, one query for all who wait."""


class _Waiting(NamedTuple):
    token: str
    position: Position
    deadline: float
    then: Callable[[bool], None]


class Storing:
    """Looks at the partitions' positions while anybody waits."""

    def __init__(self, scopes: Scopes, clock: Clock) -> None:
        """Ask ``scopes``; deadlines are told by ``clock``."""
        self._scopes = scopes
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._looking: asyncio.Task[None] | None = None

    def wait(self, token: str, position: Position, timeout_s: float, then: Callable[[bool], None]) -> None:
        """Call ``then`` once: ``True`` when the token's entry at ``position`` is stored, ``False`` after the time."""
        self._waiting.append(_Waiting(token, position, self._clock.monotonic() + timeout_s, then))
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="storing")

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            stored = await self._positions()
            now = self._clock.monotonic()
            verdicts = [(each, _judge(each, stored, now)) for each in self._waiting]
            self._waiting = [each for each, verdict in verdicts if verdict is None]
            for each, verdict in verdicts:
                if verdict is not None:
                    loop.call_soon(each.then, verdict)  # who fails fails alone
            await asyncio.sleep(_LOOK_S)
        self._looking = None

    async def _positions(self) -> dict[int, Position]:
        """Give how far each partition is stored; nothing while the database is away, or slower than somebody waits."""
        left_s = min(each.deadline for each in self._waiting) - self._clock.monotonic()
        try:
            async with asyncio.timeout(max(left_s, _LOOK_S)):
                return {partition.id: partition.position for partition in await self._scopes.partitions()}
        except (ParleyError, TimeoutError):
            return {}


def _judge(waiting: _Waiting, stored: dict[int, Position], now: float) -> bool | None:
    """Say whether an entry is stored, ``None`` if it may be later.

    In a later epoch nobody can tell whether the entry was stored in its own.
    """
    position = stored[partition_of(waiting.token, len(stored))] if stored else None
    if position is not None and position.epoch == waiting.position.epoch and position >= waiting.position:
        return True
    is_over = waiting.deadline <= now or (position is not None and position.epoch > waiting.position.epoch)
    return False if is_over else None
