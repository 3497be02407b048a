"""Who writes how much where: the chats of a history, and the order in which their messages come.

Of n messages a tenth are in one chat, the first; the others are in n / 100 - 1 chats whose sizes are drawn from a
Pareto distribution. A history grows by stages: each brings new chats, whole, and more of the large one. Within a stage
a thousand chats live at the same time, and people sit down in one of them or in the large one, write some messages, and
go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from random import Random
from typing import Final, NamedTuple

APPLICATIONS: Final = 100
STEPS: Final = (10_000, 100_000, 1_000_000, 10_000_000)

_CHATS: Final = 100
"""Messages for each chat there is, on average."""
_LARGE: Final = 10
"""One message of so many is in the large chat."""
_TAIL: Final = 1.16
"""The exponent at which a fifth of the chats has four fifths of the messages."""
_LONGEST_SITTING: Final = 40
_LIVING: Final = 1_000
"""Chats that live at the same time."""


class Place(NamedTuple):
    """A chat by the order of its application, from 0, and its number there."""

    application: int
    number: int


LARGE: Final = Place(0, 1)


class NewChat(NamedTuple):
    """A chat, and how many messages it will ever have."""

    place: Place
    messages: int


class Sitting(NamedTuple):
    """Messages that come one after the other in one chat: the number of the first, and how many they are."""

    place: Place
    first: int
    messages: int


class Stage(NamedTuple):
    """What one stage adds: the history has ``messages`` after it."""

    messages: int
    new_chats: list[NewChat]
    sittings: Iterator[Sitting]


def stages(seed: int, steps: Sequence[int] = STEPS) -> Iterator[Stage]:
    """Give the stages to so many messages each, the last of which is the whole history.

    Raises:
        ValueError: a step is no multiple of 10,000 above the one before.
    """
    if any(step % 10_000 or step <= before for before, step in pairwise([0, *steps])):
        raise ValueError(f"{steps} are not rising multiples of 10,000")
    rng = Random(seed)  # noqa: S311 - the same every time is the point
    for before, step in pairwise([0, *steps]):
        chats = range(before // _CHATS, step // _CHATS)
        places = [Place(chat % APPLICATIONS, chat // APPLICATIONS + 1) for chat in chats]
        large = [] if before else [NewChat(LARGE, large_of(steps[-1]))]
        ordinary = places[len(large) :]
        of_large = _sit(rng, LARGE, large_of(before) + 1, large_of(step) - large_of(before))
        sizes = draw_sizes(rng, step - before - sum(sitting.messages for sitting in of_large), len(ordinary))
        new_chats = list(map(NewChat, ordinary, sizes))
        yield Stage(step, large + new_chats, _live(rng, of_large, new_chats))


def large_of(messages: int) -> int:
    """Give how many messages of so many are in the large chat."""
    return messages // _LARGE


def draw_sizes(rng: Random, total: int, count: int) -> list[int]:
    """Part ``total`` among ``count``, one at least to each; none gets as much as a ninth of it."""
    weights = [min(rng.paretovariate(_TAIL), count / _LARGE) for _ in range(count)]
    scale = (total - count) / sum(weights)
    return [
        1 + round(upper) - round(lower) for lower, upper in pairwise(accumulate([0.0, *(w * scale for w in weights)]))
    ]


def _sit(rng: Random, place: Place, first: int, count: int) -> list[Sitting]:
    """Part a chat's messages into sittings."""
    sittings, end = [], first + count
    while first < end:
        taken = min(rng.randint(1, _LONGEST_SITTING), end - first)
        sittings.append(Sitting(place, first, taken))
        first += taken
    return sittings


def _live(rng: Random, of_large: Sequence[Sitting], new_chats: Sequence[NewChat]) -> Iterator[Sitting]:
    """Give the sittings of a thousand chats at a time, those of the large chat spread evenly among them."""
    starts = range(0, len(new_chats), _LIVING)
    for turn, start in enumerate(starts):
        share = of_large[turn * len(of_large) // len(starts) : (turn + 1) * len(of_large) // len(starts)]
        sittings = [_sit(rng, place, 1, size) for place, size in new_chats[start : start + _LIVING]]
        yield from _mix(rng, [share, *sittings])


def _mix(rng: Random, chats: Iterable[Sequence[Sitting]]) -> Iterator[Sitting]:
    """Shuffle the sittings of chats, those of one chat staying in their order."""
    turns = [turn for sittings in chats for turn in [iter(sittings)] * len(sittings)]
    rng.shuffle(turns)
    yield from map(next, turns)
