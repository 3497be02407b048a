"""``python -m tests.faults``: run the cells of this commit that have no result yet, and write the report."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from rich.console import Console

from benchmarks.suite.cell import Cell as Measured
from benchmarks.suite.commands import command_parser, fitting
from benchmarks.suite.commit import present_commit
from benchmarks.suite.machine import describe_machine
from benchmarks.suite.results import MixedCommitsError, Results
from benchmarks.suite.runner import run_cells
from tests.faults.cells import CELLS, RUNS, Cell
from tests.faults.controls import CONTROLS, ControlResults, control, is_caught
from tests.faults.controls import render as render_controls
from tests.faults.judged import Stage
from tests.faults.report import is_good, render
from tests.support.engines.opensearch import OpenSearchServer

FAULTS: Final = Path(__file__).parents[2] / ".faults"
COMMANDS: Final = {
    "run": "run every cell, all runs of it",
    "report": "write the report of this commit's results",
    "list": "print the cells",
    "controls": "run every broken build until it is caught, three times at most",
}


def main(arguments: list[str] | None = None) -> int:
    """Do what the command says; 1 if any run was not valid."""
    given = _parser().parse_args(arguments)
    console = Console(width=140)
    if given.command == "controls":
        return _control(given, console)
    chosen = fitting(CELLS, given.only)
    if given.command == "list":
        for cell in chosen:
            console.print(f"{cell.file:32} {cell.budget_s:4} s  {cell.title}", highlight=False)
        return 0
    results = Results(FAULTS, present_commit(), "full" if given.runs == RUNS else "trial")
    if given.command == "run":
        _run(chosen, results, given, console)
    report = results.folder / "report.md"
    report.write_text(render(results), "utf-8")
    console.print(f"written: {report}")
    return 0 if all(is_good(record) for record in results.read()) else 1


def _run(chosen: list[Cell], results: Results, given: argparse.Namespace, console: Console) -> None:
    with _stage(results) as stage:
        cells = [
            Measured(cell.file, cell.title, "bench", cell.budget_s, partial(_measure, stage, cell, given))
            for cell in chosen
        ]
        run_cells(cells, results, describe_machine(results.folder), console)


def _control(given: argparse.Namespace, console: Console) -> int:
    chosen = fitting(CONTROLS, given.only)
    results = ControlResults(FAULTS, present_commit())
    with _stage(results) as stage:
        cells = [
            Measured(it.build.name, it.build.forgets, "bench", it.budget_s, partial(control, it, stage, given.seed))
            for it in chosen
        ]
        run_cells(cells, results, describe_machine(results.folder), console)
    records = results.read()
    report = results.folder / "report.md"
    report.write_text(render_controls(records), "utf-8")
    console.print(f"{report.read_text('utf-8')}\nwritten: {report}", soft_wrap=True, highlight=False, markup=False)
    caught = {record.cell for record in records if is_caught(record)}
    return 0 if caught.issuperset(it.build.name for it in chosen) else 1


@contextmanager
def _stage(results: Results) -> Iterator[Stage]:
    """Give where cells are run, with one OpenSearch for all."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what was started is stopped
    os.environ["CI"] = "1"  # an engine that is missing is a failure, not a skip
    results.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="faults-") as folder, ExitStack() as stack:

        @cache
        def opensearch() -> OpenSearchServer:
            return stack.enter_context(OpenSearchServer(Path(folder)))

        yield Stage(results.commit.id, results.folder / "histories", opensearch)


def _measure(stage: Stage, cell: Cell, given: argparse.Namespace) -> Mapping[str, Any]:
    return {"runs": msgspec.to_builtins(stage.play(cell, count(given.seed), given.runs))}


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("faults", __doc__, COMMANDS, "f3-*")
    parser.add_argument("--runs", type=int, default=RUNS, help="another number of runs makes a trial, kept apart")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the others follow")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MixedCommitsError as error:
        sys.exit(str(error))
