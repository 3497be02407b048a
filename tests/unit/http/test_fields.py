"""Members of bodies: what is accepted, and the words for what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.errors import InvalidError
from parley.domain.model import Draft
from parley.http.fields import read_body, read_draft, read_drafts, read_name, read_title
from parley.http.requests import read_object

BLANK, NO_STRING, NUL = "can't be blank", "must be a string", "can't contain NUL"
LONG_BODY = "is too long (maximum is 65535 bytes)"
LONG_TEXT = "is too long (maximum is 255 characters)"
NO_OBJECT, NO_ARRAY, TOO_MANY = "must be an object", "must be an array", "must hold 1 to 1,000 messages"
LONG_METADATA = "is too long (maximum is 4096 bytes)"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def draft(body: bytes) -> Draft:
    """Read a message as the routes do."""
    return read_draft(read_object(body, "message"), body)


def drafts(body: bytes) -> tuple[Draft, ...]:
    """Read a bulk as the routes do."""
    return read_drafts(read_object(body), body)


def refusal(read: Callable[..., object], *given: Any) -> dict[str, list[str]]:  # noqa: ANN401 - whatever it reads
    """Give the words of a refusal."""
    with pytest.raises(InvalidError) as refused:
        read(*given)
    return refused.value.errors


@pytest.mark.parametrize(
    "body",
    ["a", " a ", "\u200ba", "🍣" * 16_383 + "abc", "é" * 32_767 + "a", "x" * 65_535, "\x01", "\\u0000", "\ufffd", "0"],
)
def test_a_body_is_taken_as_it_is(body: str) -> None:
    """To the last byte of the limit, nothing trimmed."""
    assert draft(json.dumps({"body": body}).encode()) == Draft(body)
    assert read_body({"body": body}) == body


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, BLANK), ("", BLANK), (" \n\t\u3000", BLANK), ("\u200b\ufeff", BLANK), (1, NO_STRING), (True, NO_STRING),
        (False, NO_STRING), (0, NO_STRING), ([], NO_STRING), ({}, NO_STRING), (["a"], NO_STRING), ("a\0b", NUL),
        ("\0", NUL), ("x" * 65_536, LONG_BODY), ("é" * 32_768, LONG_BODY), ("🍣" * 16_384, LONG_BODY),
    ],
)  # fmt: skip
def test_a_bad_body_is_named(body: object, words: str) -> None:
    """In the words of the contract, for a create as for an edit."""
    assert refusal(draft, json.dumps({"body": body}).encode()) == {"body": [words]}
    assert refusal(read_body, {"body": body}) == {"body": [words]}


def test_a_missing_body_is_blank() -> None:
    """In an object of other members too."""
    assert refusal(draft, b"{}") == refusal(read_body, {"sender": "a"}) == {"body": [BLANK]}


@pytest.mark.parametrize("text", [None, "", " ", "é" * 255, "🍣" * 255, "\u200b"])
def test_a_sender_or_title_is_taken(text: str | None) -> None:
    """255 characters of any kind, blank ones too."""
    assert draft(json.dumps({"body": "a", "sender": text}).encode()).sender == text
    assert read_title({"title": text}) == text


@pytest.mark.parametrize(
    ("text", "words"), [("x" * 256, LONG_TEXT), ("🍣" * 256, LONG_TEXT), (1, NO_STRING), ([], NO_STRING), ("\0", NUL)]
)
def test_a_bad_sender_or_title_is_named(text: object, words: str) -> None:
    """Each by its own name."""
    assert refusal(draft, json.dumps({"body": "a", "sender": text}).encode()) == {"sender": [words]}
    assert refusal(read_title, {"title": text}) == {"title": [words]}


@pytest.mark.parametrize(
    ("name", "taken"),
    [("a", "a"), (" a ", "a"), ("\u3000a\n", "a"), ("x" * 255,) * 2, (" " * 300 + "x", "x"), ("\u200b!",) * 2],
)  # fmt: skip
def test_a_name_is_trimmed(name: str, taken: str) -> None:
    """The limit counts after trimming."""
    assert read_name({"name": name}) == taken


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (None, BLANK), ("", BLANK), ("  ", BLANK), ("\u200b", BLANK), (1, NO_STRING), (False, NO_STRING),
        ({}, NO_STRING), ("x" * 256, LONG_TEXT), ("a\0", NUL), ("\0", NUL),
    ],
)  # fmt: skip
def test_a_bad_name_is_named(name: object, words: str) -> None:
    """A name is not optional."""
    assert refusal(read_name, {"name": name}) == {"name": [words]}
    assert refusal(read_name, {}) == {"name": [BLANK]}


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        (b"null", None), (b"{}", "{}"), (b" { } ", "{}"),
        (b'{ "b" : [ 1 , 2.50 , -0 , 1E5 , 1e400 ] ,\n"a":"x  y\\t\\" z" }',
         '{"b":[1,2.50,-0,1E5,1e400],"a":"x  y\\t\\" z"}'),
        (b'{"n":1234567890123456789012345678901234567890.10}', '{"n":1234567890123456789012345678901234567890.10}'),
        (b'{"a":1,"a":2}', '{"a":1,"a":2}'), (b'{"\\u0061":"\\\\u0000 \\\\"}', '{"\\u0061":"\\\\u0000 \\\\"}'),
        ('{"é":"🍣"}'.encode(), '{"é":"🍣"}'), (b'{"a":" { : , } "}', '{"a":" { : , } "}'),
    ],
)  # fmt: skip
def test_metadata_keeps_what_was_written(metadata: bytes, kept: str | None) -> None:
    """White space between members goes; numbers, escapes and the members' order stay; flat, wrapped or in a bulk."""
    message = b'{"body":"a","metadata":' + metadata + b"}"

    assert draft(message).metadata == kept
    assert draft(b'{"metadata":{"outer":1},"message":' + message + b"}").metadata == kept
    assert [each.metadata for each in drafts(b'{"messages":[{"body":"b"},' + message + b"]}")] == [None, kept]


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_metadata_means_what_was_sent(metadata: dict[str, Any]) -> None:
    """Compact, whichever way it was written, and of the same value."""
    for indent, ascii_only in ((None, False), (3, True), (None, True)):
        written = json.dumps(metadata, indent=indent, ensure_ascii=ascii_only)

        kept = draft(b'{"body":"a", "metadata": ' + written.encode() + b"}").metadata

        assert kept == json.dumps(metadata, ensure_ascii=ascii_only, separators=(",", ":"))


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ("[]", NO_OBJECT), ('"{}"', NO_OBJECT), ("1", NO_OBJECT), ("false", NO_OBJECT), ("1e999", NO_OBJECT),
        ('{"a":"\\u0000"}', NUL), ('{"\\u0000":1}', NUL), ('{"a":[{"b":"x\\u0000"}]}', NUL),
        ('{"a":"' + "x" * 4_089 + '"}', LONG_METADATA), ('{"a":"' + "é" * 2_045 + '"}', LONG_METADATA),
    ],
)  # fmt: skip
def test_bad_metadata_is_named(metadata: str, words: str) -> None:
    """Another type, NUL by any escape, more than 4 KiB of compact JSON."""
    assert refusal(draft, f'{{"body":"a","metadata":{metadata}}}'.encode()) == {"metadata": [words]}


