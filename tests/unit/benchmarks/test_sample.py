"""Samples: when the generator, and not what it loads, set the rate."""

from __future__ import annotations

import pytest

from benchmarks.suite.cpu import Spent
from benchmarks.suite.result import Spread
from benchmarks.suite.rounds import against, row
from benchmarks.suite.sample import percentiles_ms
from tests.unit.benchmarks.doubles import sample

IDLE_SERVER = Spent(1.0, {"service": 0.4, "redis": 0.2}, 0.95)


@pytest.mark.parametrize(
    ("service", "generator", "is_bottleneck"),
    [(0.40, 0.95, True), (0.84, 0.86, True), (0.90, 0.95, False), (0.40, 0.50, False)],
)
def test_a_busy_generator_before_an_idle_server_is_the_bottleneck(
    service: float, generator: float, *, is_bottleneck: bool
) -> None:
    """A server without anything left to give set the rate itself, however busy the generator was."""
    spent = Spent(1.0, {"service": service, "redis": 0.2}, generator)

    assert bool(sample(spent=spent).bottleneck) == is_bottleneck


def test_a_rate_that_the_generator_set_is_void_everywhere() -> None:
    """Neither the contender's row nor a comparison with it is a figure."""
    rounds = {"parley": [sample(2_000)] * 3, "usual": [sample(1_000, spent=IDLE_SERVER)] * 3}

    figure = against("creates", rounds, "parley", "usual", at_least=1.5)
    one = row("usual", rounds["usual"], work="create", mode="burst", applications=100)

    assert figure.verdict == "void"
    assert "generator is the bottleneck" in figure.void
    assert "generator is the bottleneck" in one.void


def test_percentiles_that_a_busy_generator_made_late_are_not_shown() -> None:
    """What waited in the generator says nothing about the server."""
    late = sample(spent=IDLE_SERVER, latency_ms={"p99": 9.0}, offered=1_000.0)

    one = row("parley", [sample()], [late], work="create", mode="burst", applications=100)

    assert one.latency_ms == {}


def test_cpu_and_shares_are_told_by_process() -> None:
    """Microseconds of a request, and the generator's part of all that was spent."""
    one = sample(10_000, spent=Spent(1.0, {"service": 0.3, "redis": 0.1}, 0.1))

    assert one.cpu_us("service") == pytest.approx(30)
    assert one.generator_share == pytest.approx(0.2)


def test_a_bulk_counts_its_messages() -> None:
    """The rate is of messages, the CPU of requests."""
    one = sample(600, units=100)

    assert Spread.of([one.rate]).median == 60_000
    assert one.cpu_us("service") == pytest.approx(1_500)


def test_percentiles_are_in_milliseconds() -> None:
    """The slowest of a thousand is at most p99.9."""
    told = percentiles_ms([number / 1_000 for number in range(1, 1_001)])

    assert told == pytest.approx({"p50": 500.5, "p95": 950.05, "p99": 990.01, "p99.9": 999.001, "max": 1_000})
