"""Has a made-up recording judged as a user's own: from a folder."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from parley.verify.verdict import Verdict, verify
from tests.support.histories.script import History


def judge(history: History) -> Verdict:
    """Write it to a folder that is gone afterwards, and check that."""
    with TemporaryDirectory() as folder:
        return verify(history.write(Path(folder)))


def found(history: History) -> list[str]:
    """Give the checks that found something, each once for each finding."""
    return [finding.check for finding in judge(history).findings]
