"""Generators: what they print is read right, and no answer is no figure."""

from __future__ import annotations

import json

import pytest

from benchmarks.suite.cell import VoidError
from benchmarks.suite.cpu import Spent
from benchmarks.suite.oha import parse_oha
from benchmarks.suite.wrk import Told, parse_wrk

WRK = """\
Running 3s test @ http://127.0.0.1:40123
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.86ms    1.02ms  17.91ms   86.53%
    Req/Sec    22.69k     2.11k   25.10k    73.33%
  67932 requests in 3.01s, 21.12MB read
{}Requests/sec:  22568.94
Transfer/sec:      7.02MB
"""
OHA = {
    "summary": {"total": 2.001, "slowest": 0.031},
    "latencyPercentiles": {"p10": 0.0005, "p50": 0.001, "p95": 0.002, "p99": 0.003, "p99.9": 0.02},
    "statusCodeDistribution": {"201": 7_990, "503": 10},
    "errorDistribution": {"connection reset": 2},
}


def test_wrk_is_read() -> None:
    """Requests and seconds are its own, not the ones it was asked for."""
    assert parse_wrk(WRK.format("")) == Told(67_932, 3.01, 0)


def test_what_wrk_says_of_errors_is_counted() -> None:
    """Refusals and broken connections alike."""
    lines = "  Socket errors: connect 0, read 3, write 0, timeout 2\n  Non-2xx or 3xx responses: 17\n"

    assert parse_wrk(WRK.format(lines)).errors == 22


@pytest.mark.parametrize("text", ["  0 requests in 3.01s, 0.00B read\n", "unable to connect"])
def test_wrk_without_an_answer_is_no_figure(text: str) -> None:
    """A server that is away has no rate."""
    with pytest.raises(VoidError, match="no answer"):
        parse_wrk(text)


def test_oha_is_read() -> None:
    """Seconds become milliseconds; what was refused or broken is an error, what was answered counts."""
    sample = parse_oha(json.dumps(OHA).encode(), 4_000, Spent(2.0, {"service": 1.0}, 0.5))

    assert (sample.answered, sample.errors, sample.seconds) == (8_000, 12, 2.001)
    assert sample.latency_ms == pytest.approx({"p50": 1, "p95": 2, "p99": 3, "p99.9": 20, "max": 31})


def test_oha_without_a_good_answer_is_no_figure() -> None:
    """Refusals are fast, and no percentile of theirs is shown."""
    told = {**OHA, "statusCodeDistribution": {"503": 8_000}}

    with pytest.raises(VoidError, match="no good answer"):
        parse_oha(json.dumps(told).encode(), 4_000, Spent())
