"""What the tests fetch once a machine, under the user's cache: the programs of servers that are not installed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.missing import lacking

_UNPACK = Path(__file__).parents[3] / "scripts" / "unpack-package.sh"


def cached(name: str, fetching: Callable[[Path], Sequence[str]]) -> Path:
    """Give the folder of that name; the first call on a machine runs the command that fills a folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "parley-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / name
    with (cache / f"{name}.lock").open("w") as lock:  # test processes that start together fetch once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder, fetching)
    return folder


def unpacked(program: str, package: str, release: str) -> list[str]:
    """Give the beginning of a command that runs a program of another Debian release.

    Its own loader and libraries run it, because this machine's may be older.
    """
    root = cached(f"{package}-{release}", lambda folder: [str(_UNPACK), release, package, str(folder)])
    (loader,) = root.glob("usr/lib/*/ld-linux-*.so.*")
    (found,) = root.glob(program)
    return [str(loader), "--library-path", str(loader.parent), str(found)]


def _fetch(folder: Path, fetching: Callable[[Path], Sequence[str]]) -> None:
    """Fetch beside the folder and rename: what is there is complete."""
    partial = Path(tempfile.mkdtemp(prefix="fetching-", dir=folder.parent))
    try:
        done = subprocess.run(fetching(partial), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            lacking(f"{folder.name} could not be fetched:\n{done.stdout.decode('utf-8', 'replace')[-2000:]}")
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
