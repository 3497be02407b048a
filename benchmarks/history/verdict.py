"""What a curve does as the history grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Verdict = Literal["flat", "logarithmic", "grows", "too few points"]

FLAT: Final = 1.5
"""A cost that a hundred times as many messages raise by no more than this factor is flat."""

NOISE: Final = 0.1
"""Of a cost: by so much two decades of the same cost may differ."""

RULE: Final = (
    f"flat: at most {FLAT} times the cost of a hundred times fewer messages; logarithmic: the last decade adds no more "
    f"than the one before it, give or take {NOISE:.0%} of the cost; else it grows"
)

_DECADE: Final = 10


def judge(costs: Mapping[int, float]) -> Verdict:
    """Judge costs by the number of messages, by `RULE`: at the largest, a tenth and a hundredth of it."""
    largest = max(costs)
    decades = [largest // _DECADE**2, largest // _DECADE, largest]
    if any(decade not in costs for decade in decades):
        return "too few points"
    first, middle, last = (costs[decade] for decade in decades)
    if last <= first * FLAT:
        return "flat"
    return "logarithmic" if last - middle <= middle - first + NOISE * last else "grows"
