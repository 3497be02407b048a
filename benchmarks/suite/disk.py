"""The disk under a folder: what it is, how fast it syncs, and that it is one."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.suite.cell import VoidError

IN_MEMORY: Final = {"tmpfs", "ramfs", "devtmpfs", "rootfs"}
_SYNCS_S: Final = 1.0
_BLOCK: Final = b"\0" * 4096


class Mount(NamedTuple):
    """Where a filesystem hangs, its type and its device."""

    point: str
    kind: str
    device: str


def mount_of(folder: Path, mountinfo: str) -> Mount:
    """Find the mount that a folder lies on in the text of /proc/self/mountinfo."""
    path = folder.resolve()
    found = Mount("", "", "")
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4].encode().decode("unicode_escape")  # a space is written \040
        kind, device = after.split()[:2]
        if path.is_relative_to(point) and len(point) >= len(found.point):
            found = Mount(point, kind, device)
    return found


def refuse_memory(folder: Path, mountinfo: str) -> Mount:
    """Give the mount of a folder that a write reaches the disk from.

    Raises:
        VoidError: it lies in memory, where a sync costs nothing.
    """
    mount = mount_of(folder, mountinfo)
    if mount.kind in IN_MEMORY:
        raise VoidError(f"{folder} lies on {mount.kind}: a durable write would be measured without its disk")
    return mount


def mountinfo() -> str:
    """Read what is mounted."""
    return Path("/proc/self/mountinfo").read_text("utf-8")


def syncs_a_second(folder: Path) -> float:
    """Write blocks of 4 KiB to the end of a file for a second, each synced before the next."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < _SYNCS_S:
            os.write(file.fileno(), _BLOCK)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.perf_counter() - began)
