"""Bodies of realistic lengths and words, made from a seed: no text of anybody is in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import Final

from parley.domain.model import Draft

WORDS: Final = 20_000
"""So many different words there are; the n-th is said a n-th as often as the first, as in real languages."""

_SPOKEN: Final = 1_000_000
_LENGTHS: Final = 100_003
"""A prime: starts and lengths, each drawn once, meet in ever new pairs."""

_MEDIAN_LN: Final = 2.0
_SPREAD_LN: Final = 0.9
_LONGEST: Final = 300
"""Words of a body: half of the bodies have seven or fewer, the longest make pages."""

_SENDERS: Final = 5_000
_QUOTED: Final = (3, 12)
_SHORT: Final = 3
"""Letters up to which words are equally frequent, but for chance."""

_HEADS: Final[Sequence[str]] = (*"bcdfghklmnprstvwzдж田", "st", "tr", "pl", "sch")
_CORES: Final[Sequence[str]] = (*"aeiouöéяы", "ai", "ou", "ee")
_TAILS: Final[Sequence[str]] = ("", "", "", *"nrstß", "ng", "ck")
_SAID_APART: Final = (":-)", "\U0001f44d", "\U0001f642", "100%", "C++", "#1", "->", "https://example.org/a?b=c")
_STOPS: Final = ("", "", "", "", "", "", ",", ".", "?", "!", "...")


class Talk:
    """One long made-up talk; each body begins at any of its words and goes on for some."""

    def __init__(self, seed: int, words: int = _SPOKEN) -> None:
        """Make the same talk of the same seed, so many words long."""
        self._rng = rng = Random(seed)  # noqa: S311 - the same every time is the point
        vocabulary = make_words(rng, WORDS)
        frequent = list(accumulate(1 / rank for rank in range(1, WORDS + 1)))
        spoken = [word + rng.choice(_STOPS) for word in rng.choices(vocabulary, cum_weights=frequent, k=words)]
        self._text = " ".join(spoken) + " "
        self._starts = [0, *accumulate(len(word) + 1 for word in spoken)]
        self._lengths = [_draw_length(rng) for _ in range(_LENGTHS)]
        self._last_start = words - _LONGEST
        self._senders = [f"user-{number}" for number in range(_SENDERS)]
        self._said = 0

    def say(self, count: int) -> tuple[Draft, ...]:
        """Give the next messages, one person's."""
        random, text, starts, lengths = self._rng.random, self._text, self._starts, self._lengths
        sender = self._senders[int(random() * _SENDERS)]
        drafts = []
        for said in range(self._said, self._said + count):
            start = int(random() * self._last_start)
            drafts.append(Draft(text[starts[start] : starts[start + lengths[said % _LENGTHS]] - 1], sender))
        self._said += count
        return tuple(drafts)

    def quote(self, rng: Random) -> str:
        """Give some characters of the talk, to be searched for; what is said next stays the same."""
        length = rng.randint(*_QUOTED)
        while True:
            start = rng.randrange(len(self._text) - length)
            quoted = self._text[start : start + length].strip()
            if len(quoted) >= _QUOTED[0]:
                return quoted


def make_words(rng: Random, count: int) -> list[str]:
    """Make different words, the short ones first, as the frequent ones are short."""
    made = set(_SAID_APART)
    while len(made) < count:
        made.add("".join(_syllable(rng) for _ in range(rng.choice((1, 2, 2, 2, 3, 3, 4)))))
    words = sorted(made)  # a set's own order is another one in every process
    rng.shuffle(words)
    return sorted(words, key=lambda word: max(_SHORT, len(word)))


def _syllable(rng: Random) -> str:
    return rng.choice(_HEADS) + rng.choice(_CORES) + rng.choice(_TAILS)


def _draw_length(rng: Random) -> int:
    return max(1, min(_LONGEST, round(rng.lognormvariate(_MEDIAN_LN, _SPREAD_LN))))