def test_metadata_is_measured_compact() -> None:
    """4,096 bytes are taken, however much white space came with them."""
    compact = '{"a":"' + "x" * 4_088 + '"}'

    spacious = compact.replace(":", " " * 9_999 + ":")

    assert draft(f'{{"body":"a","metadata":{spacious}}}'.encode()).metadata == compact
    assert len(compact) == 4_096


def test_all_faults_of_a_message_are_told_at_once() -> None:
    """Each member with its words."""
    assert refusal(draft, b'{"body":" ","sender":1,"metadata":[]}') == {
        "body": [BLANK],
        "sender": [NO_STRING],
        "metadata": [NO_OBJECT],
    }


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (b"{}", {"messages": [BLANK]}), (b'{"messages":null}', {"messages": [BLANK]}),
        (b'{"messages":{}}', {"messages": [NO_ARRAY]}), (b'{"messages":"a"}', {"messages": [NO_ARRAY]}),
        (b'{"messages":[]}', {"messages": [TOO_MANY]}),
        (b'{"messages":[' + b'{"body":"a"},' * 1_000 + b'{"body":"a"}]}', {"messages": [TOO_MANY]}),
        (b'{"messages":[{"body":"a"},1]}', {"messages[1]": [NO_OBJECT]}),
        (b'{"messages":[{"body":"a"},null,{"body":1}]}', {"messages[1]": [NO_OBJECT]}),
        (b'{"messages":[{"body":"a"},{"body":"a"},{"body":"a"},{"body":"","sender":1}]}',
         {"messages[3].body": [BLANK], "messages[3].sender": [NO_STRING]}),
        (b'{"messages":[{"body":"a","metadata":{"a":"\\u0000"}},{"body":"a","metadata":{"a":"\\u0000"}}]}',
         {"messages[0].metadata": [NUL]}),
    ],
)  # fmt: skip
def test_the_first_bad_message_of_a_bulk_is_named(body: bytes, errors: dict[str, list[str]]) -> None:
    """By its index; nothing of the bulk is taken."""
    assert refusal(drafts, body) == errors


def test_a_bulk_is_taken_in_order() -> None:
    """1,000 messages, each with its own members."""
    full = [{"body": f"b{n}", "sender": f"s{n}", "metadata": {"n": n}} for n in range(999)]

    taken = drafts(json.dumps({"messages": [*full, {"body": "b"}]}).encode())

    assert taken == (*(Draft(f"b{n}", f"s{n}", f'{{"n":{n}}}') for n in range(999)), Draft("b"))
