"""Honesty: rows against answers, and an outcome that drops the figure."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks.stage.honesty import check, expect_rows
from benchmarks.suite.cell import VoidError, WrongError
from benchmarks.suite.rounds import refuse_errors
from benchmarks.suite.wrk import CONNECTIONS
from tests.unit.benchmarks.doubles import sample


@pytest.mark.parametrize("stored", [1_000, 1_000 + CONNECTIONS])
def test_a_closed_loop_may_have_been_stored_more_than_it_was_told(stored: int) -> None:
    """It hangs up with a request on the way on each connection."""
    expect_rows(stored, sample(1_000))


@pytest.mark.parametrize("stored", [999, 1_001 + CONNECTIONS])
def test_a_lost_or_invented_message_is_wrong(stored: int) -> None:
    """One row less than was acknowledged, or one more than was sent."""
    with pytest.raises(WrongError, match="are stored"):
        expect_rows(stored, sample(1_000))


@pytest.mark.parametrize("stored", [999, 1_001])
def test_an_open_loop_agrees_to_the_message(stored: int) -> None:
    """It waits for its last answer."""
    expect_rows(1_000, sample(1_000, offered=500.0))

    with pytest.raises(WrongError):
        expect_rows(stored, sample(1_000, offered=500.0))


def test_bulks_probes_and_errors_count() -> None:
    """A bulk counts its messages, an error none, and a probe's last request may be either."""
    expect_rows(10 * 100 + 5, sample(12, errors=2, units=100, offered=1.0), beside=6)

    with pytest.raises(WrongError):
        expect_rows(10 * 100 + 3, sample(12, errors=2, units=100, offered=1.0), beside=6)


def test_an_unclean_check_is_wrong() -> None:
    """What it printed is the reason."""
    with pytest.raises(WrongError, match="grants: differs"):
        check(subprocess.CompletedProcess(["parley", "check"], 1, "grants: differs", ""))


def test_a_refused_create_voids_a_burst() -> None:
    """A ceiling that sheds load is no ceiling."""
    with pytest.raises(VoidError, match="1 of 1,000"):
        refuse_errors(sample(errors=1), "a burst")
