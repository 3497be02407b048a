"""The schedules that every run of the tests goes through, in parts."""

from __future__ import annotations

from typing import Final

from tests.simulation import points
from tests.simulation.report import explain, run_many
from tests.simulation.simulation import LEAST_APPENDS, LEAST_CRASHES

SCHEDULES: Final = 10_000
_A_PART: Final = 500
_PARTS: Final = [range(start, start + _A_PART) for start in range(0, SCHEDULES, _A_PART)]
FIRST_HALF: Final = _PARTS[: len(_PARTS) // 2]
SECOND_HALF: Final = _PARTS[len(_PARTS) // 2 :]


def hold(seeds: range) -> None:
    """Run the schedules, and fail with the seeds that broke a promise, or if they do not do what they are for."""
    summary = run_many(seeds, stop_at=3)

    assert not summary.failures, "\n".join(map(explain, summary.failures))
    assert summary.least_appends >= LEAST_APPENDS
    assert summary.least_crashes >= LEAST_CRASHES
    assert not [point for point in points.ALL if not summary.met[point]], summary.table()
