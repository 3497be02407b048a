"""What an answer may claim, by how the embedded database syncs."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.domain.errors import ConfigurationError
from parley.storage import open_storage
from parley.storage.port import Opening
from parley.telemetry.clock import SystemClock
from tests.support.ports import Ports, opened
from tests.unit.workers.doubles import StillClock


@pytest.mark.parametrize(
    ("query", "durability"),
    [
        ("", "stored"),
        ("?synchronous=full", "stored"),
        ("?synchronous=extra", "stored"),
        ("?synchronous=normal", "relaxed"),
        ("?synchronous=off", "relaxed"),
    ],
)
async def test_a_log_claims_what_its_database_does(tmp_path: Path, query: str, durability: str) -> None:
    """Only a commit that is synced before it returns is stored."""
    async with opened(Ports(f"sqlite://{tmp_path}/parley.db{query}", StillClock())) as ports:
        claimed = ports.log.durability

    assert claimed == durability


def test_a_database_that_does_not_sync_is_refused_unless_that_is_accepted(tmp_path: Path) -> None:
    """The line says what to change, and nothing was made."""
    opening = Opening(SystemClock(), str, 1, 60, 1, 1, 1)

    with pytest.raises(ConfigurationError, match="PARLEY_LOG_DURABILITY=relaxed"):
        open_storage(f"sqlite://{tmp_path}/data/parley.db?synchronous=normal", opening)

    assert list(tmp_path.iterdir()) == []
