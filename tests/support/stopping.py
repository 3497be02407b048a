"""Stopping a process so that it hangs, as a sick one would."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.support.polling import wait_for

_PATIENCE_S = 10.0


def halt(pid: int) -> None:
    """Stop every thread of a process, and return when none runs any more.

    The signal alone is only a request: a thread that is in the kernel, or on another core, goes on
    for a moment, and may still answer what is asked meanwhile.
    """
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: _states(pid) == {"T"}, f"process {pid} is stopped", _PATIENCE_S)


def _states(pid: int) -> set[str]:
    states = set()
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends meanwhile
            states.add(stat.read_text().rpartition(")")[2].split()[0])
    return states
