"""Tables on stdout: as wide as the terminal, or as wide as they need to be in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDEST = 10_000

STYLES = {
    "ok": "green",
    "mended": "green",
    "warn": "yellow",
    "fail": "bold red",
    "differs": "bold red",
    "lag": "yellow",
}
"""Colours of words that judge."""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of plain texts; a word of `STYLES` is coloured."""
    table = Table(*columns, pad_edge=False, show_lines=False)
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        unbounded = console.options.update(max_width=_WIDEST)
        console.width = max(console.width, console.measure(table, options=unbounded).maximum)
    console.print(table)
