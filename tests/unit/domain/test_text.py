"""Folding and blankness."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.text import fold, is_blank
from tests.support.oracle import folded

MARKS = "\u0301\u0316\u0327\u0345\u0344\u0f73\u0f75\u0f81\u05b0\u3099"
"""Of several classes, some of which decompose into others."""
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello", "hELLO"), ("ПРИВЕТ", "привет"), ("é", "e\u0301"), ("É", "e\u0301"), ("Å", "\u212b"),
        ("straße", "STRASSE"), ("ﬁ", "FI"), ("Σίσυφος", "ΣΊΣΥΦΟΣ"), ("한", "\u1112\u1161\u11ab"),
        ("ǰ", "J\u030c"), ("ᾳ", "ΑΙ"), ("Ω", "\u2126"), ("K", "\u212a"),
    ],
)  # fmt: skip
def test_a_searcher_sees_no_case_and_no_composition(one: str, other: str) -> None:
    """Texts that differ in case or composition only fold alike."""
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("e", "é"), ("i", "ı"), ("İ", "i"), ("🍣", "🍺"), ("a b", "a  b"), ("日", "曰"), ("Ａ", "A"), ("①", "1"),
        ("👨\u200d👩", "👨👩"), ("and", "ａnd"), ("µ", "u"), ("\u00ad", ""), ("tab\t", "tab "),
    ],
)  # fmt: skip
def test_a_searcher_sees_every_other_difference(one: str, other: str) -> None:
    """Accents, widths, joiners and white space count: caseless and canonical, nothing more."""
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("İstanbul", "i\u0307stanbul"),
        ("STRAẞE", "strasse"),
        ("e\u0301\u0327", "ȩ́"),
        ("ŉ", "ʼn"),
        ("", ""),
        ("a\0B", "a\0b"),
    ],
)
def test_a_folding_is_written_out(text: str, expected: str) -> None:
    """Answers by hand, for the characters that trip naive folding."""
    assert fold(text) == unicodedata.normalize("NFC", expected)


@given(TEXTS)
def test_a_folding_follows_the_rule(text: str) -> None:
    """The short way for ASCII gives what Unicode D145 gives."""
    assert fold(text) == folded(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_an_ascii_folding_follows_the_rule(text: str) -> None:
    """All of ASCII, controls included."""
    assert fold(text) == folded(text)


@given(st.lists(st.sampled_from([*"ae\u03a9\u304b\uac00\u1161", *MARKS]), max_size=40), st.integers(1, 40))
def test_a_folding_of_any_run_of_marks_follows_the_rule(characters: list[str], times: int) -> None:
    """However long, and wherever it is cut to be put in order."""
    text = "".join(characters) * times

    assert fold(text) == folded(text)


@pytest.mark.parametrize("text", ["\u0301" * 16_000 + "\u0316" * 16_000, "\u0f73" * 21_000, "a\u0301\u0316" * 10_000])
def test_a_folding_of_a_whole_body_of_marks_takes_milliseconds(text: str) -> None:
    """The library's own order of marks took 2 s a body, and a bulk holds sixteen; it stopped the whole process."""
    began = time.thread_time()

    fold(text)

    assert time.thread_time() - began < 0.5


@given(TEXTS)
def test_a_folding_ignores_composition(text: str) -> None:
    """Composed and decomposed forms of any text fold alike."""
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\t\r\n\v\f",
        "\u00a0\u2003\u3000",
        "\u200b",
        "\u200b \ufeff\u2060",
        "\u2028\u2029",
        "\u00ad",
        "\u180e",
        "\u3164\u115f",
    ],
)
def test_a_text_without_anything_to_see_is_blank(text: str) -> None:
    """White space and zero-width characters, alone and mixed."""
    assert is_blank(text)


@pytest.mark.parametrize(
    "text", ["a", " a ", "\u200ba", ".", "0", "é", "世", "👍", "\u0301", "\0", "\u200b!\u200b", "\ufffd"]
)
def test_a_text_with_anything_to_see_is_not_blank(text: str) -> None:
    """One visible character is enough, wherever it stands."""
    assert not is_blank(text)
