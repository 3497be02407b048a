"""Runs cells one after the other: a result file each as it goes, and the rest goes on when one cannot be measured."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.suite.cell import Cell, Outcome, VoidError, WrongError
from benchmarks.suite.results import Record, Results

_COLOURS: Mapping[Outcome, str] = {"measured": "green", "void": "yellow", "wrong": "red", "failed": "red"}
_REDRAWN_PER_S = 1  # the bar must not take what is measured


def run_cells(cells: Iterable[Cell], results: Results, machine: Mapping[str, str], console: Console) -> list[Record]:
    """Measure the cells that have no result yet, and give the records of those."""
    asked = list(cells)
    missing = [cell for cell in asked if not results.has(cell.name)]
    if len(missing) < len(asked):
        console.print(f"{len(asked) - len(missing)} of {len(asked)} cells have a result of this commit already")
    records: list[Record] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, refresh_per_second=_REDRAWN_PER_S) as progress:
        task = progress.add_task("", total=sum(cell.budget_s for cell in missing), left="")
        for at, cell in enumerate(missing):
            left = sum(each.budget_s for each in missing[at:])
            progress.update(task, description=cell.name, left=f"about {-(-left // 60)} min left")
            record = measure(cell, results, machine)
            results.write(record)
            records.append(record)
            progress.advance(task, cell.budget_s)
            colour = _COLOURS[record.outcome]
            told = f"[{colour}]{record.outcome:8}[/] {record.seconds:5.0f} s  {cell.name} {record.why}"
            progress.console.print(told, markup=True)
    return records


def measure(cell: Cell, results: Results, machine: Mapping[str, str]) -> Record:
    """Run one cell, whatever comes of it."""
    started_at, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    outcome: Outcome = "measured"
    reason, result = "", {}
    try:
        result = dict(cell.measure())
    except VoidError as error:
        outcome, reason = "void", str(error)
    except WrongError as error:
        outcome, reason = "wrong", str(error)
    except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - the run goes on
        # An engine that is missing is told the way tests tell it.
        outcome, reason = "failed", f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}"
    return Record(
        cell=cell.name, title=cell.title, group=cell.group, kind=results.kind, commit=results.commit.id,
        dirty=results.commit.dirty, started_at=started_at, seconds=round(time.monotonic() - began, 1),
        machine=dict(machine), outcome=outcome, reason=reason, result=result,
    )  # fmt: skip
