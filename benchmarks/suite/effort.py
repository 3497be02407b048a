"""How much is measured: all of it, a look in three minutes, or a trial that proves that a cell works."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Literal, NamedTuple

Kind = Literal["full", "quick", "trial"]


class Effort(NamedTuple):
    """Rounds, seconds and sizes; whoever measures asks for them with `effort`."""

    kind: Kind
    rounds: int
    closed_s: int
    """Seconds of a closed loop, which finds a ceiling."""
    open_s: int
    """Seconds at an offered rate, which finds percentiles."""
    long_s: int
    """Seconds of what must hold for a while: everything on, lags."""
    backlog: int
    corpus: int
    """Messages that are searched."""


FULL = Effort("full", rounds=5, closed_s=3, open_s=3, long_s=60, backlog=500_000, corpus=1_000_000)
QUICK = Effort("quick", rounds=2, closed_s=2, open_s=2, long_s=5, backlog=50_000, corpus=20_000)


def trial(rounds: int, seconds: int) -> Effort:
    """Give an effort whose results stay out of every report."""
    return Effort("trial", rounds, seconds, seconds, seconds, backlog=5_000, corpus=5_000)


CHOSEN: ContextVar[Effort] = ContextVar("CHOSEN", default=FULL)


def effort() -> Effort:
    """Give the effort of this run."""
    return CHOSEN.get()
