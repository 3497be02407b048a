"""What must hold for the numbers of a scope, an application's chats or a chat's messages alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from parley.domain.events import NUMBER_LIMIT
from parley.storage.mysql.audit.runs import Range, without
from parley.storage.mysql.rows import Row
from parley.storage.port import Difference, Missing
from parley.storage.port import Scope as Place


class Grants(NamedTuple):
    """Where a scope's numbers stand, in the order of its row's columns."""

    granted_until: int
    last_number: int
    log_epoch: int
    log_first: int
    log_until: int


class Ledger(NamedTuple):
    """What explains numbers of a scope that have no row; ranges rising by first."""

    gaps: Sequence[Range]
    letters: Sequence[Range]


class Scope(NamedTuple):
    """One scope: what its row says, and the rows that have its numbers."""

    id: Place
    where: str
    thing: str
    """What has its numbers."""
    grants: Grants
    epoch: int
    """Of the partition."""
    rows: int
    highest: int
    """Number of a row; 0 without rows."""


NOTHING = Ledger((), ())


def compare_grants(scope: Scope, ledger: Ledger) -> Iterator[Difference]:
    """Compare what was given away with what was used, and with what the log has."""
    granted, last, log_epoch, log_first, log_until = scope.grants
    if scope.highest > granted:
        yield _used(scope, f"has {scope.thing} {scope.highest}, but only {granted} numbers were given")
    elif scope.highest > last:
        yield _used(scope, f"has {scope.thing} {scope.highest}, but last_number is {last}")
    if last > granted or granted > NUMBER_LIMIT:
        yield _grants(scope, f"last_number is {last}, granted_until is {granted}")
    if log_until > granted:
        yield _grants(scope, f"the log may give up to {log_until}, but only {granted} numbers were given")
    if not 1 <= log_first <= log_until + 1:
        yield _grants(scope, f"the log's grant is {log_first} to {log_until}")
    if log_epoch > scope.epoch:
        yield _grants(scope, f"the log's grant is of epoch {log_epoch}, its partition is in epoch {scope.epoch}")
    yield from _compare_gaps(scope, ledger.gaps)


def compare_numbers(scope: Scope, ledger: Ledger, holes: Sequence[Range], hint: str) -> Iterator[Difference]:
    """Compare the numbers without a row, below the highest, with what explains them.

    A gap explains numbers for ever; so it may hold none with a row.
    """
    tail = (scope.highest + 1, scope.grants.last_number)
    missing = [*holes, tail] if tail[0] <= tail[1] else list(holes)
    for first, last in without(without(missing, ledger.gaps), ledger.letters):
        text = f"number {first} is missing" if first == last else f"numbers {first} to {last} are missing"
        yield Difference("numbers", scope.where, text + hint, None if hint else Missing(scope.id, first, last))
    free = [*holes, (scope.highest + 1, NUMBER_LIMIT)]
    for gap in ledger.gaps:
        taken = sum(last - first + 1 for first, last in without([(max(gap[0], 1), gap[1])], free))
        if taken:
            yield _gap(scope, gap, f"{taken} numbers in it have a row")


def holes_of(
    seams: Sequence[tuple[int, int, int | None]], before: Callable[[int], Sequence[Row]]
) -> tuple[list[Range], list[tuple[int, int, int]]]:
    """Give a scope's ranges without a row, and (number, time, time before) of rows older than the one before them.

    ``seams`` are (number, time, time of the number before or ``None``); ``before(number)`` finds the row before it.
    """
    holes: list[Range] = []
    older: list[tuple[int, int, int]] = []
    for number, at, at_before in sorted(seams):
        previous = at_before
        if previous is None:
            found = before(number)
            below, previous = found[0] if found else (0, at)
            holes.append((below + 1, number - 1))
        if at < previous:
            older.append((number, at, previous))
    return holes, older


def _compare_gaps(scope: Scope, gaps: Sequence[Range]) -> Iterator[Difference]:
    for gap in gaps:
        first, last = gap
        if not 1 <= first <= last <= scope.grants.granted_until:
            yield _gap(scope, gap, f"outside the {scope.grants.granted_until} numbers that were given")
    reached = 0
    for gap in gaps:
        if gap[0] <= reached:
            yield _gap(scope, gap, f"overlaps the gap that ends at {reached}")
        reached = max(reached, gap[1])


def _used(scope: Scope, what: str) -> Difference:
    return Difference("numbers", scope.where, what, scope.id)


def _grants(scope: Scope, what: str) -> Difference:
    return Difference("grants", scope.where, what, scope.id)


def _gap(scope: Scope, gap: Range, what: str) -> Difference:
    return Difference("gaps", f"{scope.where}, gap {gap[0]} to {gap[1]}", what)
