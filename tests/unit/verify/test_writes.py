"""Checks of what was written: lost, duplicate, reused, order, gaps."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.histories.broken import finals, with_row, without
from tests.support.histories.clean import NUMBERING, rich
from tests.support.histories.judging import found, judge
from tests.support.histories.script import Script, row
from tests.unit.verify.one_chat import ended


@pytest.mark.parametrize("source", ["pages", "singles", "sql", "index"])
def test_lost_names_the_source_that_lacks_a_number(source: str) -> None:
    """Each final reading must have it by itself."""
    history = finals(lambda event: msgspec.structs.replace(without(4)(event), count=event.count), source)

    findings = [finding for finding in judge(history).findings if finding.check == "lost"]

    assert [finding.number for finding in findings] == [4]
    assert f"is not in {source}; it is in" in findings[0].what
    assert findings[0].value == "three"


@pytest.mark.parametrize("source", ["sql", "index"])
def test_what_is_not_drained_may_be_missing_from_the_followers(source: str) -> None:
    """Then nothing is proven, but nothing is lost either."""
    history = finals(without(1001), source)
    history.manifest = msgspec.structs.replace(history.manifest, drained=False)

    verdict = judge(history)

    assert verdict.findings == []
    assert verdict.state == "unknown"


def test_lost_chats_are_found_like_messages() -> None:
    """An application's chats are a scope of numbers, too."""
    history = finals(without(1), "pages", "sql", scope="a/0")

    assert set(found(history)) == {"lost", "gaps"}


def test_a_dead_letter_is_not_stored_and_says_so(script: Script) -> None:
    """It is explained, so no gap; it is not readable, so lost."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "post", app="a", chat=1, v=("y",), n=2)

    verdict = judge(ended(script, (2, "y"), letters=(1,)))

    assert [finding.check for finding in verdict.findings] == ["lost"]
    assert "it is a dead letter" in verdict.findings[0].what


def test_final_readings_that_differ_are_found() -> None:
    """Also where nobody was promised the message: it is there, or it is not."""
    missing = finals(lambda event: msgspec.structs.replace(without(6)(event), count=event.count), "singles")

    assert "lost" in found(missing)


def test_an_altered_final_row_is_found() -> None:
    """Its digest is none that was written to that number."""
    altered = msgspec.structs.replace(row(9, "nine"), sha="0" * 16)
    history = finals(lambda event: with_row(altered)(without(9)(event)), "singles")

    assert set(found(history)) == {"lost", "reused"}


def test_a_source_that_does_not_know_texts_is_compared_by_number() -> None:
    """An index holds folded texts: it leaves value and digest empty."""
    history = finals(
        lambda event: msgspec.structs.replace(
            event, rows=tuple(msgspec.structs.replace(each, value="", sha="") for each in event.rows)
        ),
        "index",
    )

    assert judge(history).state == "valid"


def test_a_key_under_two_numbers_is_a_duplicate() -> None:
    """Two writes with one key are one write to the service."""
    history = rich().asked("a keyed post", key="k1")

    assert found(history) == ["duplicate"]


def test_a_retry_that_is_told_another_number_is_a_duplicate(script: Script) -> None:
    """Even if only one of them is there in the end."""
    first = script.do(1, "post", app="a", chat=1, v=("x",), key="k", n=1)
    script.do(1, "post", app="a", chat=1, v=("x",), key="k", of=first.place, n=2)

    assert "duplicate" in found(ended(script, (1, "x"), gaps=((2, 2),)))


def test_a_bulk_that_is_not_consecutive_is_a_duplicate(script: Script) -> None:
    """Each of its values tells where the first one is."""
    script.do(1, "post", app="a", chat=1, v=("x", "y"), n=1)

    assert "duplicate" in found(ended(script, (1, "x"), (3, "y"), gaps=((2, 2),)))


def test_what_was_lost_below_the_promise_may_come_again_under_a_new_number(script: Script) -> None:
    """A retry of what a flush took with it is a new write."""
    lost = script.ask(1, "post", app="a", chat=1, v=("x",), key="k").info()
    script.do(2, "post", app="a", chat=1, v=("y",), n=2, level="relaxed")
    script.do(2, "get", app="a", chat=1, n=1, rows=(row(1, "x"),))
    script.do(3, "post", app="a", chat=1, v=("x",), key="k", of=lost.place, n=1001)
    script.do(2, "get", app="a", chat=1, n=1, rows=())

    verdict = judge(ended(script, (1001, "x"), gaps=((1, 1000),)))

    assert verdict.findings == []
    assert verdict.totals is not None
    assert (verdict.totals.below, verdict.totals.below_lost) == (1, 1)


def test_the_number_that_was_promised_is_a_writes_number(script: Script) -> None:
    """An earlier answer below the promise told one that was lost."""
    lost = script.do(1, "post", app="a", chat=1, v=("x",), key="k", n=1, level="relaxed")
    script.do(3, "post", app="a", chat=1, v=("x",), key="k", of=lost.place, n=1001)

    assert found(ended(script, (1001, "x"), gaps=((1, 1000),))) == []


def test_two_acknowledgements_with_one_number_are_reuse(script: Script) -> None:
    """Whether anybody ever read it or not."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "post", app="a", chat=1, v=("y",), n=1)

    assert "reused" in found(ended(script, (1, "x")))


