"""The sample services of this suite, behind the wire directly and behind the ASGI bridge."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from parley.http.wire.limits import Limits
from tests.support.manners import LIMITS, Service, behind
from tests.support.wired import Sample, Wired


@pytest.fixture(scope="module", params=["direct", "bridge"])
def shared(request: pytest.FixtureRequest) -> Iterator[Service]:
    """Give a service that all tests of the module may use."""
    sample = Sample()
    with Wired(LIMITS, behind(sample, request.param)) as wired:
        yield Service(wired, sample)


@pytest.fixture
def service(shared: Service) -> Iterator[Service]:
    """Give the shared service, with nothing waiting in it."""
    shared.sample.seen.clear()
    yield shared
    while shared.wired.listener.connections:
        shared.release()


@pytest.fixture(params=["direct", "bridge"])
def start(request: pytest.FixtureRequest) -> Iterator[Callable[[Limits], Service]]:
    """Give a way to start a service of one's own."""
    started: list[Wired] = []

    def start_with(limits: Limits) -> Service:
        sample = Sample()
        started.append(Wired(limits, behind(sample, request.param)))
        return Service(started[-1], sample)

    yield start_with
    for wired in started:
        wired.__exit__()
