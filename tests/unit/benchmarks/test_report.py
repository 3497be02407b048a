"""The report: everything that was seen, and nothing kinder."""

from __future__ import annotations

from pathlib import Path

from benchmarks.suite.commit import Commit
from benchmarks.suite.report import write_report
from benchmarks.suite.result import Curve, Figure, Result, Spread
from benchmarks.suite.results import Results
from benchmarks.suite.rounds import row
from tests.unit.benchmarks.doubles import record, sample

LATE = {"p50": 1.0, "p95": 2.0, "p99": 3.0, "p99.9": 9.5}
RESULT = Result(
    rows=[
        row("parley", [sample(20_000)], [sample(latency_ms=LATE, offered=12_000.0)], work="create", mode="burst",
            applications=100, is_ours=True),
        row("usual", [sample(9_000)], work="create", mode="burst", applications=100),
    ],
    figures=[
        Figure(name="against usual", measured=Spread.of([2.2]), unit="×", at_least=2.5),
        Figure(name="against grouped", measured=Spread.of([1.2]), unit="×", at_least=1, void="grouped was too slow"),
    ],
    curves=[Curve(title="Lag", x="s", y="ms", lines={"10,000/s": [(0.0, 1.0), (1.0, 2.0)]})],
    settings={"connections": {"appendfsync": "everysec"}},
    versions={"redis": "Redis 7.0.15"},
    notes=["20,000/s offered: not taken"],
)  # fmt: skip


def test_the_report_tells_what_was_seen(tmp_path: Path) -> None:
    """Machine, goals with verdicts, rows, settings, charts, notes; a cell without a figure has its reason."""
    results = Results(tmp_path, Commit("a" * 40, dirty=True), "full")
    (tmp_path / "notes.md").write_text("The loop takes most of it.\n")
    results.write(record("creates", dirty=True, result=RESULT.plain()))
    results.write(record("reads", dirty=True, outcome="void", reason="a burst had a 503"))

    path = write_report(results, tmp_path / "notes.md")

    text = path.read_text("utf-8")
    for told in (
        "with changes on top", "| cores | 2 |", "| redis | Redis 7.0.15 |",
        "| against usual | ≥ 2.50 × | 2.20 × | **missed** by 12% |  | creates |",
        "| against grouped | ≥ 1.00 × | – | **void**: grouped was too slow |", "0 met, 1 missed, 2 void, 0 shown",
        "**void**: a burst had a 503", "1.00 / 2.00 / 3.00 / 9.50",
        "| connections | appendfsync | everysec | creates |",
        "- 20,000/s offered: not taken", "The loop takes most of it.",
    ):  # fmt: skip
        assert told in text, told
    charts = {chart.name for chart in (path.parent / "charts").iterdir()}
    assert charts == {f"creates-{name}.svg" for name in ("rate", "latency", "cpu", "curve-1")}
    assert all(f"(charts/{name})" in text for name in charts)
