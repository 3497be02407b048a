"""When the next request is due."""

from __future__ import annotations

from typing import Final, Protocol

GRACE_S: Final = 5.0
"""What was due and found no free connection is sent this long after the end, then no more."""


class Pace(Protocol):
    """Says when requests are due, and when no more are."""

    def take(self, now: float) -> float | None:
        """Give the time at which the next request was due, if it is; it is then taken."""

    def is_over(self, now: float) -> bool:
        """Tell whether no more will be due."""

    def unsent(self, now: float) -> int:
        """Count what was due and not taken."""


class Ceiling:
    """A closed loop: whoever is free asks at once, so the server is as busy as it can be."""

    def __init__(self, began: float, seconds: float) -> None:
        """Begin now."""
        self._until = began + seconds

    def take(self, now: float) -> float | None:
        """Give ``now`` until the end."""
        return now if now < self._until else None

    def is_over(self, now: float) -> bool:
        """Tell whether the time is up."""
        return now >= self._until

    def unsent(self, now: float) -> int:  # noqa: ARG002 - nothing is due that nobody has time for
        """Give 0."""
        return 0


class Steady:
    """An open loop: requests are due at a rate, whatever the server does.

    A request that waits for a free connection is late, and its latency counts from when it was due: a stall is seen
    by all that came into it, as it would be by as many people.
    """

    def __init__(self, began: float, seconds: float, rate: float, grace_s: float = GRACE_S) -> None:
        """Offer ``rate`` requests a second."""
        self._began = began
        self._rate = rate
        self._total = max(1, round(rate * seconds))
        self._until = began + seconds
        self._last = self._until + grace_s
        self._taken = 0

    def take(self, now: float) -> float | None:
        """Give the next due time that has come."""
        due = self._began + self._taken / self._rate
        if due > now or self._taken == self._total or now >= self._last:
            return None
        self._taken += 1
        return due

    def is_over(self, now: float) -> bool:
        """Tell whether the time is up, and all are taken or too late."""
        return now >= (self._until if self._taken == self._total else self._last)

    def unsent(self, now: float) -> int:
        """Count those whose time had come."""
        return min(self._total, int((now - self._began) * self._rate) + 1) - self._taken
