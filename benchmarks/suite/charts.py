"""Charts of one cell: rates with their range, percentiles, CPU by process, and curves. SVG with its text as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from benchmarks.suite.result import Curve, Result, Row

mpl.use("svg")
mpl.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "parley", "font.family": "sans-serif", "font.size": 10,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 11, "axes.titlelocation": "left",
    "axes.grid": True, "grid.color": "#e4e4e4", "axes.axisbelow": True, "legend.frameon": False,
})  # fmt: skip

OURS, THEIRS, PALE = "#1f6feb", "#8b949e", "#b6c7e3"
COLOURS: Final = ("#1f6feb", "#e36209", "#2da44e", "#8250df", "#bf3989", "#57606a", "#d4a72c")
PERCENTILES: Final = ("p50", "p95", "p99", "p99.9")
PLAIN: Final = StrMethodFormatter("{x:,g}")
_WIDTH: Final = 8.0

Draw = Callable[[Axes], None]


def draw_charts(cell: str, result: Result, folder: Path) -> list[Path]:
    """Draw what a result has, and give the files."""
    measured = [row for row in result.rows if row.rate is not None and not row.void and row.offered != row.rate.median]
    rated = [row for row in measured if row.work == measured[0].work]
    late = [row for row in result.rows if row.latency_ms]
    spent = [row for row in result.rows if row.cpu_us]
    charts: list[tuple[str, int, Draw]] = []
    if len(rated) > 1:
        charts.append(("rate", len(rated), lambda axes: _rates(axes, rated)))
    if late:
        charts.append(("latency", len(late), lambda axes: _latencies(axes, late)))
    if spent:
        charts.append(("cpu", len(spent), lambda axes: _cpu(axes, spent)))
    files = [_save(folder / f"{cell}-{name}.svg", 1.2 + 0.36 * lines, draw) for name, lines, draw in charts]
    curves = enumerate(result.curves, 1)
    return files + [_save(folder / f"{cell}-curve-{at}.svg", 3.6, partial(_curve, curve=curve)) for at, curve in curves]


def _rates(axes: Axes, rows: Sequence[Row]) -> None:
    for at, row in enumerate(rows):
        if row.rate is not None:
            reach = [[row.rate.median - row.rate.low], [row.rate.high - row.rate.median]]
            axes.barh(at, row.rate.median, 0.62, xerr=reach, capsize=3, color=OURS if row.is_ours else THEIRS)
            axes.annotate(
                f"{row.rate.median:,.0f}", (row.rate.high, at), (6, 0), textcoords="offset points", va="center"
            )
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PLAIN)
    _label(axes, rows, f"{rows[0].unit}, median and range of the rounds")


def _latencies(axes: Axes, rows: Sequence[Row]) -> None:
    for at, row in enumerate(rows):
        axes.hlines(at, row.latency_ms["p50"].median, row.latency_ms["p99.9"].median, color=PALE, linewidth=3, zorder=1)
    for nth, name in enumerate(PERCENTILES):
        places = [row.latency_ms[name].median for row in rows]
        axes.scatter(places, range(len(rows)), 42, color=COLOURS[nth], label=name, zorder=2)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(PLAIN)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.legend(ncols=len(PERCENTILES), loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    _label(axes, rows, "ms from when a request was due, logarithmic", with_work=True)


def _cpu(axes: Axes, rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row.cpu_us))
    left = [0.0] * len(rows)
    for nth, name in enumerate(names):
        spent = [row.cpu_us.get(name, 0.0) for row in rows]
        colour = "#d0d7de" if name == "generator" else COLOURS[nth % len(COLOURS)]
        axes.barh(range(len(rows)), spent, 0.62, left=left, color=colour, label=name)
        left = [before + more for before, more in zip(left, spent, strict=True)]
    axes.legend(ncols=len(names), loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    _label(axes, rows, "µs of CPU a request, by process", with_work=True)


def _curve(axes: Axes, curve: Curve) -> None:
    for nth, (name, points) in enumerate(curve.lines.items()):
        marker = "o" if len(points) < 20 else ""
        axes.plot(
            *zip(*points, strict=True), marker=marker, markersize=4, color=COLOURS[nth % len(COLOURS)], label=name
        )
    if curve.log_x:
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(curve.x)
    axes.set_ylabel(curve.y)
    axes.set_title(curve.title)
    if len(curve.lines) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def _label(axes: Axes, rows: Sequence[Row], what: str, *, with_work: bool = False) -> None:
    works = len({row.work for row in rows}) > 1 and with_work
    axes.set_yticks(range(len(rows)), [f"{row.contender}\n{row.work}" if works else row.contender for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(what)


def _save(path: Path, height: float, draw: Draw) -> Path:
    drawing = Drawing(figsize=(_WIDTH, height), layout="constrained")
    draw(drawing.add_subplot())
    drawing.savefig(path, metadata={"Date": None})
    return path
