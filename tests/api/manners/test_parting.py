"""The end of a service, for clients that keep their connection: no request is lost between two of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from parley.http.wire.limits import Limits
from tests.support.manners import GET, POST, Service
from tests.support.polling import wait_for
from tests.support.wired import Answer, Raw

LIMITS = Limits(parting_s=30, linger_s=0.2)


def lets_nobody_in(service: Service) -> bool:
    """Tell whether the drain has begun."""
    try:
        service.connect().socket.close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it shook hands with a listener that closed meanwhile: the next is refused
        return False
    return False


@contextmanager
def draining(service: Service) -> Iterator[list[int]]:
    """Drain beside what is inside; gives how many were cut, once it is over."""
    cut: list[int] = []
    thread = threading.Thread(target=lambda: cut.append(service.wired.drain(60)))
    thread.start()
    wait_for(lambda: lets_nobody_in(service), "the drain begins")
    yield cut
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def service(start: Callable[[Limits], Service]) -> Service:
    """Give a service with much patience for the last request."""
    return start(LIMITS)


def test_client_that_keeps_its_connection_is_told_with_its_next_answer(service: Service) -> None:
    """Whether it asks a moment later, had half sent its request, or sends several at once."""
    with service.connect() as idle, service.connect() as half, service.connect() as fresh:
        assert idle.ask(GET).headers.get("Connection") is None
        half.send(POST[:-2])
        with draining(service) as cut:
            answers = [idle.ask(GET), half.ask(POST[-2:]), *several(fresh, service)]
            assert [client.is_closed() for client in (idle, half, fresh)] == [True] * 3

    assert [answer.status for answer in answers] == [200, 201, *[200] * (len(answers) - 2)]
    assert [answer.headers.get("Connection") for answer in answers[:2]] == ["close"] * 2
    assert answers[-1].headers["Connection"] == "close"
    assert cut == [0]


def several(client: Raw, service: Service) -> list[Answer]:
    """Send three requests in one packet and read as many answers as are promised."""
    answers = [client.ask(GET * 3)]
    while answers[-1].headers.get("Connection") != "close":
        answers.append(client.answer())
    assert len(answers) == min(3, service.at_once)
    return answers


def test_client_that_asks_nothing_more_does_not_hold_the_end(start: Callable[[Limits], Service]) -> None:
    """After a moment its connection is closed."""
    service = start(Limits(parting_s=0.2))
    with service.connect() as idle:
        idle.ask(GET)
        with draining(service) as cut:
            assert idle.is_closed()

    assert cut == [0]
