"""Fixtures of the MySQL suites: one server a session, a database of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.engines.mariadb import MariaDbServer
from tests.support.mysql_house import House, opened
from tests.unit.workers.doubles import StillClock

_NAMES = count(1)


@pytest.fixture
def mysql_url(mariadb_server: MariaDbServer) -> Iterator[str]:
    """Give the URL of an empty database of the test's own."""
    name = f"parley_test_{next(_NAMES)}"
    yield mariadb_server.create_database(name)
    mariadb_server.run(f"drop database `{name}`")


@pytest.fixture
async def house(mysql_url: str, clock: StillClock) -> AsyncIterator[House]:
    """Give a process that holds partition 0, whose log is in its first life."""
    async with opened(House(mysql_url, clock)) as made:
        await made.begin()
        yield made


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[MariaDbServer]:
    """Give a server that the test may stop, pause and kill."""
    with MariaDbServer(tmp_path / "mariadb") as server:
        yield server
