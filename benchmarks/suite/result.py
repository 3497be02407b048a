"""What a cell gives: rows (what ran), figures (what a goal says of them), curves. Plain data once it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Literal, Self

import msgspec

Verdict = Literal["met", "missed", "void", "shown"]


class Spread(msgspec.Struct, frozen=True):
    """The figures of all rounds: their median is the figure, their range stands beside it."""

    median: float
    low: float
    high: float
    values: list[float]

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Take the rounds in order; at least one."""
        kept = list(values)
        return cls(median(kept), min(kept), max(kept), kept)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One contender in one mode: what it did in all rounds."""

    contender: str
    work: str
    mode: str
    processes: int = 1
    applications: int
    keys: str = ""
    durability: str = ""
    rate: Spread | None = None
    unit: str = "requests/s"
    cpu_us: dict[str, float] = {}
    generator: str = ""
    generator_share: float | None = None
    offered: float | None = None
    latency_ms: dict[str, Spread] = {}
    void: str = ""
    """Why this rate is no figure."""
    is_ours: bool = False


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number to reach. Without a bound it is only shown; with a reason in ``void`` it is no figure."""

    name: str
    measured: Spread | None = None
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    peer: str = ""
    """What the peer did, in words."""
    void: str = ""

    @property
    def verdict(self) -> Verdict:
        """Say whether the median reaches the bound; what is void is never met."""
        if self.void or self.measured is None:
            return "void"
        if self.at_least is None and self.at_most is None:
            return "shown"
        reached = self.measured.median
        is_low = self.at_least is not None and reached < self.at_least
        is_high = self.at_most is not None and reached > self.at_most
        return "missed" if is_low or is_high else "met"

    @property
    def margin(self) -> float | None:
        """Give by which part of the bound the median is better (above 0) or worse than it."""
        if self.verdict not in {"met", "missed"} or self.measured is None:
            return None
        if self.at_least is not None:
            return self.measured.median / self.at_least - 1
        return 1 - self.measured.median / self.at_most if self.at_most else None


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of one chart, each a list of points (x, y)."""

    title: str
    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]]
    log_x: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one cell saw."""

    rows: list[Row] = []
    figures: list[Figure] = []
    curves: list[Curve] = []
    settings: dict[str, dict[str, str]] = {}
    """Of whom (a database's connection, a peer), and what is set there."""
    versions: dict[str, str] = {}
    notes: list[str] = []

    def plain(self) -> dict[str, Any]:
        """Give it as a result file has it."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return told


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Divide round by round: a machine whose speed wanders takes both with it."""
    return Spread.of(mine / other for mine, other in zip(ours, theirs, strict=True))
