"""A write that began after another was acknowledged has the higher number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parley.verify.findings import Finding
from parley.verify.index import Index
from parley.verify.scopes import Scope
from parley.verify.writes import Write

ORDER: Final = "order"
_SUSPENDED: Final = "numbering"


def find_disorder(index: Index) -> Iterator[Finding]:
    """Find pairs whose numbers contradict the time.

    A write lasts from its first try to its first acknowledgement, so a number that a retry was told is not judged by
    the retry's time. Writes with an answer that says ``Parley-Degraded: numbering`` are in no pair; all others are.
    """
    for scope in index.scopes.values():
        yield from _sweep(index, scope)


def _sweep(index: Index, scope: Scope) -> Iterator[Finding]:
    """Go through the writes by their begin, and beside that through those that have ended."""
    judged = [write for write in scope.creates if _is_judged(write)]
    ended = sorted(judged, key=lambda write: write.end_ns)
    highest: Write | None = None
    passed = 0
    for write in sorted(judged, key=lambda write: write.begin_ns):
        while ended[passed].end_ns < write.begin_ns:
            highest = _higher(highest, ended[passed])
            passed += 1
        if highest is not None and write.base < highest.numbers.stop:
            yield _pair(index, scope, highest, write)


def _is_judged(write: Write) -> bool:
    return bool(write.acks) and write.base > 0 and not any(_SUSPENDED in ack.degraded for ack in write.acks)


def _higher(highest: Write | None, write: Write) -> Write:
    return write if highest is None or write.base > highest.base else highest


def _pair(index: Index, scope: Scope, before: Write, after: Write) -> Finding:
    first = min(before.acks, key=lambda ack: ack.end_ns)
    apart_ms = (after.begin_ns - before.end_ns) / 10**6
    what = (
        f"number {after.base} ({after.values[0]}) was asked for {apart_ms:.3f} ms after number {before.numbers[-1]} "
        f"({before.values[-1]}) was acknowledged {index.seconds(before.end_ns)}"
    )
    return index.found(ORDER, scope, what, after.acks[0], first, number=after.base, value=after.values[0])
