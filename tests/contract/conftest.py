"""Fixtures of the contract suites: each port over every adapter, on a database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import DATABASES, Ports
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
def ports(database_url: str, clock: StillClock) -> Iterator[Ports]:
    """Give the log over the storage, opened."""
    opened = Ports(database_url, clock)
    yield opened
    opened.close()
