"""Query strings, entity tags, links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.cursors import NUMBER_MAX, Window, encode_cursor
from parley.domain.errors import InvalidError, MalformedError
from parley.http.etags import entity_tag, is_known
from parley.http.links import link_header
from parley.http.parameters import read_cursors, read_limit, read_parameters, read_text, read_window
from tests.unit.http.exchanges import make_request

TAG = entity_tag(b"body")


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a", {"a": ""}),
        (b"&&=&a=b=c", {"": "", "a": "b=c"}),
        (b"a=x+y%20z%2B", {"a": "x y z+"}),
        ("q=%C3%A9é".encode(), {"q": "éé"}),
        (b"%61=%62", {"a": "b"}),
    ],
)
def test_a_query_string_is_decoded(query: bytes, parameters: dict[str, str]) -> None:
    """Like a form's: plus is a space, the last of a name counts."""
    assert read_parameters(query) == parameters


@given(st.binary(max_size=60))
def test_any_bytes_are_some_query(query: bytes) -> None:
    """Nothing raises, whatever is sent."""
    assert isinstance(read_parameters(query), dict)


@pytest.mark.parametrize(("text", "limit"), [("1", 1), ("100", 100), ("101", 100), ("9" * 5_000, 100)])
def test_a_limit_is_clamped(text: str, limit: int) -> None:
    """However many digits it has."""
    assert read_limit({"limit": text}) == limit


@pytest.mark.parametrize("text", ["", "0", "-1", "+1", "1.0", "01", "x", "١", "1\n", " 1", "\udcff"])
def test_a_limit_that_is_no_number_is_refused(text: str) -> None:
    """By name."""
    with pytest.raises(InvalidError) as raised:
        read_limit({"limit": text})

    assert list(raised.value.errors) == ["limit"]


def test_a_window_has_one_side() -> None:
    """Above a number, from 0, or below one, from 1."""
    assert read_window({}) == Window(None, None, 50)
    assert read_window({"after": "0"}) == Window(0, None, 50)
    assert read_window({"before": str(NUMBER_MAX), "limit": "7"}) == Window(None, NUMBER_MAX, 7)
    for wrong in ({"after": "1", "before": "2"}, {"before": "0"}, {"after": str(NUMBER_MAX + 1)}, {"after": "-0"}):
        with pytest.raises(InvalidError):
            read_window(wrong)


def test_cursors_are_taken_back() -> None:
    """As they were given; anything else is an invalid cursor."""
    assert read_cursors({"after": encode_cursor(12)}) == Window(12, None, 50)
    assert read_cursors({"before": encode_cursor(3), "limit": "1"}) == Window(None, 3, 1)
    with pytest.raises(MalformedError) as raised:
        read_cursors({"after": "12"})
    assert raised.value.code == "invalid_cursor"
    with pytest.raises(InvalidError):
        read_cursors({"after": encode_cursor(1), "before": encode_cursor(9)})


@pytest.mark.parametrize("parameters", [{}, {"q": ""}, {"q": " \t"}, {"query": ""}, {"q": "", "query": "x"}])
def test_a_search_needs_a_text(parameters: dict[str, str]) -> None:
    """With the sentence that older clients know."""
    with pytest.raises(MalformedError, match="Query parameter required"):
        read_text(parameters)


def test_a_text_is_trimmed_and_bounded() -> None:
    """1-200 characters, no NUL, UTF-8."""
    assert read_text({"q": " a b "}) == "a b"
    assert read_text({"query": "x" * 200}) == "x" * 200
    for wrong in ("x" * 201, "a\0b"):
        with pytest.raises(InvalidError):
            read_text({"q": wrong})
    with pytest.raises(MalformedError, match="UTF-8"):
        read_text(read_parameters(b"q=%ff"))


@pytest.mark.parametrize("condition", [TAG, b"W/" + TAG, b"*", b" * ", b'"a", ' + TAG, TAG + b',W/"b"', b",," + TAG])
def test_a_tag_is_known_in_any_list(condition: bytes) -> None:
    """Weak and strong alike."""
    assert is_known(TAG, condition)


@pytest.mark.parametrize("condition", [b"", b'"a"', TAG[:-1], TAG[1:-1], TAG + b"x", b"w/" + TAG, b'"*"', b"*, " + TAG])
def test_a_tag_is_not_known_in_anything_else(condition: bytes) -> None:
    """Then the whole answer is sent."""
    assert not is_known(TAG, condition)


def test_links_keep_the_path_and_the_parameters() -> None:
    """As relative references; without neighbours there is no header."""
    request = make_request("/api/v1/applications/t/chats")

    assert link_header(request, [], next=None, prev=None) == []
    [(name, value)] = link_header(request, [("q", 'a&"<é>'), ("limit", "2")], next=[("after", 3)], prev=[("before", 1)])
    assert name == b"Link"
    assert value == (
        b'</api/v1/applications/t/chats?after=3&q=a%26%22%3C%C3%A9%3E&limit=2>; rel="next", '
        b'</api/v1/applications/t/chats?before=1&q=a%26%22%3C%C3%A9%3E&limit=2>; rel="prev"'
    )
