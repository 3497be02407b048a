"""Bounds of lines, headers and bodies."""

from __future__ import annotations

import pytest

from tests.support.manners import GET, LIMITS, MEBIBYTE, Service, assert_problem, fields


def test_longest_request_line_passes_and_a_longer_one_is_414(service: Service) -> None:
    """The bound of the request line holds to the byte."""
    room = LIMITS.max_line_bytes - len(b"GET /health? HTTP/1.1")
    with service.connect() as client:
        assert client.ask(GET.replace(b"/health", b"/health?" + b"x" * room)).status == 200
        assert_problem(client.ask(GET.replace(b"/health", b"/health?" + b"x" * (room + 1))), 414, "uri_too_long")
        assert client.is_closed()


def test_endless_request_line_is_414_before_it_ends(service: Service) -> None:
    """Nobody waits for the end of a line that is too long already."""
    with service.connect() as client:
        answer = client.ask(b"GET /" + b"x" * LIMITS.max_line_bytes)

    assert_problem(answer, 414, "uri_too_long")


def test_largest_header_passes_and_a_larger_one_is_431(service: Service) -> None:
    """The bound of the header block holds to the byte."""
    room = LIMITS.max_header_bytes - len(b"Host: a\r\nX: \r\n")
    with service.connect() as client:
        assert client.ask(fields(b"Host: a", b"X: " + b"y" * room, line=b"GET /health HTTP/1.1")).status == 200
        larger = client.ask(fields(b"Host: a", b"X: " + b"y" * (room + 1), line=b"GET /health HTTP/1.1"))
        assert_problem(larger, 431, "headers_too_large")
        assert client.is_closed()


def test_endless_header_is_431_before_it_ends(service: Service) -> None:
    """Nobody waits for the end of a header that is too large already."""
    with service.connect() as client:
        answer = client.ask(b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"y" * LIMITS.max_header_bytes)

    assert_problem(answer, 431, "headers_too_large")


def test_hundred_fields_pass_and_more_are_431(service: Service) -> None:
    """The number of fields is bounded."""
    lines = [b"Host: a", *(b"X-%d: y" % number for number in range(99))]
    with service.connect() as client:
        assert client.ask(fields(*lines, line=b"GET /health HTTP/1.1")).status == 200
        answer = client.ask(fields(*lines, b"One: more", line=b"GET /health HTTP/1.1"))

    assert_problem(answer, 431, "headers_too_large")


def test_body_at_the_bound_passes(service: Service) -> None:
    """A body of exactly 1 MiB is read."""
    body = b"x" * MEBIBYTE
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", b"Content-Length: %d" % MEBIBYTE, body=body))

    assert (answer.status, len(answer.json["body"])) == (201, MEBIBYTE)


@pytest.mark.parametrize("length", [MEBIBYTE + 1, 2**63 - 1])
def test_larger_body_is_413_unread(service: Service, length: int) -> None:
    """The declared length is enough to refuse; not a byte of the body is waited for."""
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", b"Content-Length: %d" % length))

        assert_problem(answer, 413, "body_too_large")
        assert answer.headers["Connection"] == "close"
        assert client.is_closed()


def test_order_of_checks_comes_before_the_size(service: Service) -> None:
    """An unknown route is 404 even when the body is too large."""
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", b"Content-Length: 99999999", line=b"POST /nowhere HTTP/1.1"))

    assert answer.status == 404


def test_client_that_sends_a_large_body_anyway_reads_its_413(service: Service) -> None:
    """The answer is not lost in a connection reset while the client is still sending."""
    with service.connect() as client:
        client.send(fields(b"Host: a", b"Content-Length: 8000000", body=b"x" * 8_000_000))
        answer = client.answer()

    assert_problem(answer, 413, "body_too_large")


def test_larger_chunked_body_is_413(service: Service) -> None:
    """A chunk is refused by its size, before its data."""
    chunk = b"80000\r\n" + b"x" * 0x80000 + b"\r\n"
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", b"Transfer-Encoding: chunked", body=chunk + chunk + b"1\r\n"))

    assert_problem(answer, 413, "body_too_large")
