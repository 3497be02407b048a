"""Faults: when each was on, what it met, and how long it may be felt."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

import msgspec

from parley.verify.operations import NEVER

_RECOVERY_NS: Final = 30 * 10**9
"""Service is back."""
_TAKEOVER_NS: Final = 10 * 10**9
"""The lease of a worker that was killed is over."""


class Fault(msgspec.Struct, frozen=True):
    """One fault; one that was never healed lasts for ever."""

    name: str
    on_ns: int
    off_ns: int = NEVER

    @property
    def felt_until_ns(self) -> int:
        """When all that it delayed must be done: within twice the outage, or what a takeover lasts."""
        if self.off_ns == NEVER:
            return NEVER
        return self.off_ns + max(_TAKEOVER_NS, 2 * (self.off_ns - self.on_ns))

    @property
    def recovered_ns(self) -> int:
        """When service must be back."""
        return NEVER if self.off_ns == NEVER else self.off_ns + _RECOVERY_NS


class Faults:
    """The faults of a recording in the order in which they began."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Take them in any order."""
        self.all: Final = sorted(faults, key=lambda fault: fault.on_ns)
        self._begins: Final = [fault.on_ns for fault in self.all]
        self._on: Final = _latest([fault.off_ns for fault in self.all])
        self._felt: Final = _latest([fault.felt_until_ns for fault in self.all])
        self._recovered: Final = _latest([fault.recovered_ns for fault in self.all])

    def meets(self, begin_ns: int, end_ns: int) -> bool:
        """Tell whether a fault was on at any moment of this time."""
        return self._reach(self._on, begin_ns, end_ns)

    def delays(self, begin_ns: int, end_ns: int) -> bool:
        """Tell whether what follows writes late may be excused at any moment of this time."""
        return self._reach(self._felt, begin_ns, end_ns)

    def interrupts(self, begin_ns: int, end_ns: int) -> bool:
        """Tell whether service need not be whole at any moment of this time."""
        return self._reach(self._recovered, begin_ns, end_ns)

    def _reach(self, ends: list[int], begin_ns: int, end_ns: int) -> bool:
        begun = bisect_right(self._begins, end_ns)
        return begun > 0 and ends[begun - 1] >= begin_ns

    def near(self, ns: int) -> str:
        """Name the fault that was on, or the one that began last before, or the first."""
        if not self.all:
            return ""
        begun = bisect_right(self._begins, ns)
        if begun == 0:
            return f"{_seconds(self.all[0].on_ns - ns)} before {self.all[0].name}"
        fault = self.all[begun - 1]
        if ns <= fault.off_ns:
            return f"{_seconds(ns - fault.on_ns)} into {fault.name}"
        return f"{_seconds(ns - fault.off_ns)} after {fault.name}"


def _latest(ends: list[int]) -> list[int]:
    """Give for each fault the latest end of it and all before it."""
    latest: list[int] = []
    for end in ends:
        latest.append(max(end, latest[-1]) if latest else end)
    return latest


def _seconds(ns: int) -> str:
    return f"{ns / 10**9:.3f} s"
