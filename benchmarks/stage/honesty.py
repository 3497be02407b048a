"""What is stored against what was answered: after every round, or the figure is dropped."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Final

from benchmarks.suite.cell import WrongError
from benchmarks.suite.sample import Sample
from benchmarks.suite.wrk import CONNECTIONS
from tests.support.polling import wait_for

PROBES: Final = 2
"""At most so many run beside a load, each with one request on the way when they are stopped."""
_LOOKS: Final = 4


def expect_rows(stored: int, *acknowledged: Sample | int, beside: int = 0) -> None:
    """Compare what is stored with what was answered 201, by the runs since the last look and by probes beside them.

    A closed loop hangs up with a request on the way on each connection, and each of those may be stored or not.

    Raises:
        WrongError: an acknowledged message is missing, or more are stored than were sent.
    """
    runs = [run for run in acknowledged if not isinstance(run, int)]
    answered = sum(run for run in acknowledged if isinstance(run, int))
    answered += sum((run.answered - run.errors) * run.units for run in runs)
    on_the_way = sum(CONNECTIONS * run.units for run in runs if not run.offered)
    least, most = answered + max(0, beside - PROBES), answered + on_the_way + beside
    if not least <= stored <= most:
        raise WrongError(f"{stored:,} messages are stored, {least:,} were answered 201, at most {most:,} were sent")


def still(count: Callable[[], int]) -> int:
    """Give a count once it stands: what a load hung up on is not at once where it is counted."""
    seen = [count()]

    def stands() -> bool:
        seen.append(count())
        return len(seen) >= _LOOKS and len(set(seen[-_LOOKS:])) == 1

    wait_for(stands, "what was sent is written", every_s=0.1)
    return seen[-1]


def check(done: subprocess.CompletedProcess[str]) -> None:
    """Judge what ``parley check`` said.

    Raises:
        WrongError: it found a difference, or could not look.
    """
    if done.returncode:
        raise WrongError(f"parley check ended with {done.returncode}: {done.stdout}{done.stderr}")
