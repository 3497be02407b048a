"""The report: what every fault met and what it broke, of one commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final

from benchmarks.suite.results import Record, Results
from parley.verify.checks import CHECKS
from tests.faults.cells import CELLS, NOT_SHOWN

_HEAD: Final = (
    "fault", "profile", "what was done", "runs", "acknowledged", "met the fault", "unknown", "lost", "twice",
    "gaps unexplained", "queued, lost", "back after, s", "drained after (outage), s",
    "p99 before / during / after, ms", "besides", "verdict",
)  # fmt: skip
_BESIDES: Final = {
    "growth_mb": "a process grew by {} MB", "drained_growth_mb": "a worker by {} MB", "kills": "{} kills a run",
    "letters": "{} dead letters a run", "lost_answers": "{} answers lost", "swallowed": "{} answers lost",
    "refused_deliveries": "{} deliveries refused", "refused_late": "{} of ten minutes later",
    "looks_again_s": "MariaDB writes again {} s after there was room",
}  # fmt: skip
"""What nemeses put into a run's record for people."""


def render(results: Results) -> str:
    """Write Markdown.

    Raises:
        MixedCommitsError: there are results of several states of the tree.
    """
    records = results.read()
    lines = [
        f"# Faults, commit {results.commit.id[:12]}{' with changes' if results.commit.dirty else ''}",
        "",
        *table(_HEAD, (_row(record) for record in records)),
        "",
        "## Findings by check, all runs together",
        "",
        *table(("fault", "profile", "case", *CHECKS), (_checked(record) for record in records)),
        "",
        *_details(records),
        "## Not shown here",
        "",
        *(f"- **{what}**: {why}" for what, why in NOT_SHOWN.items()),
        "",
        *(f"- not run yet: {name}" for name in CELLS if name not in {record.cell for record in records}),
    ]
    return "\n".join(lines) + "\n"


def is_good(record: Record) -> bool:
    """Tell whether every run of a cell was valid."""
    return record.outcome == "measured" and all(run["state"] == "valid" for run in record.result["runs"])


def _row(record: Record) -> Sequence[object]:
    cell = CELLS[record.cell]
    if record.outcome != "measured":
        return cell.fault, cell.profile, cell.title, *["–"] * 12, f"**{record.outcome}**: {record.why}"
    runs = record.result["runs"]
    found = {check: sum(run["checks"].get(check, 0) for run in runs) for check in CHECKS}
    return (
        cell.fault, cell.profile, cell.title, len(runs),
        _span(sum(run["totals"]["acknowledged"].values()) for run in runs),
        _span(run["totals"]["met"] for run in runs),
        _span(run["totals"]["unknown"] for run in runs),
        found["lost"] + found["phantom"], found["duplicate"] + found["reused"], found["gaps"],
        _below(runs), _back(runs), _drained(runs), _latencies(runs), _besides(runs),
        "valid" if is_good(record) else f"**{'/'.join(sorted({run['state'] for run in runs}))}**",
    )  # fmt: skip


def _checked(record: Record) -> Sequence[object]:
    cell = CELLS[record.cell]
    runs = record.result.get("runs", [])
    return (
        cell.fault, cell.profile, cell.name,
        *(sum(run["checks"].get(check, 0) for run in runs) if runs else "–" for check in CHECKS),
    )  # fmt: skip


def _details(records: Iterable[Record]) -> Iterable[str]:
    for record in records:
        for run in record.result.get("runs", []):
            if run["state"] != "valid":
                yield f"### {record.cell}, seed {run['seed']}: {run['state']}"
                yield ""
                yield from (f"- {reason}" for reason in run["reasons"][:10])
                yield from (f"- {found['check']}: {found['where']}: {found['what']}" for found in run["findings"])
                yield ""


def _below(runs: Sequence[dict[str, Any]]) -> str:
    """Say how many were acknowledged below the level that is judged, and how many of those were lost."""
    below, lost = (_span(run["totals"][name] for run in runs) for name in ("below", "below_lost"))
    return "–" if below == "0" else f"{below}, {lost}"


def _back(runs: Sequence[dict[str, Any]]) -> str:
    times = [healed["back_s"] for healed in _healed(runs)]
    return "**never**" if None in times else f"{max(times, default=0):.1f}"


def _drained(runs: Sequence[dict[str, Any]]) -> str:
    """Say which fault took the longest to drain; one that took too long goes first, and stands out."""
    worst = max(_healed(runs), key=lambda each: (each["late"], each["drained_s"] or float("inf")), default=None)
    if worst is None:
        return "–"
    took = "never" if worst["drained_s"] is None else f"{worst['drained_s']:.1f}"
    said = f"{took} ({worst['outage_s']:.1f})"
    return f"**{said}**" if worst["late"] else said


def _healed(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [healed for run in runs for healed in run["told"]["healed"]]


def _latencies(runs: Sequence[dict[str, Any]]) -> str:
    def p99(phase: str) -> str:
        found = [felt[phase]["latency"]["p99_ms"] for run in runs for felt in run["felt"] if felt[phase]["latency"]]
        return f"{median(found):,.0f}" if found else "–"

    return " / ".join(p99(phase) for phase in ("before", "during", "after"))


def _besides(runs: Sequence[dict[str, Any]]) -> str:
    kept = {name: _span(run["told"][name] for run in runs) for name in _BESIDES if name in runs[0]["told"]}
    return "; ".join(_BESIDES[name].format(span) for name, span in kept.items()) or "–"


def _span(values: Iterable[float]) -> str:
    kept = sorted(values)
    low, high = f"{kept[0]:,}", f"{kept[-1]:,}"
    return low if low == high else f"{low} – {high}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Write a table in Markdown."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
