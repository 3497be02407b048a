"""What is there is never denied, and no answer calls itself degraded without need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parley.verify.checks.order import ORDER
from parley.verify.findings import Finding
from parley.verify.index import Index
from parley.verify.operations import Operation
from parley.verify.scopes import Scope

OWN: Final = "read your write"
_OF_NUMBERS: Final = ("edit", "delete", "delete_chat")
_OF_SCOPES: Final = ("create_chat", "post", "list", "count", "search")
_NUMBERING: Final = "numbering"


def find_denied(index: Index) -> Iterator[Finding]:
    """Find operations of any kind that were answered 404 or 410 about what was acknowledged before they began.

    That is a message, a chat or an application, unless its deletion, or its chat's, was invoked before the answer. What
    only the end of the log could tell is 503 while that cannot be read, so a degraded service may not deny it either.
    A ``get`` is left to the reads of its scope.
    """
    openings: dict[tuple[str, int], Operation | None] = {}
    for asked in index.operations:
        if not asked.is_denied or asked.f not in (*_OF_NUMBERS, *_OF_SCOPES):
            continue
        scope, number = _place(index, asked)
        if asked.f in _OF_NUMBERS:
            known = _creation(scope, number)
        else:
            place = scope.app, scope.chat
            known = openings[place] if place in openings else openings.setdefault(place, index.opening(scope))
        if known is not None and known.end_ns < asked.begin_ns and not scope.may_lack(number, asked.heard_ns):
            what = (
                f"{asked.name} was answered {asked.http}, and "
                f"{f'number {number}' if number else 'what it names'} was there: {known.name} had been acknowledged "
                f"{(asked.begin_ns - known.end_ns) / 10**6:.3f} ms before"
            )
            yield index.found(OWN, scope, what, asked, known, number=number)


def _place(index: Index, asked: Operation) -> tuple[Scope, int]:
    """Give the scope that is denied, and of an operation about a number that."""
    if asked.f == "delete_chat":
        return index.scope(asked.app, 0), asked.chat or asked.n
    return index.scope(asked.app, asked.chat), asked.n if asked.f in _OF_NUMBERS else 0


def _creation(scope: Scope, number: int) -> Operation | None:
    """Give the acknowledgement of a number."""
    write = scope.owners.get(number)
    if write is None or not write.is_firm:
        return None
    return next(ack for ack in write.acks if ack.end_ns == write.end_ns)


def find_needless_marks(index: Index) -> Iterator[Finding]:
    """Find answers that are marked as degraded without a fault, or when service must be back after it.

    A mark suspends a promise, so it is a finding of the check that it would silence: order, or read your write.
    """
    for each in index.operations:
        if each.degraded and not index.faults.interrupts(each.begin_ns, each.end_ns):
            check = ORDER if _NUMBERING in each.degraded else OWN
            what = f"{each.name} says that it is degraded ({', '.join(each.degraded)}), and no fault is the reason"
            yield index.found(check, index.scope(each.app, each.chat), what, each, number=each.n)
