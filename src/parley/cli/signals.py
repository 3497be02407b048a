"""Ends a long command in good order, whoever ends it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def end_in_order() -> None:
    """From now on clean up after SIGTERM and SIGHUP as after Ctrl-C, except where they are ignored, as under nohup."""
    for end in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(end) is not signal.SIG_IGN:
            signal.signal(end, _as_interrupt)


def _as_interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's form
    signal.raise_signal(signal.SIGINT)
