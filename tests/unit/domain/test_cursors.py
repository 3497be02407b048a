"""Opaque cursors: what was given is taken back, and nothing else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.cursors import NUMBER_MAX, decode_cursor, encode_cursor
from parley.domain.errors import MalformedError

VALUES = st.one_of(st.integers(0, NUMBER_MAX), st.sampled_from([0, 1, 2**32, NUMBER_MAX]))


def opaque(text: bytes) -> str:
    """Encode as cursors are."""
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def decoded(text: str) -> int | None:
    """Decode a cursor, ``None`` if it is refused."""
    try:
        return decode_cursor(text)
    except MalformedError:
        return None


@given(VALUES)
def test_a_cursor_comes_back(value: int) -> None:
    """It survives a URL unescaped."""
    cursor = encode_cursor(value)

    assert decode_cursor(cursor) == value
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(VALUES, st.integers(0, 40), st.characters(exclude_categories=["Cs"]))
def test_a_cursor_that_was_changed_is_refused_or_another(value: int, place: int, character: str) -> None:
    """One value, one text: a changed character never gives the same value again."""
    cursor = encode_cursor(value)
    changed = cursor[:place] + character + cursor[place + 1 :]

    assert (decoded(changed) == value) == (changed == cursor)


@given(st.text(max_size=40))
def test_any_text_is_refused_or_what_would_be_given(text: str) -> None:
    """Nothing a client makes up raises anything else."""
    value = decoded(text)

    assert value is None or encode_cursor(value) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "=", "MQ", "!!!!", "\ud800", "é", encode_cursor(7) + "=", encode_cursor(7) + "\n", " " + encode_cursor(7),
        opaque(b"1:"), opaque(b"1:-1"), opaque(b"1:+7"), opaque(b"1: 7"), opaque(b"1:07"), opaque(b"1:7_0"),
        opaque(b"1:7.0"), opaque(b"2:7"), opaque(b":7"), opaque(b"7"), opaque(b"1:%d" % (NUMBER_MAX + 1)),
        opaque(b"1:" + b"9" * 5_000), opaque("1:٧".encode()), base64.b64encode(b"1:7~~?").decode(),
    ],
)  # fmt: skip
def test_a_cursor_that_was_never_given_is_refused(text: str) -> None:
    """Other spellings of a number, other versions, beyond 63 bits."""
    with pytest.raises(MalformedError) as refused:
        decode_cursor(text)

    assert refused.value.code == "invalid_cursor"
