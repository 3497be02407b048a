"""Checks of what follows the writes: counts and search, and how late they are."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.histories.broken import finals, with_row, without
from tests.support.histories.clean import rich
from tests.support.histories.judging import found, judge
from tests.support.histories.script import History, Script, row
from tests.unit.verify.one_chat import ended


def counted(script: Script, after_ms: float, count: int) -> History:
    """Post three, delete one, maybe post a fourth, and count after a time."""
    for number, value in enumerate("xyz", start=1):
        script.do(1, "post", app="a", chat=1, v=(value,), n=number)
    script.do(1, "delete", app="a", chat=1, n=3)
    script.ask(2, "post", app="a", chat=1, v=("maybe",)).info()
    script.pass_ms(after_ms)
    script.do(1, "count", app="a", chat=1, count=count)
    return ended(script, (1, "x"), (2, "y"), tombstones=(3,))


@pytest.mark.parametrize("count", [2, 3])
def test_a_count_is_of_a_state_that_can_be(script: Script, count: int) -> None:
    """Without what was surely deleted; with or without what is unknown."""
    assert found(counted(script, 10_000, count)) == []


@pytest.mark.parametrize("count", [1, 4])
def test_a_count_that_no_state_has_is_found(script: Script, count: int) -> None:
    """Too few for what was acknowledged, or too many for all that was tried."""
    assert found(counted(script, 10_000, count)) == ["counts"]


@pytest.mark.parametrize("count", [0, 3, 4])
def test_a_count_may_be_late(script: Script, count: int) -> None:
    """By the lag that the manifest says."""
    assert found(counted(script, 100, count)) == []


def test_a_count_may_miss_a_deletion_where_a_fault_is_felt(script: Script) -> None:
    """As it may miss a create."""
    script.fault("kill worker", "fault_on")

    assert found(counted(script, 10_000, 4)) == []


def test_a_count_may_be_later_where_a_fault_is_felt(script: Script) -> None:
    """But it is never ahead of the writes."""
    script.fault("kill worker", "fault_on")
    script.fault("kill worker", "fault_off")

    verdict = judge(counted(script, 10_000, 0))

    assert verdict.findings == []
    assert verdict.count_lag_ms == pytest.approx(10_000, abs=100)


def test_a_count_is_never_ahead_of_the_writes(script: Script) -> None:
    """Whatever fault is felt."""
    script.fault("kill worker", "fault_on")

    assert found(counted(script, 100, 5)) == ["counts"]


def test_the_last_count_is_exact() -> None:
    """Asked for by itself, or read with the pages."""
    assert found(rich().answered("the last count", count=10)) == ["counts"]
    assert found(rich().answered("pages of a/1", count=10)) == ["counts"]
    assert found(rich().answered("pages of a/0", count=2)) == ["counts"]


def test_a_search_that_finds_another_message_is_wrong() -> None:
    """Every value is a unique word."""
    assert found(rich().answered("a search long after a deletion", rows=(row(5, "five"),))) == ["search"]


def test_a_search_that_finds_an_overwritten_text_is_wrong_after_the_lag(script: Script) -> None:
    """As one that finds a deleted message."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "edit", app="a", chat=1, n=1, v=("xx",))
    script.do(1, "search", app="a", chat=1, v=("x",), rows=(row(1, "x"),))
    script.pass_ms(3_000)
    late = script.do(1, "search", app="a", chat=1, v=("x",), rows=(row(1, "x"),))

    verdict = judge(ended(script, (1, "xx")))

    assert [(finding.check, finding.operations[0]) for finding in verdict.findings] == [("search", late.place)]


