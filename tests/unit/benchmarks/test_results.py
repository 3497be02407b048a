"""Results: a restart measures what is missing, and a report never mixes states of the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.suite.commit import Commit
from benchmarks.suite.report import write_report
from benchmarks.suite.results import MixedCommitsError, Results
from tests.unit.benchmarks.doubles import record

COMMIT = Commit("a" * 40, dirty=False)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Give the results of a clean commit."""
    return Results(tmp_path, COMMIT, "full")


@pytest.mark.parametrize("outcome", ["measured", "void", "wrong"])
def test_a_restart_knows_what_was_measured(results: Results, outcome: str) -> None:
    """A cell with a verdict of its own is not run again."""
    results.write(record(outcome=outcome))

    assert results.has("creates")
    assert not results.has("reads")


def test_a_restart_runs_again_what_failed_or_is_of_another_state(results: Results) -> None:
    """An engine that did not start is no result, and neither is what a changed tree did."""
    results.write(record("creates", outcome="failed", reason="no Redis"))
    results.write(record("reads", dirty=True))

    assert not results.has("creates")
    assert not results.has("reads")


@pytest.mark.parametrize("other", [{"commit": "b" * 40}, {"dirty": True}], ids=["commit", "changes"])
def test_a_report_refuses_mixed_states(results: Results, tmp_path: Path, other: dict[str, object]) -> None:
    """One result of another commit, or of changes on top, and there is no report."""
    results.write(record("creates"))
    results.write(record("reads", **other))

    with pytest.raises(MixedCommitsError, match="never mixes"):
        write_report(results, tmp_path / "notes.md")

    assert not (results.folder / "report.md").exists()


@pytest.mark.parametrize("kind", ["quick", "trial"])
def test_a_look_and_a_trial_stay_out_of_the_report(results: Results, tmp_path: Path, kind: str) -> None:
    """Neither their folder is read, nor one of their files if it was put among the others."""
    Results(tmp_path, COMMIT, kind).write(record("creates", kind=kind))  # type: ignore[arg-type]  # one of the kinds
    results.write(record("reads", kind=kind))
    results.write(record("search"))

    text = write_report(results, tmp_path / "notes.md").read_text("utf-8")

    assert "What search measures" in text
    assert "What creates measures" not in text
    assert "What reads measures" not in text
