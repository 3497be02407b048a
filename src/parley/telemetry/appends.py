"""Counts appends: how many entries, how long, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence

from parley.domain.errors import ParleyError
from parley.domain.numbering import Appended, Outcome, Refused, Replayed
from parley.telemetry.instruments import Counter
from parley.telemetry.metrics import Metrics


class AppendCounts:
    """Told of each finished append."""

    def __init__(self, metrics: Metrics) -> None:
        """Count in ``metrics``."""
        self._entries = metrics.append_entries
        self._seconds = metrics.append_seconds
        self._failed = metrics.entries.child("failed")
        self._outcomes: dict[type, Counter] = {
            Appended: metrics.entries.child("appended"),
            Replayed: metrics.entries.child("replayed"),
            Refused: metrics.entries.child("refused"),
        }

    def __call__(self, results: Sequence[Outcome | ParleyError], seconds: float) -> None:
        """Count one append by its entries' results."""
        self._entries.observe(len(results))
        self._seconds.observe(seconds)
        for result in results:
            self._outcomes.get(type(result), self._failed).value += 1
