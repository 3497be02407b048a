"""The pauses between a death and the next start."""

from __future__ import annotations

from parley.cli.processes.backoff import LONGEST_S, SETTLED_S, Backoff


def test_slot_waits_twice_as_long_after_each_death_in_a_row() -> None:
    """From a tenth of a second up to half a minute."""
    backoff = Backoff(lambda: 1.0)

    pauses = [backoff.died(1) for _ in range(40)]

    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[8:10] == [25.6, LONGEST_S]
    assert pauses[-1] == LONGEST_S
    assert backoff.in_a_row == 40


def test_slots_do_not_start_in_step() -> None:
    """The jitter takes away up to half of the pause, never more."""
    assert Backoff(lambda: 0.0).died(0) == 0.05
    assert Backoff(lambda: 0.99).died(0) < 0.1


def test_slot_begins_anew_when_a_process_had_settled() -> None:
    """A minute of life says that this death has another reason."""
    backoff = Backoff(lambda: 1.0)
    for _ in range(5):
        backoff.died(SETTLED_S - 0.1)

    pause_s = backoff.died(SETTLED_S)

    assert (pause_s, backoff.in_a_row) == (0.1, 1)
