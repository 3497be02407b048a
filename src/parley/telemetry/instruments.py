"""What counts: plain numbers that a hot path moves without a lookup, read when somebody scrapes.

Each instrument is moved by one thread. Label values are looked up once, when the children are
wired: ``appended = metrics.entries.child("appended")``, then ``appended.add()``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Generic, TypeVar


class Counter:
    """A number that only grows."""

    __slots__ = ("value",)

    kind = "counter"

    def __init__(self) -> None:
        """Begin at 0."""
        self.value = 0

    def add(self, count: int = 1) -> None:
        """Grow by ``count``."""
        self.value += count


class Gauge:
    """A number that goes up and down: set by its owner, or read from it at the scrape."""

    __slots__ = ("_read", "value")

    kind = "gauge"

    def __init__(self) -> None:
        """Begin at 0."""
        self.value: float = 0
        self._read: Callable[[], float] | None = None

    def watch(self, read: Callable[[], float]) -> None:
        """Ask ``read`` at every scrape; it must not block, nor raise."""
        self._read = read

    def sample(self) -> float:
        """Give the present value."""
        return self.value if self._read is None else self._read()


class Histogram:
    """How values spread over fixed buckets."""

    __slots__ = ("_bounds", "_counts", "sum")

    kind = "histogram"

    def __init__(self, bounds: Sequence[float]) -> None:
        """Take the buckets' upper bounds, rising; a last one without a bound is added."""
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self.sum: float = 0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, int]]:
        """Give (upper bound, values up to it), the last being ``+Inf`` with all of them."""
        names = [*(repr(float(bound)) for bound in self._bounds), "+Inf"]
        return list(zip(names, accumulate(self._counts), strict=True))


Instrument = TypeVar("Instrument", Counter, Gauge, Histogram)


class Family(Generic[Instrument]):
    """All instruments of one name, one for each combination of label values that was asked for."""

    def __init__(self, name: str, sentence: str, labels: Sequence[str], make: Callable[[], Instrument]) -> None:
        """Take the exposed name, what it says in a sentence, and the labels' names."""
        self.name = name
        self.sentence = sentence
        self.labels = tuple(labels)
        self.kind = make().kind
        self._make: Callable[[], Instrument] = make
        self._children: dict[tuple[str, ...], Instrument] = {}

    def child(self, *values: str) -> Instrument:
        """Give the instrument of these label values, always the same one; do it once, not on a hot path."""
        if len(values) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {len(values)} values")
        found = self._children.get(values)
        if found is None:
            found = self._children[values] = self._make()
        return found

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], Instrument]]:
        """Give every child with its label values."""
        return iter(list(self._children.items()))
