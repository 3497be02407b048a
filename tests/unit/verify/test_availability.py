"""What clients felt of a fault, and when a time lies in one."""

from __future__ import annotations

import pytest

from parley.verify.availability import Felt, availability
from parley.verify.faults import Fault, Faults
from parley.verify.history import Event
from parley.verify.operations import Operation, join

S = 10**9


def operation(at_ms: int, took_ms: int, outcome: str, http: int = 0, code: str = "") -> Operation:
    """Make one that ended at a time."""
    begun = Event(p=1, i=at_ms, t="invoke", f="get", ns=(at_ms - took_ms) * 10**6)
    kind = "ok" if outcome == "ok" else "fail" if outcome == "fail" else "info"
    return join(begun, Event(p=1, i=at_ms, t=kind, f="get", ns=at_ms * 10**6, http=http, code=code))  # type: ignore[arg-type]


def felt(*operations: Operation, faults: Faults) -> list[Felt]:
    """Look at them in any order."""
    return availability(reversed(operations), faults)


def test_a_fault_is_seen_before_during_and_after() -> None:
    """Rates, kinds of errors and latencies of each time, and the way back."""
    before = [operation(at, 2, "ok") for at in range(1_010, 2_000, 10)]
    during = [operation(at, 50, "fail", 503, "log_unavailable") for at in range(2_010, 3_000, 100)]
    unknown = [operation(2_500, 500, "info")]
    slow = [operation(at, 20, "ok") for at in range(3_010, 5_000, 100)]
    after = [operation(at, 2, "ok") for at in range(5_005, 9_000, 10)]

    only = felt(*before, *during, *unknown, *slow, *after, faults=Faults([Fault("kill log", 2 * S, 3 * S)]))[0]

    assert only.fault == "kill log"
    assert only.before.ok_per_s == pytest.approx(99, abs=2)
    assert only.before.latency is not None
    assert only.before.latency.p99_ms == 2
    assert only.during.errors == {"503 log_unavailable": 10, "unknown": 1}
    assert only.during.ok_per_s == 0
    assert only.during.latency is None
    assert only.after.ok_per_s == pytest.approx((20 + 400) / 6, abs=1)
    assert only.recovered_s == pytest.approx(1.5, abs=0.2)


def test_a_fault_that_is_never_healed_has_no_way_back() -> None:
    """It lasts to the end of the recording."""
    operations = [operation(at, 2, "ok") for at in range(10, 1_000, 10)]

    only = felt(*operations, faults=Faults([Fault("cut", S // 2)]))[0]

    assert only.recovered_s is None
    assert only.during.seconds == pytest.approx(0.49, abs=0.01)
    assert only.after.seconds == 0


def test_another_fault_ends_what_is_looked_at() -> None:
    """Before is since the last heal, after is until the next fault."""
    operations = [operation(at, 2, "ok") for at in range(10, 5_000, 10)]

    first, second = felt(*operations, faults=Faults([Fault("b", 3 * S, 4 * S), Fault("a", S, 2 * S)]))

    assert (first.fault, second.fault) == ("a", "b")
    assert first.after.seconds == 1
    assert second.before.seconds == 1


def test_without_faults_there_is_nothing_to_show() -> None:
    """A quiet recording has no table."""
    assert felt(operation(10, 1, "ok"), faults=Faults(())) == []


@pytest.mark.parametrize(
    ("begin_s", "end_s", "meets", "delays"),
    [
        (0, 9, False, False),
        (9, 10, True, True),
        (12, 13, True, True),
        (21, 22, False, True),
        (39, 40, False, True),
        (41, 42, False, False),
        (99, 200, True, True),
    ],
)
def test_a_fault_is_met_while_it_is_on_and_felt_longer(begin_s: int, end_s: int, *, meets: bool, delays: bool) -> None:
    """All is drained within twice the outage."""
    faults = Faults([Fault("kill", 10 * S, 20 * S), Fault("cut", 100 * S)])

    assert faults.meets(begin_s * S, end_s * S) is meets
    assert faults.delays(begin_s * S, end_s * S) is delays


@pytest.mark.parametrize(
    ("at_s", "delays", "interrupts"), [(9, False, False), (20, True, True), (22, False, True), (42, False, False)]
)
def test_a_short_fault_is_felt_for_a_takeover_and_service_is_back(at_s: int, *, delays: bool, interrupts: bool) -> None:
    """A worker's lease lasts 10 s; service is whole within 30 s, however long the outage was."""
    faults = Faults([Fault("kill", 10 * S, 11 * S)])

    assert faults.delays(at_s * S, at_s * S) is delays
    assert faults.interrupts(at_s * S, at_s * S) is interrupts


def test_a_time_is_told_by_its_nearest_fault() -> None:
    """Before the first, into one, after the last that began."""
    faults = Faults([Fault("kill", 10 * S, 20 * S)])

    assert faults.near(9 * S) == "1.000 s before kill"
    assert faults.near(11 * S) == "1.000 s into kill"
    assert faults.near(21 * S) == "1.000 s after kill"
    assert Faults(()).near(5) == ""
