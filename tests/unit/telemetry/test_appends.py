"""Counting appends by what became of their entries."""

from __future__ import annotations

from parley.domain.errors import UnavailableError
from parley.domain.events import Position
from parley.domain.numbering import Appended, Reason, Refused, Replayed
from parley.telemetry.appends import AppendCounts
from parley.telemetry.metrics import Metrics


def test_append_is_counted_by_outcome() -> None:
    """With its size and its seconds."""
    metrics = Metrics()
    position = Position(1, 1)
    results = (Appended(1, position), Replayed(1, position), Refused(Reason.CHAT_GONE), UnavailableError("x"))

    AppendCounts(metrics)(results, 0.5)

    assert {labels[0]: counter.value for labels, counter in metrics.entries} == {
        "failed": 1, "appended": 1, "replayed": 1, "refused": 1,
    }  # fmt: skip
    assert (metrics.append_entries.sum, metrics.append_seconds.sum) == (4, 0.5)
