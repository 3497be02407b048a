"""Bounds over all connections, and the end of the service."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from parley.http.wire.limits import Limits
from tests.support.manners import GET, LATER, POST, Service, assert_problem, fields
from tests.support.pace import hold
from tests.support.wired import BIG, PAGE, Answer, Raw


def test_connection_beyond_the_bound_is_refused_until_another_leaves(start: Callable[[Limits], Service]) -> None:
    """The bound answers 503 with Retry-After, and those inside are not disturbed."""
    service = start(Limits(max_connections=3, linger_s=0.2))
    inside = [service.connect() for _ in range(3)]
    assert [client.ask(GET).status for client in inside] == [200] * 3

    with service.connect() as outside:
        refused = outside.answer()
        assert outside.is_closed()
    inside.pop().socket.close()
    service.wired.until(lambda: service.wired.listener.connections == 2)
    with service.connect() as later:
        assert later.ask(GET).status == 200

    assert_problem(refused, 503, "too_many_connections")
    assert refused.headers["Retry-After"] == "1"
    assert [client.ask(GET).status for client in inside] == [200] * 2
    for client in inside:
        client.socket.close()


def test_half_sent_bodies_of_all_clients_are_bounded_together(start: Callable[[Limits], Service]) -> None:
    """Memory that slow clients hold is bounded: beyond it 503, and whole requests still pass."""
    service = start(Limits(max_held_bytes=1_000_000))
    half = fields(b"Host: a", b"Content-Length: 500000", body=b"x" * 300_000)
    clients = [service.connect() for _ in range(6)]
    for client in clients:
        client.send(half)
    with service.connect() as other:
        status = other.ask(POST).status
    for client in clients:
        client.socket.settimeout(0.5)
    refused = [answer for client in clients if (answer := _answer_or_none(client)) is not None]
    for client in clients:
        client.socket.close()

    assert status == 201
    assert len(refused) >= 2
    for answer in refused:
        assert_problem(answer, 503, "unavailable")
        assert answer.headers["Retry-After"] == "1"


def test_answers_that_clients_do_not_take_are_bounded_together(start: Callable[[Limits], Service]) -> None:
    """An answer counts in full until its last byte is out, for it is kept in full; beyond the bound some are cut."""
    service = start(Limits(max_unread_bytes=3 * len(PAGE) + 4096))
    clients = [service.connect(receive_buffer=4096) for _ in range(8)]
    for client in clients:
        client.send(GET.replace(b"/health", b"/page"))
    service.wired.until(lambda: service.wired.listener.connections == 3)
    with service.connect() as other:
        status = other.ask(GET).status
    for client in clients:
        client.socket.close()
    service.wired.until(lambda: service.wired.listener.connections == 0)
    with service.connect(receive_buffer=4096) as alone:
        alone.send(GET.replace(b"/health", b"/big").replace(b"Host", b"Connection: close\r\nHost"))
        received = alone.rest_slowly(1024 * 1024, 0.01)

    assert status == 200
    assert received.endswith(BIG), "one client alone may have an answer that is larger than the bound"


def test_answers_that_are_kept_for_long_make_room_for_those_that_come(start: Callable[[Limits], Service]) -> None:
    """The bound is full of answers to slow clients: who has had most for longest is cut, not who comes."""
    service = start(Limits(max_unread_bytes=3 * len(PAGE) + 4096))
    slow = [service.connect(receive_buffer=4096) for _ in range(3)]
    for number, client in enumerate(slow, 1):
        client.send(GET.replace(b"/health", b"/page"))
        service.wired.until(partial(_is_kept, service, number * len(PAGE)))
    with service.connect(receive_buffer=4096) as other:
        service.wired.until(lambda: service.wired.listener.connections == 4)
        other.send(GET.replace(b"/health", b"/page").replace(b"Host", b"Connection: close\r\nHost"))
        service.wired.until(lambda: service.wired.listener.connections == 3)
        received = other.rest_slowly(1024 * 1024, 0.01)
    cut = slow[0].rest()
    for client in slow:
        client.socket.close()
    service.wired.until(lambda: service.wired.listener._roster._kept_bytes == 0)

    assert received.endswith(PAGE)
    assert len(cut) < len(PAGE)


def _is_kept(service: Service, size: int) -> bool:
    return service.wired.listener._roster._kept_bytes >= size


def _answer_or_none(client: Raw) -> Answer | None:
    try:
        return client.answer()
    except TimeoutError:
        return None


def test_drain_finishes_what_is_in_flight_and_closes_the_rest(start: Callable[[Limits], Service]) -> None:
    """Idle and half-sent connections go after a moment, unanswered requests are answered, all within the limit."""
    service = start(Limits())
    with service.connect() as idle, service.connect() as half, service.connect() as busy:
        idle.ask(GET)
        half.send(POST[:-2])
        count = min(2, service.at_once)
        busy.send(LATER * count + POST[:-2])
        service.wait_for(count)
        timer = service.wired._loop.call_soon_threadsafe(service.wired._loop.call_later, 0.3, service.sample.release)
        began = time.monotonic()
        cut = service.wired.drain(5)
        spent = time.monotonic() - began
        answers = [busy.answer() for _ in range(count)]

        assert cut == 0, timer
        assert spent < 5
        assert [answer.status for answer in answers] == [201] * count
        assert [answer.headers.get("Connection") for answer in answers] == [*[None] * (count - 1), "close"]
        assert idle.is_closed()
        assert half.is_closed()
        assert busy.is_closed()
    with pytest.raises(ConnectionRefusedError):
        service.connect()


def test_drain_answers_a_request_that_lies_in_the_socket(start: Callable[[Limits], Service]) -> None:
    """It came before the connection was closed: its client must not be left to guess. Half of one is not waited for."""
    service = start(Limits())
    roster = service.wired.listener._roster
    clients = [service.connect() for _ in range(20)]
    for client in clients:
        client.ask(GET)

    async def ask_and_drain() -> int:
        for client in clients:
            client.send(GET if client is not clients[-1] else GET[:-2])
        roster.parting = roster.draining = True
        for connection in list(roster._connections):  # in the same turn of the loop: nothing was read yet
            connection.drain()
        return await service.wired.listener.drain(5)

    cut = service.wired.run(ask_and_drain())
    answers = [client.answer() for client in clients[:-1]]

    assert cut == 0
    assert [answer.status for answer in answers] == [200] * 19
    assert [answer.headers.get("Connection") for answer in answers] == ["close"] * 19
    assert [client.is_closed() for client in clients] == [True] * 20
    for client in clients:
        client.socket.close()


def test_drain_waits_for_those_who_ask_one_after_the_other(start: Callable[[Limits], Service]) -> None:
    """Each is told that it was the last time, also who asks later than one alone would be waited for."""
    service = start(Limits(parting_s=0.4))
    clients = [service.connect() for _ in range(4)]
    for client in clients:
        client.ask(GET)
    answers = []

    def ask_in_turn() -> None:
        for client in clients:
            hold(0.25)
            answers.append(client.ask(GET))

    asking = threading.Thread(target=ask_in_turn)
    asking.start()
    cut = service.wired.drain(10)
    asking.join()

    assert cut == 0
    assert [(answer.status, answer.headers.get("Connection")) for answer in answers] == [(200, "close")] * 4
    for client in clients:
        client.socket.close()


def test_drain_is_over_at_its_limit(start: Callable[[Limits], Service]) -> None:
    """What is not finished in time is cut and counted."""
    service = start(Limits())
    with service.connect() as client:
        client.send(LATER)
        service.wait_for(1)
        began = time.monotonic()
        cut = service.wired.drain(0.3)

        assert cut >= 1
        assert time.monotonic() - began < 2
        assert client.is_closed()
