"""Fixtures of the contract suites: each port over every adapter, on a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.ports import DATABASES, Ports, opened
from tests.unit.workers.doubles import StillClock


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database."""
    return DATABASES[request.param](tmp_path)


@pytest.fixture
def clock() -> StillClock:
    """Give the time, which stands still."""
    return StillClock()


@pytest.fixture
async def ports(database_url: str, clock: StillClock) -> AsyncIterator[Ports]:
    """Give the log over the storage, opened."""
    async with opened(Ports(database_url, clock)) as made:
        yield made
