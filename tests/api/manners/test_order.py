"""Pipelining: the order of answers, and how much may wait."""

from __future__ import annotations

import socket
import time

import pytest

from parley.http.asgi import AsgiBridge
from tests.support.manners import GET, LATER, POST, Service, fields


def test_hundred_pipelined_requests_are_answered_in_order(service: Service) -> None:
    """One packet, a hundred requests, a hundred answers in their order."""
    packet = b"".join(POST.replace(b"hello", b"%05d" % number) for number in range(100))
    with service.connect() as client:
        client.send(packet)
        bodies = [client.answer().json["body"] for _ in range(100)]

    assert bodies == [f"{number:05}" for number in range(100)]


def test_answers_keep_the_order_of_requests_when_they_are_ready_in_another(service: Service) -> None:
    """A later answer waits for an earlier one."""
    packet = b"".join(LATER.replace(b"hello", b"%05d" % number) for number in range(20))
    with service.connect() as client:
        client.send(packet)
        service.wait_for(min(20, service.at_once))
        bodies: list[str] = []
        while len(bodies) < 20:
            service.wired.until(lambda: bool(service.sample.waiting))
            expected = len(service.sample.waiting)
            service.release()
            bodies += [client.answer().json["body"] for _ in range(expected)]

    assert bodies == [f"{number:05}" for number in range(20)]


def test_unanswered_requests_of_a_connection_are_bounded(service: Service) -> None:
    """A flood of tiny requests waits outside until earlier ones are answered, and none is lost."""
    tiny = b"POST /later HTTP/1.1\r\nHost:a\r\n\r\n"
    count = 5 * service.at_once + 3
    with service.connect() as client:
        client.send(tiny * count)
        service.wait_for(service.at_once)
        most, answered = 0, 0
        while answered < count:
            service.wired.until(lambda: bool(service.sample.waiting))
            waiting = len(service.sample.waiting)
            most = max(most, waiting)
            service.release()
            answered += len([client.answer() for _ in range(waiting)])

    assert most == service.at_once
    assert len(service.sample.seen) == count


def test_unanswered_bodies_of_a_connection_are_bounded(service: Service) -> None:
    """Large bodies are not piled up: about a mebibyte waits, the rest stays outside."""
    large = fields(b"Host: a", b"Content-Length: 600000", line=b"POST /later HTTP/1.1", body=b"x" * 600_000)
    with service.connect() as client:
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.send(large * 100)
        waiting = len(service.sample.waiting)

    assert waiting == min(2, service.at_once)


def test_tiny_requests_of_one_client_do_not_hold_up_another(service: Service) -> None:
    """While one connection floods, another is answered within 1 s."""
    with service.connect() as flood, service.connect() as other:
        flood.send(GET * 4000)
        began = time.monotonic()
        other.ask(GET)
        spent = time.monotonic() - began
        answers = [flood.answer().status for _ in range(4000)]

    assert spent < 1
    assert answers == [200] * 4000


def test_data_after_the_last_request_is_dropped(service: Service) -> None:
    """The request that said ``Connection: close`` is answered, what follows it is not."""
    with service.connect() as client:
        answer = client.ask(POST.replace(b"Host", b"Connection: close\r\nHost") + POST)

        assert (answer.status, answer.headers["Connection"]) == (201, "close")
        assert client.is_closed()


def test_client_that_stops_sending_still_gets_its_answer(service: Service) -> None:
    """A half-closed connection is answered, then closed."""
    with service.connect() as client:
        client.send(LATER)
        service.wait_for(1)
        client.socket.shutdown(socket.SHUT_WR)
        service.release()

        assert client.answer().status == 201
        assert client.is_closed()


def test_client_that_goes_away_leaves_nothing_behind(service: Service) -> None:
    """The answer to a client that has gone is dropped, without a word in the log."""
    with service.connect() as client:
        client.send(LATER)
        service.wait_for(1)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    service.wired.until(lambda: service.wired.listener.connections == 0)
    service.release()

    bridges = [application for application in service.wired.applications if isinstance(application, AsgiBridge)]
    service.wired.until(lambda: all(bridge.running == 0 for bridge in bridges))
