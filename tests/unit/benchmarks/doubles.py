"""Results and samples as cells make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.suite.cell import Cell
from benchmarks.suite.cpu import Spent
from benchmarks.suite.results import Record
from benchmarks.suite.sample import Sample


def cell(name: str, measure: Callable[[], Mapping[str, object]] = dict) -> Cell:
    """Make a cell."""
    return Cell(name, f"What {name} measures", "bench", 60, measure)


def record(name: str = "creates", **changes: Any) -> Record:  # noqa: ANN401 - a record's own fields
    """Make a record of a clean commit."""
    fields: dict[str, Any] = {
        "cell": name, "title": f"What {name} measures", "group": "bench", "kind": "full", "commit": "a" * 40,
        "dirty": False, "started_at": "2026-11-22T00:00:00+00:00", "seconds": 1.0, "machine": {"cores": "2"},
        "outcome": "measured",
    }  # fmt: skip
    return Record(**{**fields, **changes})


def sample(answered: int = 1_000, **changes: Any) -> Sample:  # noqa: ANN401 - a sample's own fields
    """Make a second of load whose server was busy and whose generator was not."""
    spent = Spent(1.0, {"service": 0.9}, 0.3)
    return Sample(**{"answered": answered, "errors": 0, "seconds": 1.0, "spent": spent, **changes})
