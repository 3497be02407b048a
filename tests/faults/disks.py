"""A small disk: a file system in memory that is soon full. It needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.engines.process import program
from tests.support.missing import lacking

_BALLAST: Final = "ballast"
_CHUNK: Final = b"\0" * (1 << 16)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Have a folder be a disk of its own inside."""
    if os.geteuid() != 0:
        lacking("only root may mount a small disk")
    folder.mkdir(parents=True, exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m"]
    subprocess.run([program("mount", "mount"), *options, "parley-faults", folder], check=True)
    try:
        yield
    finally:
        subprocess.run([program("umount", "mount"), "--lazy", folder], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Have nothing fit on the folder's disk inside."""
    ballast = folder / _BALLAST
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(_CHUNK):
                pass
        except OSError:
            pass  # that is what full means
    try:
        yield
    finally:
        ballast.unlink()
