"""What is remembered of request lines and header blocks: never anything but what reading them anew gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parley.http.wire import heads
from parley.http.wire.framing import RefusedError
from parley.http.wire.heads import read_head, read_line

Read = TypeVar("Read")

KEYS = [
    b"Idempotency-Key: a", b"idempotency-key:a b", b"Idempotency-key: ", b"Idempotency-Key:  a", b"IDEMPOTENCY-KEY: c",
    b"Idempotency-Key: a\t ", b"Idempotency-Key: a\xc3", b"Idempotency-Key: \xc3", b"Idempotency-Key : a",
    b"Idempotency-Key", b"X-Idempotency-Key: a", b"X: Idempotency-Key: a",
]  # fmt: skip
FIELDS = [
    b"Host: a", b"host:b", b"Content-Length: 3", b"Content-Length: x", b"Transfer-Encoding: chunked", b"Expect: x",
    b"Connection: close", b"Connection: Upgrade", b"Upgrade: h2c", b"X-Request-Id: mine", b" folded: b", b"\t",
    b"X : y",
]  # fmt: skip


def outcome(read: Callable[[], Read]) -> Read | tuple[int, str, str]:
    """Give what reading gives, or how it is refused."""
    try:
        return read()
    except RefusedError as refusal:
        return refusal.status, refusal.detail, refusal.request_id


@given(st.lists(st.sampled_from(FIELDS + KEYS), max_size=6), st.sampled_from([0, 1]))
@example([b"Host: a", b"Idempotency-Key: a", b" folded: b"], 1)
@example([b"Host: a", b"Idempotency-Key: a", b"idempotency-key: b"], 1)
@example([b"Idempotency-Key: a", b"Host: a"], 1)
def test_header_block_says_the_same_each_time(lines: list[bytes], minor: int) -> None:
    """First or later, with its key's line taken out or not: what the parser says of the whole block."""
    block = b"\r\n".join([b"", *[b"Host: a", *lines], b"", b""])
    anew = outcome(lambda: heads._read_block(block, minor))

    assert outcome(lambda: read_head(block, minor)) == anew
    assert outcome(lambda: read_head(block, minor)) == anew


def test_requests_that_differ_in_their_key_are_read_once() -> None:
    """A client that sends a key with each request sends the same block otherwise."""
    heads._remembered_block.cache_clear()
    for number in range(100):
        head = read_head(b"\r\nHost: a\r\nIdempotency-Key: k%d\r\nContent-Length: 3\r\n\r\n" % number, 1)

        assert (head.fields[b"idempotency-key"], head.length) == (b"k%d" % number, 3)
    assert heads._remembered_block.cache_info().misses == 1


def test_nothing_large_is_remembered() -> None:
    """Lines and blocks beyond a size, and lines with a query, would only cost memory."""
    heads._remembered_block.cache_clear()
    heads._remembered_line.cache_clear()
    read_head(b"\r\nHost: a\r\nX: " + b"x" * 512 + b"\r\n\r\n", 1)
    read_line(b"GET /" + b"x" * 128 + b" HTTP/1.1")
    read_line(b"GET /a?b HTTP/1.1")

    assert heads._remembered_block.cache_info().currsize == heads._remembered_line.cache_info().currsize == 0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/%61%2Fb", "/a%2Fb"),
        ("/%2f", "/%2f"),
        ("/%C3%A9", "/é"),
        ("/%ff", "/\ufffd"),
        ("/%zz%", "/%zz%"),
        ("/%00", "/\0"),
    ],
)
def test_path_is_decoded_but_for_slashes(path: str, expected: str) -> None:
    """Percent-encoding is UTF-8; what is malformed stays or becomes U+FFFD, and never fails."""
    line = read_line(b"GET %b HTTP/1.1" % path.encode())

    assert line is not None
    assert (line.path, line.raw_path) == (expected, path.encode())
