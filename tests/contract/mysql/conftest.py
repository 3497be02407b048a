"""Fixtures of the MySQL suites: a process at a database of the test's own, and a server of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.engines.mariadb import MariaDbServer
from tests.support.mysql_house import House, opened
from tests.unit.workers.doubles import StillClock


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
