"""When requests are due, in a closed and in an open loop."""

from __future__ import annotations

from parley.cli.benching.pace import GRACE_S, Ceiling, Pace, Steady


def taken(pace: Pace, now: float) -> list[float]:
    """Take all that is due."""
    due = list[float]()
    while (time := pace.take(now)) is not None:
        due.append(time)
    return due


def test_steady_requests_are_due_at_the_rate_however_late_one_looks() -> None:
    """Each keeps its own time, so that one stall shows in every request that came into it."""
    pace = Steady(began=100.0, seconds=1, rate=10)

    at_once = taken(pace, 100.0)
    after_a_stall = taken(pace, 100.55)

    assert at_once == [100.0]
    assert [round(due, 6) for due in after_a_stall] == [100.1, 100.2, 100.3, 100.4, 100.5]


def test_steady_offers_rate_times_seconds_and_is_then_over() -> None:
    """Whatever the time."""
    pace = Steady(began=0.0, seconds=2, rate=10)

    assert len(taken(pace, 1.999)) == 20
    assert [pace.is_over(now) for now in (1.999, 2.0)] == [False, True]
    assert taken(pace, 3.0) == []
    assert pace.unsent(3.0) == 0


def test_steady_counts_what_was_due_and_never_sent() -> None:
    """After the grace nothing more is sent: a run ends, and says what it did not do."""
    pace = Steady(began=0.0, seconds=2, rate=10)
    sent = [pace.take(1.0) for _ in range(5)]

    assert None not in sent
    assert not pace.is_over(2 + GRACE_S - 0.01)
    assert pace.is_over(2 + GRACE_S)
    assert taken(pace, 2 + GRACE_S) == []
    assert pace.unsent(2 + GRACE_S) == 15


def test_slow_steady_load_sends_at_least_one() -> None:
    """A rate below one in all the time is still a request."""
    assert taken(Steady(began=0.0, seconds=1, rate=0.3), 0.5) == [0.0]


def test_ceiling_is_due_now_until_the_time_is_up() -> None:
    """Nothing is owed to a closed loop."""
    pace = Ceiling(began=5.0, seconds=2)

    assert [pace.take(now) for now in (5.0, 6.0, 6.999, 7.0)] == [5.0, 6.0, 6.999, None]
    assert [pace.is_over(now) for now in (6.999, 7.0)] == [False, True]
    assert pace.unsent(8.0) == 0
