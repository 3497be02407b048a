"""Quantiles of durations."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Quantiles(msgspec.Struct, frozen=True):
    """Milliseconds, by nearest rank."""

    p50_ms: float
    p99_ms: float
    max_ms: float


def quantiles_of(durations_ns: Sequence[int]) -> Quantiles | None:
    """Sort durations out; nothing where there are none."""
    if not durations_ns:
        return None
    ordered = sorted(durations_ns)
    p50, p99 = (ordered[max(0, -(-len(ordered) * percent // 100) - 1)] for percent in (50, 99))
    return Quantiles(p50 / 10**6, p99 / 10**6, ordered[-1] / 10**6)
