"""The first half of the ten thousand schedules: two files, so that two workers of a run share them."""

from __future__ import annotations

import pytest

from tests.simulation.shards import FIRST_HALF, hold


@pytest.mark.parametrize("seeds", FIRST_HALF, ids=str)
def test_every_schedule_keeps_every_promise(seeds: range) -> None:
    """Nothing acknowledged is lost, no number is given twice, and every point of a crash is met."""
    hold(seeds)
