"""What clients write: each text begins with a word that nobody else writes, so what is read names who wrote it."""

from __future__ import annotations

import hashlib
from random import Random
from typing import Final, NamedTuple

_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz"
_FILLERS: Final = (
    "ok",
    "привет всем",
    "\N{SUSHI}\N{BEER MUG}",
    "ελα",
    "世界",
    'a "quoted" \\ part',
    "line\nline",
    "x" * 400,
)
_DIGITS: Final = 16
_SALT: Final = 6


class Text(NamedTuple):
    """A text and the word that names it."""

    value: str
    whole: str

    @property
    def sha(self) -> str:
        """Give its hash, as a row says it."""
        return sha_of(self.whole)


def sha_of(text: str) -> str:
    """Give a text's hash, as a row says it."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def value_of(text: str) -> str:
    """Give the word that a text begins with."""
    return text.partition(" ")[0]


def write_body(p: int, i: int, part: int, rng: Random) -> Text:
    """Make the body of one part of a client's operation. It is folded already, and no word is part of another."""
    value = _word(p, i, part, rng)
    return Text(value, f"{value} {' '.join(rng.choices(_FILLERS, k=rng.randint(0, 3)))}".rstrip())


def write_title(p: int, i: int, rng: Random) -> Text:
    """Make a chat's title, which is one line."""
    value = _word(p, i, 0, rng)
    return Text(value, f"{value} \N{SPEECH BALLOON}")


def _word(p: int, i: int, part: int, rng: Random) -> str:
    return f"w{p}-{i}-{part}-{''.join(rng.choices(_ALPHABET, k=_SALT))}"
