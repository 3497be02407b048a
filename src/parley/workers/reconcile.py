"""Forgets expired idempotency keys, hourly, a slice a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from parley.storage.port import Erasure
from parley.telemetry.clock import Clock

SLICE_KEYS: Final = 1_000
SWEEP_EVERY_S: Final = 3_600.0

_log = structlog.get_logger(__name__)


class ReconcileJob:
    """A `Job`: one sweep over all keys at the start and every hour."""

    name = "reconcile"

    def __init__(self, erasure: Erasure, clock: Clock, *, key_ttl_s: int, on_swept: Callable[[int], None]) -> None:
        """Expire through ``erasure`` what is older than ``key_ttl_s``; ``on_swept`` counts what was looked at."""
        self._erasure = erasure
        self._clock = clock
        self._key_ttl_ms = key_ttl_s * 1_000
        self._on_swept = on_swept
        self._handled = 0

    async def step(self) -> float:
        """Do one slice of the sweep."""
        handled = await self._erasure.expire_keys(self._clock.now_ms() - self._key_ttl_ms, SLICE_KEYS)
        if handled:
            self._on_swept(handled)
            self._handled += handled
            return 0
        if self._handled:
            _log.info("idempotency keys swept", keys=self._handled)
            self._handled = 0
        return SWEEP_EVERY_S
