"""The report: Markdown with tables, and charts beside it, of results of one commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from rich.table import Table

from benchmarks.suite.charts import draw_charts
from benchmarks.suite.result import Result, Verdict
from benchmarks.suite.results import Record, Results
from benchmarks.suite.tables import FIGURES_HEAD, ROWS_HEAD, figure_cells, row_cells, table

HOW = """\
Every figure is the median of alternating rounds, its range beside it; a ratio is made round by round. A *burst* runs
with the workers stopped and is void if anything is refused; *sustained* has persist on and the index off; *whole* has
everything on. Rates are of a closed loop (wrk, 64 connections); percentiles are of an open loop at the rate named as
offered (oha; our own generator where each request has a key or probes run beside), counted from when a request was due.
After every round the stored rows were compared with the 201s and `parley check` was clean, or there is no figure. Rows
that say *relaxed* ran with `PARLEY_LOG_DURABILITY=relaxed`.
"""


class Read:
    """The records of a run, and what was measured."""

    def __init__(self, records: Sequence[Record]) -> None:
        """Take them in the order they were measured."""
        self.records = records
        self.results = {
            record.cell: msgspec.convert(record.result, Result, strict=False)
            for record in records
            if record.outcome == "measured"
        }

    def figures(self) -> Iterable[tuple[list[str], Verdict]]:
        """Give the line of every figure with its verdict; a cell without a result is told with its reason."""
        for record in self.records:
            if record.cell not in self.results:
                told = f"**{record.outcome}**: {record.why}"
                yield [record.title, "", "–", told, "", record.cell], "void"
                continue
            for figure in self.results[record.cell].figures:
                yield figure_cells(figure, record.cell), figure.verdict


def write_report(results: Results, notes: Path) -> Path:
    """Write ``report.md`` beside the result files, and its charts into ``charts/``.

    Raises:
        MixedCommitsError: there are results of several states of the tree.
    """
    read = Read([record for record in results.read() if record.kind == "full"])
    charts = results.folder / "charts"
    charts.mkdir(parents=True, exist_ok=True)
    for old in charts.glob("*.svg"):
        old.unlink()
    sections = [
        _head(results, read), _machine(read), _goals(read), *(_cell(record, read, charts) for record in read.records),
        _settings(read), _notes(notes),
    ]  # fmt: skip
    path = results.folder / "report.md"
    path.write_text("\n".join(filter(None, sections)), "utf-8")
    return path


def summary(records: Sequence[Record]) -> Table:
    """Give the figures for a terminal: of a look or a trial, which are no figures of record."""
    told = Table(title="A look, not a measurement: few rounds and few seconds")
    for name in FIGURES_HEAD:
        told.add_column(name)
    for cells, _ in Read(records).figures():
        told.add_row(*(cell.replace("**", "") for cell in cells))
    return told


def _head(results: Results, read: Read) -> str:
    dirty = " **with changes on top: not repeatable**" if results.commit.dirty else ""
    when = f"{read.records[0].started_at} to {read.records[-1].started_at}" if read.records else "nothing measured yet"
    minutes = sum(record.seconds for record in read.records) / 60
    told = f"Commit `{results.commit.id}`{dirty}; {when}; {minutes:.0f} minutes of measuring."
    return f"# Benchmarks\n\n{told}\n\n{HOW}"


def _machine(read: Read) -> str:
    seen: dict[str, dict[str, None]] = {}
    for record in read.records:
        versions = read.results[record.cell].versions if record.cell in read.results else {}
        for name, value in {**record.machine, **versions}.items():
            seen.setdefault(name, {})[value] = None
    return "## The machine\n\n" + table(("", ""), [(name, "; ".join(values)) for name, values in seen.items()])


def _goals(read: Read) -> str:
    lines = list(read.figures())
    counted = Counter(verdict for _, verdict in lines)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in ("met", "missed", "void", "shown"))
    return f"## Numbers to reach\n\n{told}.\n\n" + table(FIGURES_HEAD, [cells for cells, _ in lines])


def _cell(record: Record, read: Read, charts: Path) -> str:
    head = f"## {record.title}\n\n`{record.cell}`, {record.started_at}, {record.seconds:.0f} s\n"
    if record.cell not in read.results:
        return f"{head}\n**{record.outcome}**\n\n```\n{record.reason.strip()}\n```\n"
    result = read.results[record.cell]
    drawn = "".join(f"![{path.stem}](charts/{path.name})\n" for path in draw_charts(record.cell, result, charts))
    noted = "".join(f"- {note}\n" for note in result.notes)
    rows = table(ROWS_HEAD, map(row_cells, result.rows)) if result.rows else ""
    return "\n".join(filter(None, (head, rows, noted, drawn)))


def _settings(read: Read) -> str:
    lines: dict[tuple[str, str, str], list[str]] = {}
    for cell, result in read.results.items():
        for whom, values in result.settings.items():
            for name, value in values.items():
                lines.setdefault((whom, name, value), []).append(cell)
    told = [(*line, ", ".join(cells)) for line, cells in sorted(lines.items())]
    return "## Settings, as connections and peers told them\n\n" + table(("whose", "setting", "value", "cells"), told)


def _notes(notes: Path) -> str:
    return f"## Notes\n\n{notes.read_text('utf-8').strip()}\n" if notes.exists() else ""
