"""Quantiles and bars of counted latencies, against the latencies themselves."""

from __future__ import annotations

import math
from random import Random

import pytest

from parley.cli.benching.latencies import Latencies


def counted(*seconds: float) -> Latencies:
    """Count these."""
    latencies = Latencies()
    for each in seconds:
        latencies.add(each)
    return latencies


def test_quantiles_are_those_of_the_sorted_latencies() -> None:
    """By nearest rank, to 0.2 %, over six powers of ten."""
    random = Random(7)
    seconds = [10 ** random.uniform(-5, 1) for _ in range(20_000)]
    latencies = counted(*seconds)

    for share in (0.5, 0.95, 0.99, 0.999, 1.0):
        exact = sorted(seconds)[math.ceil(share * len(seconds)) - 1] * 1000
        assert latencies.quantile_ms(share) == pytest.approx(exact, rel=0.002, abs=0.001)
    assert latencies.max_ms == pytest.approx(max(seconds) * 1000)
    assert latencies.total == 20_000


def test_quantile_is_exact_at_the_rank() -> None:
    """99 of 100 are not more than the 99th, and the 100th is another one."""
    latencies = counted(*(each / 1000 for each in range(1, 101)))

    assert [round(latencies.quantile_ms(share)) for share in (0.5, 0.95, 0.99, 0.999)] == [50, 95, 99, 100]


def test_memory_does_not_grow_with_the_count() -> None:
    """However many latencies of however many lengths, there are some thousand counters."""
    random = Random(1)

    latencies = counted(*(random.uniform(0, 300) for _ in range(100_000)))

    assert len(latencies.counts) < 10_000


def test_no_latencies_have_no_quantile() -> None:
    """Nothing is made up."""
    with pytest.raises(ValueError, match="no latencies"):
        Latencies().quantile_ms(0.5)


def test_bars_hold_what_is_at_most_their_edge() -> None:
    """1, 2, 5, 10 …; empty ones between the first and the last are there."""
    bars = counted(0.000_9, 0.001, 0.001_1, 0.002, 0.009, 0.090).bars()

    assert bars == [(1, 2), (2, 2), (5, 0), (10, 1), (20, 0), (50, 0), (100, 1)]
    assert Latencies().bars() == []
    assert counted(0.0).bars() == [(0.001, 1)]


def test_parts_add_up() -> None:
    """Several operations share one histogram."""
    whole = Latencies.of_all([counted(0.001, 0.002), counted(0.002, 0.5)])

    assert (whole.total, round(whole.max_ms), sum(count for _, count in whole.bars())) == (4, 500, 4)
    assert whole.quantile_ms(0.75) == pytest.approx(2, rel=0.002)
