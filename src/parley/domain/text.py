"""Text rules: limits, blankness, and the one folding that search uses on both sides."""

from __future__ import annotations

import unicodedata

BODY_MAX_BYTES = 65_535
NAME_MAX_CHARACTERS = 255
METADATA_MAX_BYTES = 4_096
QUERY_MAX_CHARACTERS = 200
BULK_MAX_MESSAGES = 1_000

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
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def is_blank(text: str) -> bool:
    """Tell whether nothing of ``text`` can be seen: empty, white space or zero-width only."""
    return not text or (
        not (text[0].isascii() and text[0].isalnum()) and all(c.isspace() or c in _INVISIBLE for c in text)
    )
