"""How long a slot stays empty after its process died."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.1
LONGEST_S: Final = 30.0
SETTLED_S: Final = 60.0
"""A process that has lived so long died of something else than those before it."""

_DOUBLINGS_MAX: Final = 20


class Backoff:
    """Pauses that double with every death in a row, jittered so that slots do not start in step."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        """Take what gives random numbers from 0 up to 1."""
        self._jitter = jitter
        self.in_a_row = 0
        """Deaths since one process had settled."""

    def died(self, lived_s: float) -> float:
        """Count a death after ``lived_s`` seconds; give the seconds until the next start."""
        self.in_a_row = 1 if lived_s >= SETTLED_S else self.in_a_row + 1
        longest_s = min(LONGEST_S, FIRST_S * (1 << min(self.in_a_row - 1, _DOUBLINGS_MAX)))
        return longest_s * (0.5 + self._jitter() / 2)
