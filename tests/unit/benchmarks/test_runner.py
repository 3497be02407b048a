"""The runner: only what is missing, whatever becomes of a cell, and a status that tells of wrong answers."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest
from rich.console import Console

from benchmarks.suite.cell import VoidError, WrongError
from benchmarks.suite.commit import Commit
from benchmarks.suite.results import Results
from benchmarks.suite.runner import run_cells
from tests.unit.benchmarks.doubles import cell


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Give the results of a clean commit."""
    return Results(tmp_path, Commit("a" * 40, dirty=False), "full")


def raising(error: BaseException) -> Callable[[], NoReturn]:
    """Give a measure that ends like this."""

    def measure() -> NoReturn:
        raise error

    return measure


def test_a_restart_runs_only_the_missing_cells(results: Results) -> None:
    """What was measured is not measured again, and its file stays as it was."""
    ran: list[str] = []

    def run(name: str) -> Mapping[str, object]:
        ran.append(name)
        return {"notes": [name]}

    cells = [cell(name, partial(run, name)) for name in ("one", "two")]
    run_cells(cells[:1], results, {}, quiet())

    records = run_cells(cells, results, {}, quiet())

    assert ran == ["one", "two"]
    assert [record.cell for record in records] == ["two"]
    assert {record.cell: record.result for record in results.read()} == {
        "one": {"notes": ["one"]}, "two": {"notes": ["two"]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (VoidError("a burst had a 503"), "void"),
        (WrongError("a row is missing"), "wrong"),
        (RuntimeError("no port is free"), "failed"),
        (pytest.fail.Exception("mariadbd is not installed"), "failed"),
        (pytest.skip.Exception("no java"), "failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_cell_that_is_no_figure_says_why_and_the_rest_goes_on(
    results: Results, error: BaseException, outcome: str
) -> None:
    """Its file has outcome and reason, and the next cell is measured."""
    first, second = run_cells([cell("one", raising(error)), cell("two")], results, {"cores": "2"}, quiet())

    assert (first.outcome, second.outcome) == (outcome, "measured")
    assert str(error) in first.reason
    assert first.result == {}
    assert [record.outcome for record in results.read()] == [outcome, "measured"]


def test_ctrl_c_ends_the_run_and_leaves_no_file(results: Results) -> None:
    """A cell that was interrupted is missing, and the next run measures it."""
    with pytest.raises(KeyboardInterrupt):
        run_cells([cell("one", raising(KeyboardInterrupt()))], results, {}, quiet())

    assert not results.has("one")


def quiet() -> Console:
    """Give a console that nobody reads."""
    return Console(file=io.StringIO())
