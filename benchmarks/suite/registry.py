"""Every cell by name: those of `make bench`, and those of the scale curves."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cells import CELLS as BENCH_CELLS
from benchmarks.history.cells import CELLS as SCALE_CELLS
from benchmarks.suite.cell import Cell
from benchmarks.suite.commands import fitting

CELLS = (*BENCH_CELLS, *SCALE_CELLS)
QUICK = ("creates-everysec-none", "embedded-create", "reads-embedded")
"""What a look of three minutes sees, with fewer rounds and seconds."""


def chosen(command: str, only: str = "*") -> list[Cell]:
    """Give the cells of a command whose name fits a pattern, in their order; exit if there is none."""
    wanted: dict[str, Callable[[Cell], bool]] = {
        "run": lambda cell: cell.group == "bench",
        "scale": lambda cell: cell.group == "scale",
        "quick": lambda cell: cell.name in QUICK,
        "list": lambda _: True,
    }
    return fitting({cell.name: cell for cell in CELLS if wanted[command](cell)}, only)
