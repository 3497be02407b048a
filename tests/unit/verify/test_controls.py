"""The checker is checked: what is broken is named, by its check alone, and what is clean is not."""

from __future__ import annotations

import pytest

from parley.verify.checks import CHECKS
from tests.support.histories.broken import BROKEN
from tests.support.histories.clean import CLEAN
from tests.support.histories.judging import judge


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_history_is_named_by_its_check_alone(name: str) -> None:
    """With a sentence, and with the operations that prove it."""
    check, history = BROKEN[name]

    verdict = judge(history)

    assert verdict.state == "invalid"
    assert {finding.check for finding in verdict.findings} == {check}
    assert all(finding.what and finding.where and finding.operations for finding in verdict.findings)
    assert verdict.reasons == []


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_history_is_valid(name: str) -> None:
    """Unknown outcomes, retries, deletions, edits, degraded answers and a voided grant are no findings."""
    verdict = judge(CLEAN[name]())

    assert verdict.findings == []
    assert verdict.reasons == []
    assert verdict.state == "valid"


def test_every_check_has_a_broken_history() -> None:
    """Sixteen of them, and all thirteen checks."""
    assert len(BROKEN) == 16
    assert {check for check, _ in BROKEN.values()} == set(CHECKS)
    assert len(CLEAN) == 3
