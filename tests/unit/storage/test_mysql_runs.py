"""Ranges that stand for the numbers in them."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.storage.mysql.audit.runs import Runs, without

RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)).map(lambda each: (each[0], sum(each))))


def numbers(ranges: list[tuple[int, int]]) -> list[int]:
    """Give the distinct numbers in ranges."""
    return sorted({number for first, last in ranges for number in range(first, last + 1)})


@given(RANGES)
def test_a_reader_sees_each_number_once(ranges: list[tuple[int, int]]) -> None:
    """As a list of the numbers would be: by place, from either end, in slices and by bisection."""
    runs, expected = Runs(ranges), numbers(ranges)

    assert (len(runs), list(runs), runs[1:-1]) == (len(expected), expected, expected[1:-1])
    assert [number for number in range(-1, 50) if number in runs] == expected
    assert [bisect_left(runs, number) for number in range(50)] == [bisect_left(expected, n) for n in range(50)]
    assert [runs[-place] for place in range(1, len(expected) + 1)] == expected[::-1]


@pytest.mark.parametrize("place", [3, -4])
def test_a_reader_is_refused_a_place_that_is_not_there(place: int) -> None:
    """As of any sequence."""
    with pytest.raises(IndexError):
        Runs([(7, 9)])[place]


@pytest.mark.parametrize("other", ["7", None])
def test_a_reader_finds_no_other_things_in_it(other: object) -> None:
    """Only numbers are numbers."""
    assert other not in Runs([(7, 9)])


@given(RANGES, RANGES)
def test_what_is_taken_out_of_ranges_is_gone_and_nothing_else(
    ranges: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    """The ranges rise and are apart, those that are taken out may overlap."""
    apart = [(number, number) for number in numbers(ranges)]

    left = list(without(apart, sorted(others)))

    assert numbers(left) == sorted(set(numbers(ranges)) - set(numbers(others)))


def test_what_is_left_of_a_range_are_its_ends() -> None:
    """Not a list of numbers: a hole may be millions wide."""
    assert list(without([(1, 4_000_000)], [(5, 9), (7, 8), (4_000_000, 2**40)])) == [(1, 4), (10, 3_999_999)]
