"""Latencies in bounded memory, however many they are."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final, Self

_PRECISION_BITS: Final = 10
"""Each latency is kept to 10 significant bits: off by 0.2 % at most, and some thousand counters in all."""

_STEPS: Final = (1, 2, 5)
_US_PER_MS: Final = 1000


class Latencies:
    """Counts latencies by microsecond, coarser the longer they are."""

    def __init__(self) -> None:
        """Start empty."""
        self.total = 0
        self.max_ms = 0.0
        self.counts: defaultdict[int, int] = defaultdict(int)
        """How many, by microseconds."""

    @classmethod
    def of_all(cls, parts: Iterable[Latencies]) -> Self:
        """Add several up."""
        sum_ = cls()
        for part in parts:
            sum_.total += part.total
            sum_.max_ms = max(sum_.max_ms, part.max_ms)
            for us, count in part.counts.items():
                sum_.counts[us] += count
        return sum_

    def add(self, seconds: float) -> None:
        """Count one."""
        us = int(seconds * 1e6)
        excess = us.bit_length() - _PRECISION_BITS
        self.counts[us >> excess << excess if excess > 0 else us] += 1
        self.total += 1
        self.max_ms = max(self.max_ms, seconds * 1000)

    def quantile_ms(self, share: float) -> float:
        """Give the least latency that ``share`` of all do not exceed; there must be one."""
        wanted = max(1, math.ceil(round(share * self.total, 6)))
        for us in sorted(self.counts):
            wanted -= self.counts[us]
            if wanted <= 0:
                return us / _US_PER_MS
        raise ValueError("there are no latencies")

    def bars(self) -> list[tuple[float, int]]:
        """Sort them into milliseconds of at most 1, 2, 5, 10, 20 …, from the first that has some to the last."""
        bars = Counter[int]()
        for us, count in self.counts.items():
            bars[_bar_of(us)] += count
        return [
            (_edge_us(bar) / _US_PER_MS, bars[bar]) for bar in range(min(bars, default=0), max(bars, default=-1) + 1)
        ]


def _edge_us(bar: int) -> int:
    power, step = divmod(bar, len(_STEPS))
    return int(_STEPS[step] * 10**power)


def _bar_of(us: int) -> int:
    bar = max(0, (len(str(us)) - 1) * len(_STEPS))
    while _edge_us(bar) < us:
        bar += 1
    return bar
