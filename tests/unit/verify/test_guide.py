"""docs/verify.md is what a user records by."""

from __future__ import annotations

import re
from pathlib import Path

from parley.verify.checks import CHECKS
from parley.verify.verdict import verify

GUIDE = (Path(__file__).parents[3] / "docs" / "verify.md").read_text("utf-8")


def test_the_example_of_a_recording_can_be_read(tmp_path: Path) -> None:
    """Its manifest and its lines, as they stand there."""
    manifest, lines = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "manifest.json").write_text(manifest)
    (tmp_path / "clients.jsonl").write_text(lines)

    verdict = verify(tmp_path)

    assert verdict.totals is not None
    assert verdict.totals.acknowledged == {"queued": 1}
    assert [reason for reason in verdict.reasons if ".jsonl" in reason or "manifest.json" in reason] == []


def test_every_check_is_told() -> None:
    """By its name, with its rule."""
    table = GUIDE.partition("## What is checked")[2]

    assert [name for name in CHECKS if f"| {name} |" not in table] == []
