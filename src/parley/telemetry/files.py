"""Sizes of the embedded files and of the room that is left for them, read when somebody scrapes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from parley.telemetry.metrics import Metrics


def watch_files(metrics: Metrics, folder: Path, urls: Mapping[str, str]) -> None:
    """Expose each embedded file and its write-ahead log by name, and the bytes free in ``folder``."""
    for name, url in urls.items():
        path = file_behind(url)
        if path is None:
            continue
        metrics.file_bytes.child(name).watch(_size(path))
        metrics.file_bytes.child(f"{name}_wal").watch(_size(path.with_name(f"{path.name}-wal")))
    metrics.free_bytes.watch(lambda: free_bytes(folder))


def file_behind(url: str) -> Path | None:
    """Give the file of a ``sqlite:`` URL, ``None`` for a server's."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "sqlite" else None


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
