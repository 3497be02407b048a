"""How far a long command is: a bar on a terminal, now and then a line anywhere else."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from rich.progress import Progress

_LINE_EVERY_S = 2.0
_RATE_OVER_S = 15.0


class Meter:
    """Shows a count on stderr, with its rate and, where the total is known, the time left."""

    def __init__(self, what: str, total: int | None, clock: Callable[[], float]) -> None:
        """Take what is counted, in the plural, and a clock that never goes back."""
        self._what = what
        self._total = total
        self._clock = clock
        self._started_at = clock()
        self._shown_at = self._started_at
        self._lately = deque([(self._started_at, 0)])
        self._bar: Progress | None = open_bar() if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._bar is not None:
            self._bar.add_task("", total=self._total, text="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last state on the screen."""
        if self._bar is not None:
            self._bar.stop()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started_at

    def show(self, done: int, moved: int, trouble: str | None = None, total: int | None = None) -> None:
        """Show ``done``, of a ``total`` that may be known by now; ``moved`` of them took this run's time: the rate."""
        self._total = self._total if total is None else total
        self._lately.append((self._clock(), moved))
        while len(self._lately) > 2 and self._clock() - self._lately[0][0] > _RATE_OVER_S:  # noqa: PLR2004 - a rate has two ends
            self._lately.popleft()
        if self._bar is not None:
            bar = self._bar.task_ids[0]
            self._bar.update(bar, total=self._total, completed=done, text=self._text(done, trouble), refresh=True)
        elif self._clock() - self._shown_at >= _LINE_EVERY_S:
            self._shown_at = self._clock()
            of = "" if self._total is None else f" of {self._total:,}"
            sys.stderr.write(f"parley: {done:,}{of} {self._what}, {self._text(done, trouble)}\n")

    def _text(self, done: int, trouble: str | None) -> str:
        (began_at, before), (ended_at, moved) = self._lately[0], self._lately[-1]
        rate = (moved - before) / max(ended_at - began_at, 0.001)
        parts = [f"{rate:,.0f}/s"]
        if self._total is not None and rate:
            parts.append(f"{max(self._total - done, 0) / rate:,.0f} s left")
        if trouble is not None:
            parts.append(f"trying again: {trouble}")
        return ", ".join(parts)


def open_bar() -> Progress:
    """Give a bar on stderr that draws itself when it is told to; each of its tasks has a ``text``."""
    from rich.console import Console  # noqa: PLC0415 - not needed off a terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[text]}", markup=False))
    return Progress(*columns, console=Console(stderr=True), auto_refresh=False)
