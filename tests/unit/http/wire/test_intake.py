"""Requests out of bytes: the same ones however the bytes are cut, and the same as another parser's."""

from __future__ import annotations

from itertools import pairwise

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parley.http.wire.framing import RefusedError
from parley.http.wire.intake import Intake
from parley.http.wire.limits import Limits
from parley.http.wire.request import Request, numbered_ids

LIMITS = Limits(max_line_bytes=64, max_header_bytes=256, max_headers=8, max_body_bytes=64)
GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"

Seen = tuple[str, bytes, bytes, tuple[tuple[bytes, bytes], ...], bytes, bool, bool]

LINES = [
    b"GET /a HTTP/1.1", b"POST /a?b=c HTTP/1.1", b"BREW /%61 HTTP/1.0", b"get http://b/c HTTP/1.1", b"GET /#a HTTP/1.1",
    b"GET  / HTTP/1.1", b"GET / HTTP/2.0", b"", b"GET /" + b"x" * 80 + b" HTTP/1.1",
]  # fmt: skip
FIELDS = [
    b"Host: a", b"host:b", b"Content-Length: 3", b"Content-Length: 03", b"content-length: 70", b"Content-Length: 3, 3",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Connection: close", b"Connection: Upgrade",
    b"Upgrade: h2c", b"Expect: 100-continue", b"X: \t y \t", b"X : y", b" X: y", b"X: \0", b"X", b"X: a\nY: b",
    b"Y: \xff", b"X: " + b"y" * 200,
]  # fmt: skip
BODIES = [
    b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: u\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n",
    b"3\nabc\r\n0\r\n\r\n", b"40\r\n" + b"x" * 64 + b"\r\n1\r\nx", b"0\r\nT : u\r\n\r\n", b"x" * 70,
]  # fmt: skip
ENDS = [b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n"]


@st.composite
def streams(draw: st.DrawFn, blank_lines: bytes = b"\r\n") -> bytes:
    """Give requests in a row, good and bad, some of them damaged in one byte."""
    out = bytearray()
    for _ in range(draw(st.integers(1, 4))):
        end = draw(st.sampled_from(ENDS))
        lines = [draw(st.sampled_from(LINES)), *draw(st.lists(st.sampled_from(FIELDS), max_size=5))]
        if draw(st.booleans()):
            lines.insert(1, b"Host: a")
        out += draw(st.sampled_from([b"", b"", blank_lines]))
        out += end.join(lines) + end + end + draw(st.sampled_from(BODIES))
    if draw(st.booleans()):
        out[draw(st.integers(0, len(out) - 1))] = draw(st.integers(0, 255))
    return bytes(out)


class Nobody:
    """The connection of a request that nobody answers."""

    def answered(self, request: Request) -> None:
        """Take no notice."""

    def address(self, which: str) -> tuple[str, int] | None:
        """Know none."""


def read(pieces: list[bytes], limits: Limits = LIMITS) -> tuple[list[Seen], int | None]:
    """Read requests out of pieces; give them, and the status of the refusal that ended it."""
    intake, seen, buffer = Intake(Nobody(), limits, numbered_ids("r")), list[Seen](), b""
    for piece in pieces:
        buffer += piece
        at = 0
        try:
            while at < len(buffer):
                after = intake.take(buffer, at)
                request, intake.ready = intake.ready, None
                if request is not None:
                    seen.append(_seen(request))
                    if request.last:
                        return seen, None
                elif after == at:
                    break
                at = after
        except RefusedError as refusal:
            return seen, refusal.status
        buffer = buffer[at:]
    return seen, None


def _seen(request: Request) -> Seen:
    headers = tuple(sorted(request.headers.items()))
    return request.method, request.raw_path, request.query, headers, request.body, request.too_large, request.last


@given(streams(), st.lists(st.integers(0, 600), max_size=12))
@example(GET * 3, [len(GET) - 2])
@example(b"\r\n" + GET, [1])
@example(b"GET /" + b"x" * 80 + b" HTTP/1.1\r\nHost: a\n\r\n\r\n", [50])
def test_requests_are_the_same_however_the_bytes_are_cut(stream: bytes, cuts: list[int]) -> None:
    """Every way to cut a stream into packets gives the same requests and the same refusal."""
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(places)]

    assert read(pieces) == read([stream])
    assert read([stream[at : at + 1] for at in range(len(stream))]) == read([stream])


@settings(max_examples=300)
@given(streams(blank_lines=b""))
def test_accepted_request_is_the_one_another_parser_sees(stream: bytes) -> None:
    """Whatever is accepted, a parser that shares no code with ours reads with the same method, target and body.

    It does not ignore an empty line before a request, so there is none here.
    """
    seen, _ = read([stream], Limits())

    for ours, theirs in zip(seen, _read_by_h11(stream, len(seen)), strict=True):
        method, path, query, _, body, too_large, _ = ours
        assert not too_large
        assert (method, path.rsplit(b"/", 1)[1], query, body) == theirs


def _read_by_h11(stream: bytes, count: int) -> list[tuple[str, bytes, bytes, bytes]]:
    connection, read_ = h11.Connection(h11.SERVER), list[tuple[str, bytes, bytes, bytes]]()
    connection.receive_data(stream)
    while len(read_) < count:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            path, _, query = event.target.partition(b"?")
            request, body = (event.method.decode(), path.rsplit(b"/", 1)[1], query), b""
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            read_.append((*request, body))
            if len(read_) < count:
                connection.send(h11.Response(status_code=204, headers=[]))
                connection.send(h11.EndOfMessage())
                connection.start_next_cycle()
        else:
            pytest.fail(f"another parser stops at {event!r}")
    return read_


def test_repeated_fields_are_joined_in_order() -> None:
    """A field that is there twice is one with both values; spaces around values are gone."""
    seen, _ = read([b"GET / HTTP/1.1\r\nHost: a\r\nX:  1 \r\nx:2\t\r\n\r\n"])

    assert dict(seen[0][3])[b"x"] == b"1, 2"


def test_target_with_a_host_of_its_own_leaves_the_next_request_its_field() -> None:
    """What is remembered of the fields stays as they were."""
    fields = b" HTTP/1.1\r\nHost: a\r\n\r\n"
    seen, _ = read([b"GET http://b/%61" + fields + b"GET /" + fields])

    assert [(path, dict(headers)[b"host"]) for _, path, _, headers, *_ in seen] == [(b"/%61", b"b"), (b"/", b"a")]


@pytest.mark.parametrize(
    ("length", "expected"), [(64, ([64], None)), (65, ([0], None)), (2**63 - 1, ([0], None)), (2**63, ([], 400))]
)
def test_declared_length_decides_about_the_body(length: int, expected: tuple[list[int], int | None]) -> None:
    """Up to the bound it is read, above it is not waited for, beyond 63 bits it is no length."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length
    seen, status = read([head + b"x" * 64])

    assert ([len(request[4]) for request in seen], status) == expected


def test_request_id_is_made_when_the_client_gives_none_or_a_bad_one() -> None:
    """Ids are taken over only when they are harmless."""
    intake, ids = Intake(Nobody(), LIMITS, numbered_ids("r-")), []
    for given_id in (b"", b"X-Request-Id: mine\r\n", b"X-Request-Id: a/b\r\n"):
        intake.take(b"GET / HTTP/1.1\r\nHost: a\r\n" + given_id + b"\r\n", 0)
        assert intake.ready is not None
        ids.append(intake.ready.request_id)

    assert ids == ["r-1", "mine", "r-2"]
