"""CPU seconds by process, from /proc: they hold on a noisy machine better than rates do."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Spent(msgspec.Struct):
    """What a stretch of time took: seconds, and CPU seconds of each process and of the generator."""

    seconds: float = 0.0
    processes: dict[str, float] = {}
    generator: float = 0.0


@contextmanager
def metered(processes: Mapping[str, int]) -> Iterator[Spent]:
    """Fill what is given when the block ends; the generator is this process and the children that end in the block."""
    spent = Spent()
    began, ours = time.monotonic(), _generator_s()
    before = {name: tree_s(pid) for name, pid in processes.items()}
    yield spent
    spent.seconds = time.monotonic() - began
    spent.generator = _generator_s() - ours
    spent.processes = {name: tree_s(pid) - before[name] for name, pid in processes.items()}


def tree_s(pid: int) -> float:
    """Give the CPU seconds that a process and its children have used so far."""
    return own_s(pid) + sum(tree_s(child) for child in children(pid))


def own_s(pid: int) -> float:
    """Give the CPU seconds of one process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def children(pid: int) -> list[int]:
    """List the processes that a process has started, from any of its threads."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return sorted({int(child) for file in files for child in file.read_text("utf-8").split()})


def memory_mb(pid: int) -> float:
    """Give the resident memory of one process."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def _generator_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
