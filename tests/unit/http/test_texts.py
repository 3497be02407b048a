"""Patterns of the document against the code that decides."""

from __future__ import annotations

import re
import sys

import pytest

from parley.domain.cursors import decode_cursor, encode_cursor
from parley.domain.errors import MalformedError
from parley.domain.text import is_blank
from parley.http.openapi.texts import CURSOR, IDEMPOTENCY_KEY, VISIBLE
from parley.http.requests import read_idempotency_key
from tests.unit.http.exchanges import make_request


def test_visible_is_what_is_not_blank() -> None:
    """Over all code points but NUL and surrogates the pattern and the rule agree."""
    visible = re.compile(VISIBLE)

    for code in range(1, sys.maxunicode + 1):
        if not 0xD800 <= code <= 0xDFFF:
            character = chr(code)
            assert bool(visible.search(character)) is not is_blank(character), hex(code)


@pytest.mark.parametrize("text", ["a\0", "\0", "\0a", "", " "])
def test_nothing_with_nul_is_visible(text: str) -> None:
    """NUL is allowed nowhere."""
    assert not re.search(VISIBLE, text)


def test_every_cursor_matches_its_pattern() -> None:
    """All small ones, and those around each power of ten."""
    numbers = [*range(20_000), *[10**power + step for power in range(4, 18) for step in (-1, 0, 1)], 10**18 - 1]

    for number in numbers:
        cursor = encode_cursor(number)
        assert re.search(CURSOR, cursor), number
        assert decode_cursor(cursor) == number


@pytest.mark.parametrize(
    "cursor", ["", "MTo", "MTowMA", "MTo5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "MjoxMg", "MTox=", "bm8", "MTowx"]
)
def test_what_is_no_cursor_does_not_match(cursor: str) -> None:
    """And is refused."""
    assert not re.search(CURSOR, cursor)
    with pytest.raises(MalformedError, match="cursor"):
        decode_cursor(cursor)


KEYS = [
    "a", "a b", "k" * 255, "k" * 256, '"a"', '""', '"', '"a', 'a"', 'a"b', '"a"b"', r'"\""', r'"\a"', r'"\\"', "é", "",
    '"' + "k" * 255 + '"', '"' + "k" * 256 + '"', '" "', "~!@", "a\tb",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_a_key_matches_if_it_is_taken(key: str) -> None:
    """The document's pattern and the reader agree."""
    request = make_request(headers={b"idempotency-key": key.encode("latin-1")})

    try:
        taken = read_idempotency_key(request) is not None
    except MalformedError:
        taken = False

    assert bool(re.search(IDEMPOTENCY_KEY, key)) is taken
