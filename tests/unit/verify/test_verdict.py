"""What makes a recording valid, invalid or unknown."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from parley.verify.checks.gaps import find_gaps
from parley.verify.findings import Finding
from parley.verify.history import Event
from parley.verify.index import Index
from tests.support.histories.broken import BROKEN
from tests.support.histories.clean import quiet, through_faults
from tests.support.histories.judging import judge
from tests.support.histories.script import History, Script, row
from tests.unit.verify.one_chat import ended


def expecting(history: History, **expected: object) -> History:
    """Expect something else."""
    history.manifest = msgspec.structs.replace(history.manifest, **expected)
    return history


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (expecting(quiet(), min_acknowledged=11), "10 writes were acknowledged, and 11 are the least"),
        (expecting(through_faults(), min_met=8), "7 operations met a fault, and 8 are the least"),
        (expecting(quiet(), drained=False), "not everything was stored and indexed before the final phase read"),
    ],
)
def test_too_little_proof_is_unknown(history: History, reason: str) -> None:
    """A test that could not have failed has not passed."""
    verdict = judge(history)

    assert verdict.state == "unknown"
    assert verdict.reasons == [reason]


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("singles of a/1", "application a, chat 1: the final phase did not read singles"),
        ("index of a/1", "application a, chat 1: the final phase did not read index"),
        ("sql of a/0", "application a, its chats: the final phase did not read sql"),
    ],
)
def test_a_missing_final_reading_is_unknown(missing: str, reason: str) -> None:
    """Whether it was not made, or not answered."""
    history = quiet()
    place = history.named[missing]

    removed = history.changed(lambda event: None if (event.p, event.i) == place else event)
    unanswered = history.changed(lambda event: None if (event.p, event.i, event.t) == (*place, "ok") else event)

    for each in (removed, unanswered):
        verdict = judge(each)
        assert verdict.state == "unknown"
        assert verdict.reasons == [reason]


def test_a_final_reading_of_which_a_part_failed_proves_nothing(script: Script) -> None:
    """What it lacks is not lost; and it is whole if the part is tried again."""
    for number, value in enumerate("xy", start=1):
        script.do(1, "post", app="a", chat=1, v=(value,), n=number)
    ended(script, (1, "x"), (2, "y"))
    place = script.named["singles of a/1"]
    script.events[:] = [event for event in script.events if (event.p, event.i) != place]
    script.ask(20, "final", svc="singles", app="a", chat=1).ok(rows=(row(1, "x"),))
    script.ask(20, "final", svc="singles", app="a", chat=1).fail(http=503)
    failed = judge(script.history(min_acknowledged=0))
    script.ask(20, "final", svc="singles", app="a", chat=1).ok(rows=(row(2, "y"),))
    again = judge(script.history(min_acknowledged=0))

    assert (failed.state, failed.findings) == ("unknown", [])
    assert failed.reasons == ["application a, chat 1: the final phase did not read singles"]
    assert again.state == "valid"


def test_a_finding_weighs_more_than_too_little_proof() -> None:
    """What is broken is broken, however little was tried."""
    verdict = judge(expecting(BROKEN["phantom"].history, min_acknowledged=1_000))

    assert verdict.state == "invalid"
    assert verdict.reasons


def test_a_damaged_recording_proves_no_finding_either() -> None:
    """It is unknown, with what was found beside."""
    lost = BROKEN["phantom"].history
    damaged = lost.changed(lambda event: _late(event) if event.f == "count" and event.t == "ok" else event)

    verdict = judge(damaged)

    assert verdict.state == "unknown"
    assert [finding.check for finding in verdict.findings] == ["phantom"]


def _late(event: Event) -> Event:
    return msgspec.structs.replace(event, ns=1)


def test_a_check_that_crashes_is_unknown_with_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other checks run on, and nothing is swallowed."""

    def crash(index: Index) -> Iterator[Finding]:
        raise ZeroDivisionError(index.manifest.title)

    monkeypatch.setattr("parley.verify.verdict.PASSES", ((("order",), crash), (("gaps",), find_gaps)))

    verdict = judge(quiet())

    assert verdict.state == "unknown"
    assert verdict.reasons[0].startswith("the check order crashed:\nTraceback")
    assert "ZeroDivisionError" in verdict.reasons[0]
    assert verdict.checks == {"gaps": 0}


def test_an_index_that_crashes_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then no check can run."""

    def crash(_: object) -> Index:
        raise ZeroDivisionError

    monkeypatch.setattr("parley.verify.verdict.Index", crash)

    verdict = judge(quiet())

    assert verdict.state == "unknown"
    assert "ZeroDivisionError" in verdict.reasons[0]
    assert verdict.checks == {}


def test_a_verdict_says_how_much_was_tried() -> None:
    """Writes by level, unknown ones, refused ones, and what met a fault."""
    totals = judge(through_faults()).totals

    assert totals is not None
    assert totals.acknowledged == {"queued": 4, "stored": 1}
    assert (totals.unknown, totals.refused, totals.met) == (5, 1, 7)
