"""How a long command shows where it is."""

from __future__ import annotations

import io

import pytest

from parley.cli.importing.tally import Tally, summary
from parley.cli.progress import Meter


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        """Give the present."""
        return self.now


class Terminal(io.StringIO):
    """A screen."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_meter_writes_a_line_now_and_then_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """At most every two seconds, with rate and time left of this run's own work."""
    clock = Clock()

    with Meter("lines", 10_000, clock) as meter:
        for second in range(5):
            clock.now = second
            meter.show(5_000 + 500 * second, 500 * second)

    assert capsys.readouterr().err.splitlines() == [
        "parley: 6,000 of 10,000 lines, 500/s, 8 s left",
        "parley: 7,000 of 10,000 lines, 500/s, 6 s left",
    ]


def test_meter_forgets_how_slow_it_was_long_ago(capsys: pytest.CaptureFixture[str]) -> None:
    """The time left is told by the last seconds, not by an outage in the beginning."""
    clock = Clock()

    with Meter("lines", 2_000, clock) as meter:
        clock.now = 100.0
        meter.show(0, 0)
        for second in range(1, 21):
            clock.now = 100.0 + second
            meter.show(50 * second, 50 * second)

    assert capsys.readouterr().err.splitlines()[-1] == "parley: 1,000 of 2,000 lines, 50/s, 20 s left"


def test_meter_says_what_it_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is away is named; an unknown total has no end."""
    clock = Clock()

    with Meter("messages", None, clock) as meter:
        clock.now = 2.0
        meter.show(0, 0, "connection refused")

    assert capsys.readouterr().err == "parley: 0 messages, 0/s, trying again: connection refused\n"


def test_meter_draws_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same words beside it; what looks like markup is shown as it is."""
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    clock = Clock()

    with Meter("lines", 100, clock) as meter:
        clock.now = 1.0
        meter.show(50, 50, "[red]busy")

    assert "50/100" in screen.getvalue()
    assert "50/s, 1 s left, trying again: [red]busy" in screen.getvalue()


def test_summary_rate_counts_only_what_was_sent() -> None:
    """Records that the journal skipped took no time."""
    table = summary(Tally(created=80, replayed=10, rejected=10, skipped=900), seconds=2, retries=3)

    cells = dict(zip(*(list(column.cells) for column in table.columns[:2]), strict=True))
    assert (cells["records"], cells["rate"], cells["retries"]) == ("1,000", "50", "3")
