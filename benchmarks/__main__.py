"""``python -m benchmarks``: measure the cells of this commit that have no result yet, and write the report."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.stage.folder import BENCH
from benchmarks.suite.commands import command_parser
from benchmarks.suite.commit import present_commit
from benchmarks.suite.compiled import go_on_compiled
from benchmarks.suite.effort import CHOSEN, FULL, QUICK, Effort, trial
from benchmarks.suite.machine import describe_machine
from benchmarks.suite.registry import chosen
from benchmarks.suite.report import summary, write_report
from benchmarks.suite.results import MixedCommitsError, Results
from benchmarks.suite.runner import run_cells

COMMANDS = {
    "run": "measure everything but the scale curves",
    "quick": "have a look in three minutes; it makes no report",
    "scale": "measure the scale curves",
    "report": "write the report of this commit's results",
    "list": "print the cells",
}
NOTES = Path(__file__).with_name("notes.md")


def main(arguments: list[str] | None = None) -> int:
    """Do what the command says; 1 if an answer and a row did not agree anywhere."""
    given = _parser().parse_args(arguments)
    console = Console(width=140)
    if given.command == "list":
        for cell in chosen("list", given.only):
            console.print(f"{cell.name:24} {cell.group:6} {cell.budget_s:4} s  {cell.title}", highlight=False)
        return 0
    effort = _effort(given)
    results = Results(BENCH, present_commit(), effort.kind)
    if given.command == "report":
        console.print(f"written: {write_report(results, NOTES)}")
        return 0
    cells = chosen(given.command, given.only)
    go_on_compiled()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what was started is stopped
    os.environ["CI"] = "1"  # an engine that is missing is a failure, not a skip
    BENCH.mkdir(exist_ok=True)
    CHOSEN.set(effort)
    records = run_cells(cells, results, describe_machine(BENCH), console)
    if effort.kind == "full":
        console.print(f"written: {write_report(results, NOTES)}")
    else:
        console.print(summary(records))
    told = results.read() if effort.kind == "full" else records
    return 1 if any(record.outcome == "wrong" for record in told) else 0


def _effort(given: argparse.Namespace) -> Effort:
    if given.seconds or given.rounds:
        return trial(given.rounds or 1, given.seconds or 1)
    return QUICK if given.command == "quick" else FULL


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("benchmarks", __doc__, COMMANDS, "creates-*")
    parser.add_argument("--rounds", type=int, default=0, help="a trial of so many rounds, kept out of reports")
    parser.add_argument("--seconds", type=int, default=0, help="a trial of so many seconds, kept out of reports")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MixedCommitsError as error:
        sys.exit(str(error))
