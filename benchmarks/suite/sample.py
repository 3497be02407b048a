"""One run of one generator against one contender."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Final

import msgspec

from benchmarks.suite.cpu import Spent
from benchmarks.suite.result import Spread

BUSY: Final = 0.85
"""Of one core: above it a process that uses one thread has nothing left to give."""
PERMILLES: Final = {"p50": 500, "p95": 950, "p99": 990, "p99.9": 999}


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What the generator saw and what the processes spent; a unit is what one request carries."""

    answered: int
    errors: int
    seconds: float
    spent: Spent
    units: int = 1
    latency_ms: dict[str, float] = {}
    offered: float | None = None

    @property
    def rate(self) -> float:
        """Give units a second."""
        return self.answered * self.units / self.seconds

    def cpu_us(self, process: str) -> float:
        """Give the microseconds of CPU that a process spent on one request."""
        return self.spent.processes[process] / max(1, self.answered) * 1e6

    @property
    def generator_share(self) -> float:
        """Give the generator's part of all CPU that was measured."""
        return self.spent.generator / max(1e-9, self.spent.generator + sum(self.spent.processes.values()))

    @property
    def bottleneck(self) -> str:
        """Say why the generator, and not what it loads, set the rate; empty when it did not."""
        generator = self.spent.generator / self.spent.seconds
        busiest = max((used / self.spent.seconds for used in self.spent.processes.values()), default=0.0)
        if generator < BUSY or busiest >= BUSY:
            return ""
        return (
            f"the generator is the bottleneck: it used {generator:.0%} of a core, "
            f"the busiest process it loaded {busiest:.0%}"
        )


def bottleneck_of(samples: Sequence[Sample]) -> str:
    """Give the reason of the first round whose rate the generator set, if that was so in most rounds."""
    reasons = [sample.bottleneck for sample in samples if sample.bottleneck]
    return reasons[0] if len(reasons) * 2 > len(samples) else ""


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Give the percentiles that every figure is told with, in milliseconds; of at least two latencies."""
    cuts = quantiles(seconds, n=1000, method="inclusive")
    return {name: cuts[permille - 1] * 1000 for name, permille in PERMILLES.items()} | {"max": max(seconds) * 1000}


def medians_us(samples: Sequence[Sample]) -> dict[str, float]:
    """Give the median CPU of a request by process, the generator's too."""
    names = list(samples[0].spent.processes)
    by_process = {name: median(sample.cpu_us(name) for sample in samples) for name in names}
    generator = median(sample.spent.generator / max(1, sample.answered) * 1e6 for sample in samples)
    return {**by_process, "generator": generator}


def spreads_ms(samples: Sequence[Sample]) -> dict[str, Spread]:
    """Give each percentile's spread over the rounds."""
    return {name: Spread.of(sample.latency_ms[name] for sample in samples) for name in samples[0].latency_ms}
