"""Use cases of writing over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.ports import DATABASES, Ports, opened
from tests.unit.workers.doubles import StillClock


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[Ports]:
    """Give the log over the storage, opened."""
    async with opened(Ports(DATABASES["sqlite"](tmp_path), StillClock())) as made:
        yield made
