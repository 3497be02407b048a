"""The figures of a run, as ``--json`` prints them: docs/bench.md explains each member, and they stay."""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec

from parley.cli.benching.latencies import Latencies
from parley.cli.benching.load import Offer
from parley.cli.benching.mix import OPERATIONS
from parley.cli.benching.plan import Plan
from parley.cli.benching.tally import Tally

BUSY: Final = 0.8
"""Above this share of one core the generator may be what limits a loop."""
LATE_MS: Final = 5.0
"""A generator that is later than this with one request in a hundred is seen in the latencies."""


class Quantiles(msgspec.Struct):
    """Milliseconds."""

    p50: float
    p95: float
    p99: float
    p99_9: float
    max: float


class Operation(msgspec.Struct):
    """What came of one kind of request."""

    operation: str
    answered: int
    per_s: float
    errors: dict[str, int]
    latency_ms: Quantiles | None


class HistogramBar(msgspec.Struct):
    """Latencies of at most ``to_ms``, above those of the bar before."""

    to_ms: float
    count: int


class Loop(msgspec.Struct):
    """What came of one loop; a closed one has no latencies, for it asks less while it waits."""

    loop: str
    offered_per_s: float | None
    seconds: float
    answered: int
    per_s: float
    errors: int
    unsent: int
    generator_cpu: float
    generator_late_ms: float
    generator_bound: bool
    operations: list[Operation]
    histogram: list[HistogramBar]


class Messages(msgspec.Struct):
    """What was acknowledged, beside what the chats say."""

    acknowledged: int
    unsettled: int
    counted: int
    complete: bool
    findings: list[str]


class Report(msgspec.Struct):
    """All of it; ``ok`` is what the exit status says."""

    settings: Plan
    loops: list[Loop]
    messages: Messages
    cleaned_up: bool
    ok: bool


def loop_of(tally: Tally, offer: Offer, rate: float | None = None) -> Loop:
    """Sum a loop up; a ``rate`` makes it an open one."""
    is_open = rate is not None
    kinds = [kind for kind in OPERATIONS if kind in tally.latencies or kind in tally.errors]
    return Loop(
        loop="open" if is_open else "closed",
        offered_per_s=rate,
        seconds=offer.seconds,
        answered=tally.good,
        per_s=sum(tally.in_window.values()) / offer.seconds,
        errors=sum(errors.total() for errors in tally.errors.values()),
        unsent=offer.unsent,
        generator_cpu=offer.cpu,
        generator_late_ms=offer.late_ms,
        generator_bound=offer.cpu > BUSY or (is_open and offer.late_ms > LATE_MS),
        operations=[_operation(tally, kind, offer.seconds, is_open=is_open) for kind in kinds],
        histogram=[HistogramBar(*bar) for bar in Latencies.of_all(tally.latencies.values()).bars()] if is_open else [],
    )


def _operation(tally: Tally, kind: str, seconds: float, *, is_open: bool) -> Operation:
    latencies, errors = tally.latencies.get(kind, Latencies()), tally.errors.get(kind, Counter[str]())
    quantiles = _quantiles(latencies) if is_open and latencies.total else None
    per_s = tally.in_window.get(kind, 0) / seconds
    return Operation(kind, latencies.total, per_s, dict(sorted(errors.items())), quantiles)


def _quantiles(latencies: Latencies) -> Quantiles:
    at = latencies.quantile_ms
    return Quantiles(p50=at(0.5), p95=at(0.95), p99=at(0.99), p99_9=at(0.999), max=latencies.max_ms)
