"""The scale cells: one store a profile grows to ten million messages, and each cost becomes a curve."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Final

from benchmarks.history.ends import P50_AT_MOST, P99_AT_MOST, READS
from benchmarks.history.growing import LIMIT_S, Growing, Grown
from benchmarks.history.shape import STEPS, large_of
from benchmarks.history.sites import SITES
from benchmarks.history.verdict import RULE
from benchmarks.stage.folder import work_folder
from benchmarks.suite.cell import Cell
from benchmarks.suite.effort import effort
from benchmarks.suite.result import Curve, Figure, Result, Spread

_TRIAL_STEPS: Final = 1
_TRIAL_READS: Final = 100


def measure(profile: str) -> Mapping[str, object]:
    """Grow a profile's store and give its curves."""
    is_full = effort().kind == "full"
    steps, reads = (STEPS, READS) if is_full else (STEPS[:_TRIAL_STEPS], _TRIAL_READS)
    with work_folder() as folder, SITES[profile](folder) as site:
        grown = Growing(site).grow(steps, reads=reads)
    return Result(
        figures=figures_of(grown, profile), curves=curves_of(grown, profile), notes=notes_of(grown, steps[-1])
    ).plain()


def figures_of(grown: Grown, profile: str) -> list[Figure]:
    """Give the ratios of the large chat's ends; those of the first page by itself say what the machine's noise is."""
    chat = f"of a chat of {large_of(grown.messages):,} in {grown.messages:,} messages, {profile}"
    void = "" if grown.messages == STEPS[-1] else f"the store has {grown.messages:,} messages, not {STEPS[-1]:,}"
    p50, p99, itself_p50, itself_p99 = map(Spread.of, grown.ends)
    last, first = f"last page by first page {chat}", f"first page by itself {chat}"
    return [
        Figure(name=f"{last}, p50", measured=p50, at_most=P50_AT_MOST, void=void),
        Figure(name=f"{last}, p99", measured=p99, at_most=P99_AT_MOST, void=void),
        Figure(name=f"{first}, p50", measured=itself_p50),
        Figure(name=f"{first}, p99", measured=itself_p99),
    ]


def curves_of(grown: Grown, profile: str) -> list[Curve]:
    """Give a chart for each unit."""
    lines: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(dict)
    for (what, unit), costs in grown.curves().items():
        lines[unit][what] = sorted(costs.items())
    return [
        Curve(title=f"Costs by the size of the history, {profile}, {unit}", x="messages", y=unit, lines=of, log_x=True)
        for unit, of in lines.items()
    ]


def notes_of(grown: Grown, wanted: int) -> list[str]:
    """Give each curve's verdict, the rule, and what was left out of the messages that were wanted."""
    costs = grown.curves()
    notes = [
        f"{verdict}: {what}, {unit} ({' → '.join(f'{cost:,.3g}' for _, cost in sorted(costs[what, unit].items()))})"
        for (what, unit), verdict in grown.verdicts().items()
    ]
    notes.append(RULE)
    if grown.indexed < wanted:
        notes.append(
            f"loaded up to {grown.messages:,} messages and indexed up to {grown.indexed:,}: more would not have fitted "
            f"into {LIMIT_S:,.0f} s, going by what the stage before took"
        )
    return notes


CELLS: Final = tuple(
    Cell(f"scale-{profile}", f"Costs from {STEPS[0]:,} to {STEPS[-1]:,} messages, {profile}", "scale",
         round(LIMIT_S), partial(measure, profile))
    for profile in SITES
)  # fmt: skip
"""One a profile; both together keep below an hour."""
