"""Sizes of the embedded files and of the room that is left for them, read when somebody scrapes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from parley.telemetry.metrics import Metrics


def watch_files(metrics: Metrics, folder: Path, files: Mapping[str, Path]) -> None:
    """Expose each file and its write-ahead log by name, and the bytes free in ``folder``."""
    for name, path in files.items():
        metrics.file_bytes.child(name).watch(_size(path))
        metrics.file_bytes.child(f"{name}_wal").watch(_size(path.with_name(f"{path.name}-wal")))
    metrics.free_bytes.watch(lambda: free_bytes(folder))


def free_bytes(folder: Path) -> int:
    """Give the bytes that this user may still write in a folder; 0 if it cannot be looked at."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return 0
    return disk.f_bavail * disk.f_frsize


def _size(path: Path) -> Callable[[], int]:
    def size() -> int:
        try:
            return path.stat().st_size
        except OSError:
            return 0

    return size
