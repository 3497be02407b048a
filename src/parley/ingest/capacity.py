"""How much may be under way of what waits for the database: requests to be answered, and creates for their parents."""

from __future__ import annotations

from itertools import cycle
from typing import Final

from parley.domain.errors import UnavailableError

REQUEST_BYTES: Final = 8 * 1024
"""What a request weighs besides its body: its headers, its task, and what it has read so far."""

_RETRY_AFTER_S: Final = (1, 2, 3)
"""Told in turn: those who are refused together do not come again together."""


class Capacity:
    """Counts the bytes of requests under way, those included whose clients have gone."""

    def __init__(self, max_bytes: int = 128 * 1024 * 1024) -> None:
        """Take requests until they weigh ``max_bytes``."""
        self._max_bytes = max_bytes
        self._retry_after_s = cycle(_RETRY_AFTER_S)
        self.used_bytes = 0

    def take(self, body_bytes: int) -> None:
        """Count one more.

        Raises:
            UnavailableError: ``overloaded``, with the seconds to wait; it was not counted.
        """
        if self.used_bytes + body_bytes + REQUEST_BYTES > self._max_bytes:
            raise UnavailableError(
                "Too many requests are under way; nothing was written",
                code="overloaded",
                retry_after_s=next(self._retry_after_s),
            )
        self.used_bytes += body_bytes + REQUEST_BYTES

    def give_back(self, body_bytes: int) -> None:
        """Count one less."""
        self.used_bytes -= body_bytes + REQUEST_BYTES
