"""Whether a log can be reached, found out by asking it: no request of a user's is spent on that.

A partition's breaker is open while its server gives no sign of life. It is asked all the time, so the breaker opens
within a second also where nothing is written, and closes when the server is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog

from parley.telemetry.clock import Clock

BEAT_S: Final = 0.15
"""Between two questions; up to twice as long while there is no answer, so that not all processes ask at once."""

_log = structlog.get_logger(__name__)


class Breaker:
    """Asks until it is stopped, and tells of every change."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[frozenset[int]]],
        clock: Clock,
        jitter: Callable[[], float],
        on_change: Callable[[frozenset[int]], None],
    ) -> None:
        """Let ``ask`` give the partitions that do not answer; ``jitter`` gives random numbers below 1."""
        self.away: frozenset[int] = frozenset()
        """The partitions whose log cannot be reached."""
        self._ask = ask
        self._clock = clock
        self._jitter = jitter
        self._on_change = on_change
        self._since: dict[int, float] = {}

    def away_s(self, partition: int) -> float:
        """Give for how long a partition's log has been away; 0 if it is not."""
        since = self._since.get(partition)
        return 0.0 if since is None else self._clock.monotonic() - since

    def longest_s(self) -> float:
        """Give for how long any partition's log has been away; 0 if none is."""
        return max(map(self.away_s, self._since), default=0.0)

    async def beat(self) -> None:
        """Ask, and at once again if the answer is worse than before: this process itself may have stood still."""
        asked_at = self._clock.monotonic()
        away = await self._ask()
        if away - self.away:
            away = await self._ask()
        self._since = {partition: self._since.get(partition, asked_at) for partition in away}
        if away == self.away:
            return
        if away:
            _log.warning("log away", partitions=sorted(away))
        else:
            _log.info("log back", partitions=sorted(self.away))
        self.away = away
        self._on_change(away)

    def pause_s(self) -> float:
        """Give how long to wait until the next question."""
        return BEAT_S * (1 + self._jitter()) if self.away else BEAT_S

    async def watch(self, stop: asyncio.Event) -> None:
        """Ask until ``stop`` is set."""
        while not stop.is_set():
            await self.beat()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.pause_s()):
                    await stop.wait()
