"""Headers, JSON and numbers, each check at its edges."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.errors import MalformedError, MediaTypeError, TooLargeError
from parley.http.requests import (
    check_content,
    check_size,
    read_idempotency_key,
    read_number,
    read_object,
    read_wait,
)
from parley.http.wire.request import Request
from tests.unit.http.exchanges import make_request

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def asking(name: bytes, value: bytes | None, *, body: bool = True) -> Request:
    """Make a request with one header, or without it."""
    request = make_request(method="POST", headers={} if value is None else {name: value})
    request.has_body = body
    return request


@pytest.mark.parametrize(
    "declared",
    [
        b"application/json", b"application/json;charset=utf-8", b"application/json; charset=UTF-8",
        b'Application/JSON ; charset="utf-8"', b"application/json; odata=verbose",
    ],
)  # fmt: skip
def test_json_is_taken(declared: bytes) -> None:
    """However it is spelled; and anything where there is no body."""
    check_content(asking(b"content-type", declared))
    check_content(asking(b"content-type", b"text/plain", body=False))


@pytest.mark.parametrize(
    "declared",
    [None, b"", b"text/plain", b"application/x-www-form-urlencoded", b"application/jsonp", b"application/json+x",
     b"text/json", b"application/json; charset=latin-1", b"application/json, application/json", b"*/*"],
)  # fmt: skip
def test_another_content_type_is_refused(declared: bytes | None) -> None:
    """Also none at all, where there is a body."""
    with pytest.raises(MediaTypeError):
        check_content(asking(b"content-type", declared))


@pytest.mark.parametrize(
    ("encoding", "is_taken"),
    [(b"", True), (b"identity", True), (b"Identity", True), (b"gzip", False), (b"identity, gzip", False)],
)
def test_an_encoded_body_is_refused(encoding: bytes, is_taken: bool) -> None:  # noqa: FBT001 - a table's column
    """Only the identity is spoken."""
    request = asking(b"content-encoding", encoding)
    request.headers = {**request.headers, b"content-type": b"application/json"}

    if is_taken:
        check_content(request)
    else:
        with pytest.raises(MediaTypeError):
            check_content(request)


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (None, None), (b"k", "k"), (b'"k"', "k"), (b'"a b"', "a b"), (b'"a\\"b\\\\"', 'a"b\\'), (b"a, b", "a, b"),
        (b"x" * 255, "x" * 255), (b'"' + b"x" * 255 + b'"', "x" * 255), (b"~", "~"), (b'a"b', 'a"b'),
    ],
)  # fmt: skip
def test_a_key_is_read(raw: bytes | None, key: str | None) -> None:
    """Bare, or quoted as a structured field."""
    assert read_idempotency_key(asking(b"idempotency-key", raw)) == key


@pytest.mark.parametrize(
    "raw",
    [b"", b'""', b'"', b'"k', b'"k" x', b'"a"b"', b'"a\\"', b'"a\\n"', b"x" * 256, b'"' + b"x" * 256 + b'"', b"\x7f",
     "é".encode(), b"a\tb"],
)  # fmt: skip
def test_a_bad_key_is_refused(raw: bytes) -> None:
    """Empty, too long, not printable ASCII, quoted by halves."""
    with pytest.raises(MalformedError) as refused:
        read_idempotency_key(asking(b"idempotency-key", raw))

    assert refused.value.code == "invalid_idempotency_key"


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, None), (b"", None), (b"return=minimal", None), (b"waiting", None), (b"await=3", None), (b"wait", 5),
        (b"wait=1", 1), (b"wait=30", 30), (b"wait=31", 30), (b"wait=0", 1), (b"WAIT = 7", 7), (b'wait="8"', 8),
        (b"respond-async, wait=9", 9), (b"wait=10; x=1, respond-async", 10), (b"wait=" + b"9" * 4_000, 30),
        (b"wait=00012", 12), (b"wait=" + b"0" * 16_000 + b"7", 7), (b"wait=" + b"0" * 16_000 + b"x", None),
        (b"wait=-1", None), (b"wait=x", None), (b"x=wait", None),
    ],
)  # fmt: skip
def test_a_wait_is_read(prefer: bytes | None, seconds: int | None) -> None:
    """Clamped to 1-30 s; what is no preference is ignored, as the RFC says."""
    assert read_wait(asking(b"prefer", prefer)) == seconds


def test_a_body_above_the_limit_is_refused() -> None:
    """The wire has not read it."""
    request = asking(b"x", None)
    check_size(request)
    request.too_large = True

    with pytest.raises(TooLargeError, match="1 MiB"):
        check_size(request)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1), ("42", 42), (str(2**63 - 1), 2**63 - 1), (str(2**63), None), ("9" * 19, None), ("1" * 20, None),
        ("0", None), ("00", None), ("01", None), ("-1", None), ("+1", None), ("1.0", None), ("1e3", None), ("", None),
        ("abc", None), ("1abc", None), (" 1", None), ("1\n", None), ("1_0", None), ("١", None), ("\uff11", None),
    ],
)  # fmt: skip
def test_a_number_of_a_path_is_read(text: str, number: int | None) -> None:
    """Plain decimal, from 1, within 63 bits."""
    assert read_number(text) == number


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES))
def test_any_object_is_read(members: dict[str, object]) -> None:
    """Escaped or not; of numbers only those that count are kept."""
    for ascii_only in (True, False):
        decoded = read_object(json.dumps(members, ensure_ascii=ascii_only).encode())

        assert list(decoded) == list(members)
        assert {name for name, value in decoded.items() if isinstance(value, str)} == {
            name for name, value in members.items() if isinstance(value, str)
        }


@pytest.mark.parametrize(
    ("body", "members"),
    [
        (b'{"message":{"body":"a"}}', {"body": "a"}),
        (b'{"body":"flat","message":{"body":"a"}}', {"body": "a"}),
        (b'{"body":"flat"}', {"body": "flat"}),
        (b'{"chat":{"body":"a"}}', {"chat": {"body": "a"}}),
        (b'{"message":{}}', {}),
        (b'{"body":"a","body":"b"}', {"body": "b"}),
        (b'{"message":{"body":"a"},"message":{"body":"b"}}', {"body": "b"}),
        (b' \t\r\n{"body" : "\\u00e9\\ud83c\\udf63"}\n', {"body": "é🍣"}),
    ],
)
def test_a_wrapper_wins(body: bytes, members: dict[str, object]) -> None:
    """Wrapped or flat; of duplicates the last."""
    assert read_object(body, "message") == members


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"null", b"[]", b'"a"', b"1", b"{", b"}", b'{"a":1}}', b'{"a":1} x', b"{'a':1}", b'{"a":1,}',
        b"{a:1}", b'{"a":NaN}', b'{"a":Infinity,"b":1e999}', b'{"a":01}', b'{"a":.5}', b'{"a":+1}', b'{"a":0x1}',
        b'{"a":"\n"}', b'{"a":1e}', b'{"a":-}', b"/* */{}",
        b'{"a":"\\x"}', b'{"a":"\\ud800"}', b'{"a":"\\ud800","b":1e999}', b'{"\\udc00":1}', b'{"a":"\xff"}',
        b'{"a":"\xff","b":1e999}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\x80"}', b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"message":null}', b'{"message":[]}', b'{"message":"a"}', b'{"message":1}',
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    """At the top or in the wrapper, in unknown members too, whichever decoder looks at it."""
    with pytest.raises(MalformedError) as refused:
        read_object(body, "message")

    assert refused.value.code == "malformed_json"


def nested(levels: int, opening: bytes = b'{"a":', closing: bytes = b"}") -> bytes:
    """Give an object nested so many levels deep."""
    return b'{"a":' + opening * (levels - 1) + b"1" + closing * (levels - 1) + b"}"


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]"), (b'[{"a":', b"}]")])
@pytest.mark.parametrize("tail", [b"", b',"big":1e999'])
def test_64_levels_are_the_deepest(opening: bytes, closing: bytes, tail: bytes) -> None:
    """Objects, arrays, both; one level more is refused, and so are 100,000, at once."""
    each = opening.count(b"{") + opening.count(b"[")
    deep = [nested(1 + 63 // each * more, opening, closing)[:-1] + tail + b"}" for more in (1, 2, 1_600)]

    assert read_object(nested(64)[:-1] + tail + b"}")
    assert read_object(deep[0])
    for body in deep[1:]:
        with pytest.raises(MalformedError):
            read_object(body)
    with pytest.raises(MalformedError):
        read_object(nested(65)[:-1] + tail + b"}")


def test_many_brackets_are_not_deep() -> None:
    """It is the depth that counts, not the number, nor brackets in texts."""
    body = b'{"a":[' + b"[]," * 1_000 + b'{}],"b":"' + b"[{" * 1_000 + b'"}'

    assert len(read_object(body)["a"]) == 1_001


@pytest.mark.parametrize(
    "number",
    [
        b"1e999", b"-1e999", b"1e-999", b"9" * 400, b"-" + b"9" * 20, b"9" * 5_000, b"0." + b"1" * 5_000,
        b"1e9999999999999999999",
    ],
)  # fmt: skip
def test_a_number_that_nothing_holds_stays_a_number(number: bytes) -> None:
    """Where it is unknown it is ignored; where a text is wanted it is none."""
    members = read_object(b'{"body":"a","x":' + number + b',"y":[' + number + b",2]}")
    wrong = read_object(b'{"body":' + number + b',"sender":3}')

    assert members["body"] == "a"
    assert not isinstance(wrong["body"], str)
    assert not isinstance(wrong["sender"], str)