def test_order_is_not_judged_while_an_answer_is_degraded(script: Script) -> None:
    """Exactly the pairs with a marked answer are left out."""
    script.fault("kill log", "fault_on")
    script.do(1, "post", app="a", chat=1, v=("x",), n=1001, degraded=NUMBERING)
    script.do(1, "post", app="a", chat=1, v=("y",), n=2)
    script.do(1, "post", app="a", chat=1, v=("z",), n=1)

    verdict = judge(ended(script, (1, "z"), (2, "y"), (1001, "x"), gaps=((3, 1000),)))

    assert [(finding.check, finding.number) for finding in verdict.findings] == [("order", 1)]


def test_order_takes_a_retry_for_a_part_of_its_write(script: Script) -> None:
    """The number was given at the first try, before the other write began."""
    first = script.ask(1, "post", app="a", chat=1, v=("x",), key="k").info()
    script.do(2, "post", app="a", chat=1, v=("y",), n=2)
    script.do(3, "post", app="a", chat=1, v=("x",), key="k", of=first.place, n=1, replayed=True)

    assert found(ended(script, (1, "x"), (2, "y"))) == []


def test_order_holds_for_the_last_number_of_a_bulk(script: Script) -> None:
    """A write after a bulk is above all of it."""
    script.do(1, "post", app="a", chat=1, v=("x", "y", "z"), n=1)
    script.do(1, "post", app="a", chat=1, v=("w",), n=3)

    assert "order" in found(ended(script, (1, "x"), (2, "y"), (3, "z")))


@pytest.mark.parametrize(
    ("gaps", "what"),
    [
        (((2, 3), (5, 7)), []),
        (((2, 2), (5, 7)), ["number 3 is no row"]),
        ((), ["numbers 2..3 are no row", "numbers 5..7 are no row"]),
        (((1, 3), (5, 7)), ["the gap ledger's range 1..3 covers number 1"]),
        (((2, 3), (5, 7), (9, 1000)), []),
    ],
)
def test_gaps_are_ranges_that_nothing_explains(
    script: Script, gaps: tuple[tuple[int, int], ...], what: list[str]
) -> None:
    """Rows and the ledger together are 1 to the last; the ledger may go on above it."""
    findings = judge(ended(three_far_apart(script), (1, "x"), (4, "y"), (8, "z"), gaps=gaps)).findings

    assert len(findings) == len(what)
    assert all(finding.check == "gaps" for finding in findings)
    assert all(finding.what.startswith(start) for finding, start in zip(findings, what, strict=True))


def test_tombstones_and_letters_explain_their_numbers(script: Script) -> None:
    """As the ledger does."""
    rows = ((1, "x"), (4, "y"), (8, "z"))

    assert found(ended(three_far_apart(script), *rows, gaps=((2, 3), (5, 5)), letters=(6,), tombstones=(7,))) == []


def three_far_apart(script: Script) -> Script:
    """Acknowledge numbers 1, 4 and 8."""
    for number, value in ((1, "x"), (4, "y"), (8, "z")):
        script.do(1, "post", app="a", chat=1, v=(value,), n=number)
    return script


def test_a_deleted_chat_owes_nothing(script: Script) -> None:
    """Neither its messages, nor their numbers, nor final readings of it."""
    script.do(1, "create_chat", app="a", v=("other",), n=2)
    script.do(1, "post", app="a", chat=1, v=("x",), n=5)
    script.ask(1, "delete_chat", app="a", chat=1).info()
    script.final(9, "a", 0, [row(2, "other")], tombstones=(1,))
    script.final(9, "a", 2, [])

    assert judge(script.history()).findings == []
