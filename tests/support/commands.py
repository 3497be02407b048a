"""Runs ``parley`` commands to their end and looks at what they touched."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.server import parley_command


def run_parley(
    *arguments: str | Path, env: Mapping[str, str] | None = None, before: Sequence[str] = (), timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run one command, as an argument of ``before`` if given; ``PARLEY_*`` of the surroundings is not passed on."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    return subprocess.run(
        [*before, *parley_command(), *map(str, arguments)],
        env={**outside, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Give the one line with which a command refused; anything else fails the test."""
    assert done.returncode != 0, done
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, f"not one line: {done}"
    return lines[0]


def check_is_clean(data_dir: Path) -> None:
    """Run ``parley check`` on a folder that no process owns; a difference fails the test."""
    done = run_parley("check", "--data-dir", data_dir, timeout_s=180)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def digests(folder: Path) -> dict[str, str]:
    """Give the digest of every file below a folder by its path; empty if there is none.

    Without the owner's lock and what SQLite leaves that holds no data: shared memory, an empty log.
    """
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.name.endswith((".lock", "-shm"))
        and (path.stat().st_size or "-wal" not in path.name)
    }
