"""How much may be under way of what waits for the database: requests to be answered, and creates for their parents."""

from __future__ import annotations

from typing import Final

from parley.ingest.overload import Overload

REQUEST_BYTES: Final = 8 * 1024
"""What a request weighs besides its body: its headers, its task, and what it has read so far."""


class Capacity:
    """Counts the bytes of requests under way, those included whose clients have gone."""

    def __init__(self, max_bytes: int = 128 * 1024 * 1024) -> None:
        """Take requests until they weigh ``max_bytes``."""
        self._max_bytes = max_bytes
        self._overload = Overload("Too many requests are under way")
        self.used_bytes = 0

    def take(self, body_bytes: int) -> None:
        """Count one more.

        Raises:
            UnavailableError: ``overloaded``, with the seconds to wait; it was not counted.
        """
        if self.used_bytes + body_bytes + REQUEST_BYTES > self._max_bytes:
            raise self._overload.refusal()
        self.used_bytes += body_bytes + REQUEST_BYTES

    def give_back(self, body_bytes: int) -> None:
        """Count one less."""
        self.used_bytes -= body_bytes + REQUEST_BYTES
