"""Fixtures of the contract suites: each port over every adapter, on servers and databases of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.redis import RedisServer
from tests.support.logs import LogHouse, log_house
from tests.support.persisters import Site
from tests.support.ports import DATABASES, Ports, Profile, opened
from tests.support.served import ServedPorts
from tests.unit.workers.doubles import StillClock

NewProfile = Callable[..., Profile]

_NAMES = count(1)


@pytest.fixture
def clock() -> StillClock:
    """Give the time, which stands still."""
    return StillClock()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a Redis that the test may kill."""
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
async def house(server: RedisServer) -> AsyncIterator[LogHouse]:
    """Give a log on it that gives an append up after two seconds."""
    async with log_house(server.url, unsettled_s=2.0) as house:
        yield house


@pytest.fixture
def new_mysql_url(mariadb_server: MariaDbServer) -> Iterator[Callable[[], str]]:
    """Give how to make empty databases of the test's own."""
    names: list[str] = []

    def make() -> str:
        names.append(f"parley_test_{next(_NAMES)}")
        return mariadb_server.create_database(names[-1])

    yield make
    mariadb_server.run(";".join(f"drop database `{name}`" for name in names))


@pytest.fixture
def mysql_url(new_mysql_url: Callable[[], str]) -> str:
    """Give the URL of an empty database of the test's own."""
    return new_mysql_url()


@pytest.fixture
def new_site(redis_server: RedisServer, new_mysql_url: Callable[[], str]) -> Callable[[], Site]:
    """Give how to make places of the test's own on both servers."""
    return lambda: Site(f"{redis_server.url}?prefix=test-{next(_NAMES)}", new_mysql_url())


@pytest.fixture(params=["embedded", pytest.param("served", marks=pytest.mark.servers)])
def profile(request: pytest.FixtureRequest) -> str:
    """Say whether the adapters are those of one file or those of servers."""
    return str(request.param)


@pytest.fixture
def new_profile(profile: str, request: pytest.FixtureRequest, tmp_path: Path) -> NewProfile:
    """Give how to make installations, each empty: with a clock, and bounds of a scan."""
    if profile == "embedded":
        return lambda clock, **bounds: Ports(DATABASES["sqlite"](tmp_path / str(next(_NAMES))), clock, **bounds)
    new_site = request.getfixturevalue("new_site")
    return lambda clock, **bounds: ServedPorts(new_site(), clock, **bounds)


@pytest.fixture
async def ports(new_profile: NewProfile, clock: StillClock) -> AsyncIterator[Profile]:
    """Give the test's own installation, opened."""
    async with opened(new_profile(clock)) as made:
        yield made
