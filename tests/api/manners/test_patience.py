"""Slow clients, and how long they are waited for."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import pytest

from parley.http.wire.limits import Limits
from tests.support.manners import GET, LATER, LIMITS, Service, assert_problem, fields
from tests.support.missing import lacking
from tests.support.wired import BIG


@pytest.mark.parametrize("start_", [b"P", b"POST /echo HTTP/1.1\r\nHost: a\r\n", GET[:-1]])
def test_slow_header_is_408_and_closed(service: Service, start_: bytes) -> None:
    """A header must be there in time."""
    with service.connect() as client:
        answer = client.ask(start_)

        assert_problem(answer, 408, "request_timeout")
        assert answer.headers["Connection"] == "close"
        assert client.is_closed()


def test_dripping_header_is_408_nevertheless(service: Service) -> None:
    """A byte now and then does not buy time."""
    with service.connect() as client:
        received = client.drip(b"x", 0.05)

    assert received.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\n\r\n",
        b"Content-Length: 5\r\n\r\nhell",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhell",
    ],
)
def test_slow_body_is_408_and_closed(service: Service, framing: bytes) -> None:
    """A body must be there in time, and its request keeps its id."""
    with service.connect() as client:
        answer = client.ask(b"POST /echo HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n" + framing)

        assert_problem(answer, 408, "request_timeout")
        assert answer.headers["X-Request-Id"] == "mine"
        assert client.is_closed()


def test_idle_connection_is_closed(service: Service) -> None:
    """Keep-alive ends without a word, and so does a connection that never asked."""
    with service.connect() as silent, service.connect() as idle:
        began = time.monotonic()
        idle.ask(GET)

        assert silent.is_closed()
        assert time.monotonic() - began >= LIMITS.header_timeout_s / 2
        assert idle.is_closed()
        assert time.monotonic() - began >= LIMITS.keep_alive_timeout_s


def test_request_that_takes_long_inside_is_not_timed_out(service: Service) -> None:
    """The time-outs are about the client, not about us."""
    with service.connect() as client, service.connect() as clock:
        clock.ask(GET)
        client.send(LATER)
        service.wait_for(1)
        assert clock.is_closed(), "the longest time-out has passed"
        service.release()

        assert client.answer().status == 201


def test_client_that_never_reads_is_paused_and_then_cut(service: Service) -> None:
    """Answers pile up to a bound; then nothing more is taken; then the connection goes."""
    with service.connect(receive_buffer=4096) as client:
        client.socket.settimeout(0.2)
        with pytest.raises((TimeoutError, ConnectionError)):
            client.send(GET.replace(b"/health", b"/big") * 1_000_000)
        service.wired.until(lambda: service.wired.listener.connections == 0)


def test_client_that_reads_slowly_gets_everything(start: Callable[[Limits], Service]) -> None:
    """Who takes something in time is not cut, however large the answer is."""
    write_timeout_s = 2  # a busy machine may stop the client for longer than 0.6 s
    service = start(Limits(write_timeout_s=write_timeout_s))
    with service.connect(receive_buffer=65536) as client:
        client.send(GET.replace(b"/health", b"/big").replace(b"Host", b"Connection: close\r\nHost"))
        began = time.monotonic()
        received = client.rest_slowly(256 * 1024, 0.08)

    assert time.monotonic() - began > write_timeout_s
    assert received.endswith(BIG)


def test_two_thousand_half_sent_requests_do_not_silence_the_port(start: Callable[[Limits], Service]) -> None:
    """While 2,000 clients hold a request half sent, ``/health`` answers within 1 s; they all get 408 in the end."""
    _need_files(4500)
    service = start(Limits(header_timeout_s=30, body_timeout_s=4))
    half = fields(b"Host: a", b"Content-Length: 100000", body=b"x" * 1000)
    slow = [service.connect() for _ in range(2000)]
    try:
        for client in slow:
            client.send(half)
        spent = []
        for _ in range(5):
            began = time.monotonic()
            with service.connect() as client:
                assert client.ask(GET).status == 200
            spent.append(time.monotonic() - began)
        held = service.wired.listener.connections
        answers = [client.answer().status for client in slow]
    finally:
        for client in slow:
            client.socket.close()

    assert max(spent) < 1
    assert held >= 2000
    assert answers == [408] * 2000


def _need_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard < count:
            lacking(f"needs {count} open files, the hard limit is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
