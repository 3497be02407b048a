"""What `make bench` measures: a cell for each line of the goals."""

from __future__ import annotations

from typing import Final

from benchmarks.cells import (
    bulk,
    creates,
    embedded,
    full_api,
    persist,
    processes,
    reads,
    search,
    servers,
)

CELLS: Final = tuple(
    cell
    for module in (
        creates, bulk, processes, full_api, embedded, reads, persist, servers, search
    )
    for cell in module.CELLS
)  # fmt: skip
"""In the order they run."""
