"""Figures: medians and ranges, and a verdict that is never kinder than the rounds."""

from __future__ import annotations

import pytest

from benchmarks.suite.result import Figure, Spread, paired
from benchmarks.suite.rounds import row
from benchmarks.suite.tables import figure_cells, row_cells
from tests.unit.benchmarks.doubles import sample


def test_a_spread_is_the_median_and_the_range_of_the_rounds() -> None:
    """One lucky round changes the range alone."""
    assert Spread.of([5, 4, 100, 3, 4]) == Spread(4, 3, 100, [5, 4, 100, 3, 4])


def test_a_ratio_is_made_round_by_round() -> None:
    """A machine that halves its speed takes both with it: the medians' ratio would be another."""
    assert paired([10, 20, 60], [10, 10, 20]).values == [1, 2, 3]


def test_a_ratio_of_unequal_rounds_is_refused() -> None:
    """A round without its peer pairs with nothing."""
    with pytest.raises(ValueError, match="shorter"):
        paired([1, 2, 3], [1, 2])


@pytest.mark.parametrize(
    ("figure", "verdict", "told"),
    [
        (Figure(name="rate", measured=Spread.of([3.0]), at_least=2.5), "met", "met by 20%"),
        (Figure(name="rate", measured=Spread.of([2.0]), at_least=2.5), "missed", "**missed** by 20%"),
        (Figure(name="rate", measured=Spread.of([2.5]), at_least=2.5), "met", "met by 0%"),
        (Figure(name="p99", measured=Spread.of([150.0]), at_most=100), "missed", "**missed** by 50%"),
        (Figure(name="p99", measured=Spread.of([90.0]), at_most=100), "met", "met by 10%"),
        (Figure(name="rate", measured=Spread.of([9.0]), at_least=1, void="a 503"), "void", "**void**: a 503"),
        (Figure(name="rate", at_least=1), "void", "**void**: nothing was measured"),
        (Figure(name="rate", measured=Spread.of([9.0])), "shown", "shown"),
    ],
)  # fmt: skip
def test_a_figure_says_whether_and_by_how_much(figure: Figure, verdict: str, told: str) -> None:
    """Met, missed and void are three words, and what is void shows no number."""
    cells = figure_cells(figure, "cell")

    assert figure.verdict == verdict
    assert cells[3] == told
    assert (cells[2] == "–") == (verdict == "void")


def test_a_rate_that_is_no_figure_shows_its_reason_instead() -> None:
    """Errors of a contender stand where its rate would."""
    cells = row_cells(row("usual", [sample(errors=3)], work="create", mode="burst", applications=100))

    assert cells[7] == "void: 3 answers were errors"
