"""Text rules: limits, blankness, and the one folding that search uses on both sides."""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import Final

BODY_MAX_BYTES = 65_535
NAME_MAX_CHARACTERS = 255
METADATA_MAX_BYTES = 4_096
QUERY_MAX_CHARACTERS = 200
BULK_MAX_MESSAGES = 1_000

_SLICE: Final = 64
"""Characters. The library puts marks in order in the square of their number: it is given few at a time."""

_INVISIBLE = frozenset(
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\ufeff\uffa0"
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f"
)
"""Characters that draw nothing although ``str.isspace`` does not count them as white space."""


def fold(text: str) -> str:
    """Fold for canonical caseless matching: ``NFC(casefold(NFD(text)))`` (Unicode D145).

    Two texts that differ in case or in composition only have the same folding.
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", _decompose(text).casefold())


def is_blank(text: str) -> bool:
    """Tell whether nothing of ``text`` can be seen: empty, white space or zero-width only."""
    return not text or (
        not (text[0].isascii() and text[0].isalnum()) and all(c.isspace() or c in _INVISIBLE for c in text)
    )


def _decompose(text: str) -> str:
    """Give NFD in time that grows with the length, also for a body that is one letter under 32,000 marks."""
    parts: list[str] = []
    start, size = 0, len(text)
    while start < size:
        end = start + _SLICE
        while end < size and unicodedata.combining(unicodedata.normalize("NFD", text[end])[0]):
            end += 1
        part = text[start:end]
        parts.append(unicodedata.normalize("NFD", part) if end - start <= 2 * _SLICE else _in_order(part))
        start = end
    return "".join(parts)


def _in_order(text: str) -> str:
    """Give NFD by its definition: each character decomposed, then each run of marks sorted by class, stably."""
    decomposed = "".join([unicodedata.normalize("NFD", character) for character in text])
    runs = groupby(decomposed, key=lambda character: unicodedata.combining(character) > 0)
    return "".join(["".join(sorted(run, key=unicodedata.combining) if marks else run) for marks, run in runs])
