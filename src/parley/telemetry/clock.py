"""Time as a dependency: wall clock for what people read, monotonic clock for what waits."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What tells the time."""

    def now_ms(self) -> int:
        """Give UTC milliseconds since 1970-01-01; may jump."""

    def monotonic(self) -> float:
        """Give seconds that never run backwards, from an arbitrary start."""


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        """Read the wall clock."""
        return time.time_ns() // 1_000_000

    monotonic = staticmethod(time.monotonic)
    """Read the monotonic clock; several times a request, hence the function itself."""
