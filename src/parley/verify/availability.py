"""What clients felt of each fault: a table, not a check."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from parley.verify.faults import Fault, Faults
from parley.verify.operations import NEVER, Operation
from parley.verify.quantiles import Quantiles, quantiles_of

_SECOND_NS: Final = 10**9
_BESIDE_NS: Final = 30 * _SECOND_NS
"""How much time before and after a fault is looked at, at most."""


class Phase(msgspec.Struct, frozen=True):
    """The operations that ended in a span of time."""

    seconds: float
    ok_per_s: float
    errors: dict[str, int]
    """By status and code; ``unknown`` where no answer came."""
    latency: Quantiles | None
    """Of those that were done."""


class Felt(msgspec.Struct, frozen=True):
    """One fault."""

    fault: str
    at_s: float
    before: Phase
    during: Phase
    after: Phase
    recovered_s: float | None
    """From the heal to the first second with at least half as many done as before; nothing if that never came."""


def availability(operations: Iterable[Operation], faults: Faults) -> list[Felt]:
    """Look at the time before, during and after each fault, as far as no other fault is in it."""
    if not faults.all:
        return []
    heard = (each for each in operations if each.f != "final" and each.heard_ns != NEVER)
    ended = sorted(heard, key=lambda each: each.heard_ns)
    if not ended:
        return []
    began_ns = min(each.begin_ns for each in ended)
    return [_Times(ended, began_ns).felt(faults.all, at) for at in range(len(faults.all))]


class _Times:
    """Operations by the time at which they ended."""

    def __init__(self, ended: list[Operation], began_ns: int) -> None:
        self._ended: Final = ended
        self._began_ns: Final = began_ns
        self._ends: Final = [each.heard_ns for each in ended]
        self._oks: Final = [each.heard_ns for each in ended if each.is_ok]

    def felt(self, faults: list[Fault], at: int) -> Felt:
        fault = faults[at]
        last_ns = self._ends[-1] + 1
        off_ns = min(fault.off_ns, max(last_ns, fault.on_ns))
        healed = (other.off_ns for other in faults if other.off_ns <= fault.on_ns)
        from_ns = max(self._began_ns, fault.on_ns - _BESIDE_NS, *healed)
        begun = (other.on_ns for other in faults if other.on_ns >= off_ns)
        until_ns = min(last_ns, off_ns + _BESIDE_NS, *begun)
        before = self._phase(from_ns, fault.on_ns)
        recovered_s = self._recovered_s(fault.off_ns, before.ok_per_s)
        during, after = self._phase(fault.on_ns, off_ns), self._phase(off_ns, until_ns)
        return Felt(fault.name, (fault.on_ns - self._began_ns) / _SECOND_NS, before, during, after, recovered_s)

    def _phase(self, begin_ns: int, end_ns: int) -> Phase:
        here = self._ended[bisect_left(self._ends, begin_ns) : bisect_left(self._ends, end_ns)]
        done = [each.end_ns - each.begin_ns for each in here if each.is_ok]
        errors = Counter(_error(each) for each in here if not each.is_ok)
        seconds = max(0, end_ns - begin_ns) / _SECOND_NS
        return Phase(seconds, len(done) / seconds if seconds else 0.0, dict(errors.most_common()), quantiles_of(done))

    def _recovered_s(self, off_ns: int, ok_per_s: float) -> float | None:
        """Slide a second over what was done since the heal."""
        for at in range(bisect_right(self._oks, off_ns), len(self._oks)):
            begin_ns = self._oks[at]
            if bisect_left(self._oks, begin_ns + _SECOND_NS) - at >= ok_per_s / 2:
                return (begin_ns - off_ns) / _SECOND_NS
        return None


def _error(operation: Operation) -> str:
    if not operation.http:
        return "unknown" if operation.outcome == "info" else "refused"
    return f"{operation.http} {operation.code}".strip()
