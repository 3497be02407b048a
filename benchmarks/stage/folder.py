"""A folder on the disk of this checkout that goes away with what was measured in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.suite.commit import ROOT
from benchmarks.suite.disk import mountinfo, refuse_memory

BENCH = ROOT / ".bench"


@contextmanager
def work_folder() -> Iterator[Path]:
    """Give an empty folder; its name is short, because a socket's path in it may have 90 characters.

    Raises:
        VoidError: the checkout lies in memory.
    """
    BENCH.mkdir(exist_ok=True)
    refuse_memory(BENCH, mountinfo())
    with tempfile.TemporaryDirectory(prefix="w-", dir=BENCH) as name:
        yield Path(name)
