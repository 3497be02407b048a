"""Which state of the tree is measured."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]


class Commit(NamedTuple):
    """A commit, and whether the tree has changes on top of it."""

    id: str
    dirty: bool


def present_commit(root: Path = ROOT) -> Commit:
    """Ask git; files that git does not know do not count."""
    return Commit(_git(root, "rev-parse", "HEAD"), bool(_git(root, "status", "--porcelain", "--untracked-files=no")))


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
