"""Use cases of writing over a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import DATABASES, Ports
from tests.unit.workers.doubles import StillClock


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    """Give the log over the storage, opened."""
    opened = Ports(DATABASES["sqlite"](tmp_path), StillClock())
    yield opened
    opened.close()