def test_a_search_may_find_what_is_deleted_where_a_fault_is_felt(script: Script) -> None:
    """Then the index may be later than its lag."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.fault("stop index", "fault_on")
    script.do(1, "delete", app="a", chat=1, n=1)
    script.fault("stop index", "fault_off")
    script.pass_ms(10_000)
    script.do(1, "search", app="a", chat=1, v=("x",), rows=(row(1, "x"),))

    assert found(ended(script, tombstones=(1,))) == []


def test_a_search_that_finds_nothing_in_the_end_is_wrong() -> None:
    """The message is live, and everything is indexed."""
    assert found(rich().answered("the last search", rows=())) == ["search"]


def test_a_forgotten_tombstone_in_the_index_is_found() -> None:
    """The index is as the rows, in both directions."""
    assert found(finals(with_row(row(2, "two")), "index")) == ["search"]
    assert found(finals(without(7), "index")) == ["search"]


def test_an_index_that_holds_an_old_text_is_found() -> None:
    """It has the number, but not what is there."""
    history = finals(lambda event: with_row(row(1, "uno"))(without(1)(event)), "index")

    assert found(history) == ["search"]


def test_stability_tells_found_missed_and_never_found_words_apart(script: Script) -> None:
    """And how long after the acknowledgement a word was found first."""
    for number, value in enumerate(("stable", "lost", "never"), start=1):
        script.do(1, "post", app="a", chat=1, v=(value,), n=number)
    script.pass_ms(500)
    for number, value in enumerate(("stable", "lost", "never"), start=1):
        for hits in {"stable": (0, 1, 1), "lost": (1, 0, 1), "never": (0, 0, 0)}[value]:
            script.do(1, "search", app="a", chat=1, v=(value,), rows=(row(number, value),) * hits)

    verdict = judge(ended(script, (1, "stable"), (2, "lost"), (3, "never")))

    assert [(finding.check, finding.value) for finding in verdict.findings] == [("search", "lost")]
    assert verdict.search is not None
    assert (verdict.search.stable, verdict.search.lost_after_seen, verdict.search.never_read) == (1, 1, 1)
    assert verdict.search.latency is not None
    assert verdict.search.latency.p50_ms == pytest.approx(508)


def test_a_word_that_was_deleted_is_not_lost(script: Script) -> None:
    """Searches after the deletion began prove nothing."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "search", app="a", chat=1, v=("x",), rows=(row(1, "x"),))
    script.do(1, "delete", app="a", chat=1, n=1)
    script.do(1, "search", app="a", chat=1, v=("x",), rows=())

    verdict = judge(ended(script, tombstones=(1,)))

    assert verdict.search is not None
    assert verdict.search == msgspec.structs.replace(verdict.search, stable=1, lost_after_seen=0, never_read=0)


@pytest.mark.parametrize(("after_s", "findings"), [(5, []), (20, ["search"])])
def test_a_word_that_was_found_may_be_missed_where_a_fault_is_felt(
    script: Script, after_s: int, findings: list[str]
) -> None:
    """As long as a takeover lasts, and no longer."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "search", app="a", chat=1, v=("x",), rows=(row(1, "x"),))
    script.fault("kill index", "fault_on")
    script.fault("kill index", "fault_off")
    script.pass_ms(after_s * 1_000)
    script.do(1, "search", app="a", chat=1, v=("x",), rows=())

    assert found(ended(script, (1, "x"))) == findings


def test_an_edits_word_that_was_found_stays(script: Script) -> None:
    """The edit that it overwrote is over, and takes nothing away."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "edit", app="a", chat=1, n=1, v=("xx",))
    script.do(1, "edit", app="a", chat=1, n=1, v=("xxx",))
    script.do(1, "search", app="a", chat=1, v=("xxx",), rows=(row(1, "xxx"),))
    script.do(1, "search", app="a", chat=1, v=("xxx",), rows=())

    assert found(ended(script, (1, "xxx"))) == ["search"]


def test_a_fault_excuses_a_late_hit_only_while_it_is_felt(script: Script) -> None:
    """One that was over long before the search excuses nothing, though it followed the deletion."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "delete", app="a", chat=1, n=1)
    script.fault("stop index", "fault_on")
    script.fault("stop index", "fault_off")
    script.pass_ms(20_000)
    script.do(1, "search", app="a", chat=1, v=("x",), rows=(row(1, "x"),))

    assert found(ended(script, tombstones=(1,))) == ["search"]


@pytest.mark.parametrize(
    ("word", "rows", "findings"),
    [
        ("x", (), []),
        ("xx", ((1, "xx"),), []),
        ("y", (), []),
        ("xx", (), ["search"]),
        ("x", ((1, "x"),), ["search"]),
        ("y", ((2, "y"),), ["search"]),
    ],
)
def test_in_the_end_a_search_finds_exactly_what_is_live(
    script: Script, word: str, rows: tuple[tuple[int, str], ...], findings: list[str]
) -> None:
    """An edited message by its new word alone, a deleted one not at all, and no fault is an excuse."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "post", app="a", chat=1, v=("y",), n=2)
    script.do(1, "edit", app="a", chat=1, n=1, v=("xx",))
    script.do(1, "delete", app="a", chat=1, n=2)
    script.fault("stop index", "fault_on")
    script.fault("stop index", "fault_off")
    ended(script, (1, "xx"), tombstones=(2,))
    script.do(9, "search", app="a", chat=1, v=(word,), rows=tuple(row(*each) for each in rows))

    assert found(script.history(min_acknowledged=0)) == findings
