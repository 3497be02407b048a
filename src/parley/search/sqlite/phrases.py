"""From a folded text to what FTS5 is asked for."""

from __future__ import annotations

from typing import Final

_PIECE: Final = 8
"""Code points of one phrase. A phrase reads the list of each of its trigrams to the end of what all
have in common: frequent ones ("the the the the the") took 43 ms as one phrase and 8 ms in pieces."""

_MOST_PIECES: Final = 8
"""What bounds the work for 200 code points; the caller verifies the rest on the stored body."""


def indexable(folded: str) -> str:
    """Give the text as the tokenizer sees it on both sides: it would end at a NUL."""
    return folded.replace("\0", "\ufffd")


def match_expression(folded: str) -> str:
    """Ask for all pieces of the text, in any place: too much at times, never too little."""
    text = indexable(folded)
    starts = [*range(0, len(text) - _PIECE, _PIECE), max(0, len(text) - _PIECE)]
    if len(starts) > _MOST_PIECES:
        last = len(starts) - 1
        starts = [starts[place * last // (_MOST_PIECES - 1)] for place in range(_MOST_PIECES)]
    pieces = dict.fromkeys(text[start : start + _PIECE] for start in starts)
    return " AND ".join(f'"{piece.replace(_QUOTE, _QUOTE * 2)}"' for piece in pieces)


_QUOTE: Final = '"'
