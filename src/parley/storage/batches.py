"""How much one transaction takes of what waits to be stored, so that others store in between."""

from __future__ import annotations

from typing import Final

BATCH_ENTRIES: Final = 1_000
BATCH_BYTES: Final = 4 * 1024 * 1024
BATCH_MESSAGES: Final = 10_000
"""A bulk is one entry: without this bound a transaction of small messages would take seconds."""


class Batch:
    """What was counted into one transaction; its first entry fits, however large."""

    def __init__(self, most: int = BATCH_ENTRIES) -> None:
        """Begin empty, for ``most`` entries."""
        self._most = most
        self._entries = self._bytes = self._messages = 0

    def takes(self, size: int, messages: int) -> bool:
        """Count an entry of ``size`` bytes in if it fits, and tell whether it does."""
        is_full = self._entries == self._most or self._bytes + size > BATCH_BYTES
        if self._entries and (is_full or self._messages + messages > BATCH_MESSAGES):
            return False
        self._entries += 1
        self._bytes += size
        self._messages += messages
        return True
