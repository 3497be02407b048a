"""A cell: one thing that is measured, with all its peers, and one result file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

Group = Literal["bench", "scale"]
Outcome = Literal["measured", "void", "wrong", "failed"]


class Cell(NamedTuple):
    """One piece of a run; ``measure`` gives a result as plain data, in the form of `suite.result.Result`."""

    name: str
    title: str
    group: Group
    budget_s: int
    measure: Callable[[], Mapping[str, object]]


class VoidError(Exception):
    """What was measured is no figure, for the reason in the text: a refused create, a tmpfs, a bottleneck elsewhere."""


class WrongError(Exception):
    """What was answered and what is stored do not agree: the figure is dropped, and the run ends with 1."""
