"""Erases what was deleted, a slice a transaction, so that writes go on beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parley.storage.port import Erasure
from parley.telemetry.clock import Clock

SLICE_ROWS: Final = 500
POLL_S: Final = 5.0
SCRUB_EVERY_S: Final = 20.0
"""What was deleted is to be unreadable in the files within 60 s."""


class EraseJob:
    """A `Job`: woken by deletes, and looking by itself for what was left before a restart."""

    name = "erase"

    def __init__(self, erasure: Erasure, clock: Clock, on_erased: Callable[[int], None]) -> None:
        """Erase through ``erasure``; ``on_erased`` counts rows."""
        self._erasure = erasure
        self._clock = clock
        self._on_erased = on_erased
        self._scrubbed_at = clock.monotonic()

    async def step(self) -> float:
        """Erase one slice, at once again until nothing is left; then scrub the files, now and then."""
        erased = await self._erasure.erase(SLICE_ROWS)
        self._on_erased(erased)
        if erased:
            return 0
        if self._clock.monotonic() - self._scrubbed_at >= SCRUB_EVERY_S:
            await self._erasure.scrub()
            self._scrubbed_at = self._clock.monotonic()
        return POLL_S
