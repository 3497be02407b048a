"""Markdown tables, and figures as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.suite.result import Figure, Row, Spread

ROWS_HEAD = (
    "contender", "work", "mode", "processes", "applications", "keys", "durability", "rate", "CPU µs/request",
    "generator's share of CPU", "offered", "p50 / p95 / p99 / p99.9 ms",
)  # fmt: skip
FIGURES_HEAD = ("figure", "goal", "measured (range)", "verdict", "beside it", "cell")
_PERCENTILES = ("p50", "p95", "p99", "p99.9")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; a bar in a cell would end it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def number(value: float) -> str:
    """Write a number with as many digits as say something."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def spread(measured: Spread | None, unit: str = "") -> str:
    """Write a median and its range."""
    if measured is None:
        return "–"
    beside = "" if len(measured.values) == 1 else f" ({number(measured.low)}–{number(measured.high)})"
    return f"{number(measured.median)}{beside} {unit}".rstrip()


def goal(figure: Figure) -> str:
    """Write what is to be reached."""
    if figure.at_least is not None:
        return f"≥ {number(figure.at_least)} {figure.unit}".rstrip()
    return "–" if figure.at_most is None else f"≤ {number(figure.at_most)} {figure.unit}".rstrip()


def verdict(figure: Figure) -> str:
    """Write whether it is reached, and by how much."""
    if figure.verdict == "void":
        return f"**void**: {figure.void or 'nothing was measured'}"
    if figure.margin is None:
        return "shown"
    word = "met" if figure.verdict == "met" else "**missed**"
    return f"{word} by {abs(figure.margin):.0%}"


def figure_cells(figure: Figure, cell: str) -> list[str]:
    """Write the line of one figure; what is void has no measure."""
    measured = "–" if figure.verdict == "void" else spread(figure.measured, figure.unit)
    return [figure.name, goal(figure), measured, verdict(figure), figure.peer, cell]


def row_cells(row: Row) -> list[str]:
    """Write the line of one contender."""
    rate = f"void: {row.void}" if row.void else spread(row.rate, row.unit)
    late = " / ".join(number(row.latency_ms[name].median) for name in _PERCENTILES if name in row.latency_ms)
    return [
        row.contender, row.work, row.mode, str(row.processes), str(row.applications), row.keys, row.durability, rate,
        ", ".join(f"{name} {number(spent)}" for name, spent in row.cpu_us.items()),
        "–" if row.generator_share is None else f"{row.generator_share:.0%}",
        "–" if row.offered is None else f"{row.offered:,.0f}/s", late or "–",
    ]  # fmt: skip
