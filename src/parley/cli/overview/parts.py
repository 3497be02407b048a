"""One server of a deployment, started when it first answers and then asked at every look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar

from parley.cli.overview.state import Server
from parley.domain.errors import ParleyError
from parley.telemetry.clock import Clock

PATIENCE_S: Final = 3.0
"""How long one look at one server may take."""

T = TypeVar("T")


class Part:
    """Keeps an eye on one server; the next look tries again what failed in this one."""

    def __init__(
        self,
        name: Literal["database", "log", "search"],
        start: Callable[[], Awaitable[None]],
        ping: Callable[[], Awaitable[None]],
        clock: Clock,
    ) -> None:
        """Call ``start`` until it succeeds once, ``ping`` after it."""
        self._name = name
        self._start = start
        self._ping = ping
        self._clock = clock
        self._is_started = False
        self._trouble: str | None = None
        self._latency_ms: float | None = None

    @property
    def is_there(self) -> bool:
        """Whether it answered everything of this look so far."""
        return self._trouble is None

    @property
    def server(self) -> Server:
        """What this look found."""
        return Server(self._name, self.is_there, self._latency_ms if self.is_there else None, self._trouble)

    async def look(self) -> None:
        """Find out whether it answers, and how quickly."""
        self._trouble = None
        if not self._is_started:
            await self.ask(self._begin())
        began = self._clock.monotonic()
        if self.is_there:
            await self.ask(self._ping())
        self._latency_ms = round((self._clock.monotonic() - began) * 1_000, 1)

    async def ask(self, question: Awaitable[T]) -> T | None:
        """Give the answer, or ``None`` and remember the trouble."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await question
        except TimeoutError:
            self._trouble = f"no answer within {PATIENCE_S:.0f} s"
        except ParleyError as error:
            self._trouble = error.detail
        return None

    async def _begin(self) -> None:
        await self._start()
        self._is_started = True
