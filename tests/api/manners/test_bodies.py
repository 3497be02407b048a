"""Chunks, expectations and upgrades."""

from __future__ import annotations

import time

import pytest

from tests.support.manners import GET, LATER, POST, Service, assert_problem, fields


def test_chunked_body_is_put_together(service: Service) -> None:
    """Chunks, extensions and trailers: the application sees the body."""
    chunked = b"3\r\nhel\r\n002;name=value\r\nlo\r\n0\r\nX-Trailer: a\r\nContent-Length: 9\r\n\r\n"
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", b"Transfer-Encoding: Chunked", body=chunked))
        after = client.ask(POST)

    assert (answer.status, answer.json["body"], answer.json["has_body"]) == (201, "hello", True)
    assert after.json["body"] == "hello"


@pytest.mark.parametrize(
    "chunked",
    [
        b"5 \r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloX\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"\r\nhello\r\n", b"5;\0\r\nhello\r\n0\r\n\r\n",
        b"0\r\nX : y\r\n\r\n", b"0\r\n X: y\r\n\r\n", b"ffffffffffffffffff\r\nhello\r\n", b"1;" + b"x" * 300 + b"\r\n",
        b"0\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
    ],
)  # fmt: skip
def test_malformed_chunk_is_refused_and_closed(service: Service, chunked: bytes) -> None:
    """Chunks are read by the letter."""
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", b"Transfer-Encoding: chunked", body=chunked))

        assert_problem(answer, 400, "malformed_request")
        assert client.is_closed()


def test_client_that_expects_continue_is_told_to(service: Service) -> None:
    """The interim answer comes before the body, once."""
    with service.connect() as client:
        interim = client.ask(fields(b"Host: a", b"Content-Length: 5", b"Expect: 100-continue"))
        final = client.ask(b"hello")

    assert interim.status == 100
    assert (final.status, final.json["body"]) == (201, "hello")


def test_client_that_expects_continue_for_too_much_gets_413_only(service: Service) -> None:
    """Nobody is invited to send what will be refused."""
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", b"Content-Length: 9000000", b"Expect: 100-continue"))

    assert answer.status == 413


def test_interim_answer_waits_for_earlier_answers(service: Service) -> None:
    """``100 Continue`` belongs to its own request."""
    with service.connect() as client:
        client.send(LATER + fields(b"Host: a", b"Content-Length: 5", b"Expect: 100-continue"))
        service.wait_for(1)
        service.release()
        statuses = [client.answer().status, client.answer().status, client.ask(b"hello").status]

    assert statuses == [201, 100, 201]


def test_other_expectation_is_417(service: Service) -> None:
    """There is one expectation."""
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", b"Content-Length: 5", b"Expect: 200-ok", body=b"hello"))

    assert_problem(answer, 417, "expectation_failed")


@pytest.mark.parametrize(
    ("framing", "body"),
    [(b"Content-Length: 5", b"hello"), (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n")],
)
def test_upgrade_is_ignored_and_its_body_read(service: Service, framing: bytes, body: bytes) -> None:
    """``curl --http2 -d`` creates what it sends, and the body is not taken for a request."""
    upgrade = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ")
    with service.connect() as client:
        first = client.ask(fields(b"Host: a", *upgrade, framing, body=body))
        second = client.ask(GET)

    assert (first.status, first.json["body"]) == (201, "hello")
    assert second.status == 200


def test_body_in_chunks_of_a_byte_does_not_hold_up_others(service: Service) -> None:
    """Tens of thousands of chunks are read a few at a time, and put together all the same."""
    chunks = b"1\r\nx\r\n" * 60_000 + b"0\r\n\r\n"
    with service.connect() as slow, service.connect() as other:
        slow.send(fields(b"Host: a", b"Transfer-Encoding: chunked", body=chunks))
        spent = []
        for _ in range(10):
            began = time.monotonic()
            other.ask(GET)
            spent.append(time.monotonic() - began)
        answer = slow.answer()

    assert max(spent) < 0.5
    assert len(answer.json["body"]) == 60_000
