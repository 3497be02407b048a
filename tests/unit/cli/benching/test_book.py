"""What contradicts what was acknowledged."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from parley.cli.benching.book import Book, listed
from parley.cli.benching.ranges import Ranges


def book(numbers: Iterable[int], unsettled: int = 0) -> Book:
    """Give a book of one chat."""
    made = Book(1)
    for number in numbers:
        made.acknowledge(1, number)
    made.unsettled[1] = unsettled
    return made


@pytest.mark.parametrize(
    ("numbers", "unsettled", "counted"),
    [
        ([], 0, 0),
        ([3, 1, 2], 0, 3),
        ([1, 2, 4], 1, 4),  # the one without an answer took number 3
        ([1, 2, 3], 1, 3),  # it was not written
        ([1, 2, 3], 1, 4),  # it was
        ([1, 2, 1001, 1002], 0, 4),  # the log began again above all that it may have given
    ],
)
def test_chat_that_kept_everything_has_no_finding(numbers: list[int], unsettled: int, counted: int) -> None:
    """A create without an answer may have been written or not."""
    assert book(numbers, unsettled).finding(1, counted) is None


@pytest.mark.parametrize(
    ("numbers", "unsettled", "counted", "words"),
    [
        ([1, 2, 2], 0, 3, "number 2 was given twice"),
        ([1, 2, 3], 0, 2, "it counts 2 messages, 3 were acknowledged"),
        ([1, 2, 3], 0, 4, "it counts 4 messages, 3 were sent and not refused"),
        ([1, 2, 3], 1, 5, "it counts 5 messages, 4 were sent and not refused"),
    ],
)
def test_contradiction_is_named(numbers: list[int], unsettled: int, counted: int, words: str) -> None:
    """Twice, too few, too many."""
    assert (book(numbers, unsettled).finding(1, counted) or "").startswith(words)


@pytest.mark.parametrize(
    ("numbers", "unsettled", "counted", "is_proven"),
    [
        ([], 0, 0, True),
        ([2, 1, 3], 0, 3, True),
        ([1, 2, 3], 0, 2, False),
        ([1, 2, 3], 1, 3, False),  # the one that is unknown may stand for one that is lost
        ([1, 2, 1001], 0, 3, False),  # so may one that was refused and yet written, in the hole
    ],
)
def test_count_is_a_proof_only_beside_numbers_without_holes(
    numbers: list[int],
    unsettled: int,
    counted: int,
    is_proven: bool,  # noqa: FBT001 - the expectation
) -> None:
    """Else the chat itself is read."""
    assert book(numbers, unsettled).is_proven(1, counted) is is_proven


def test_missing_numbers_are_named_in_order() -> None:
    """And only the first few of many."""
    stored = Ranges()
    for number in (99, 4, 2):
        stored.add(number)

    lost = book(range(10, 0, -1)).missing(1, stored)

    assert lost[:5] == [1, 3, 5, 6, 7]
    assert listed(lost) == "1, 3, 5, 6, 7 …"
    assert listed(lost[:2]) == "1, 3"
