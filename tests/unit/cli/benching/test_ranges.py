"""A set of numbers that keeps its edges alone."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.cli.benching.ranges import Ranges


@given(st.lists(st.integers(1, 40)))
def test_ranges_are_a_set_in_order(numbers: list[int]) -> None:
    """Whatever comes, in whatever order and however often."""
    ranges, known = Ranges(), set[int]()
    for number in numbers:
        assert ranges.add(number) == (number not in known)
        known.add(number)

    assert list(ranges) == [ranges[index] for index in range(len(ranges))] == sorted(known)
    assert [number in ranges for number in range(42)] == [number in known for number in range(42)]
    assert ranges.is_dense == (sorted(known) == list(range(1, len(known) + 1)))


def test_numbers_without_holes_take_no_memory() -> None:
    """A run of five minutes has millions of them; answers come a little out of order."""
    ranges = Ranges()
    for begin in range(1, 100_001, 4):
        for number in (begin + 2, begin, begin + 3, begin + 1):
            ranges.add(number)

    assert (len(ranges), ranges.is_dense) == (100_000, True)
    assert sys.getsizeof(ranges._edges) < 200


def test_there_is_nothing_after_the_last() -> None:
    """As of every sequence."""
    with pytest.raises(IndexError):
        Ranges()[0]
