"""Fixtures of the SQLite suites: they know of the file behind the ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.ports import DATABASES, Ports, opened
from tests.unit.workers.doubles import StillClock


@pytest.fixture
async def ports(tmp_path: Path, clock: StillClock) -> AsyncIterator[Ports]:
    """Give the embedded log and its database, opened."""
    async with opened(Ports(DATABASES["sqlite"](tmp_path), clock)) as made:
        yield made
