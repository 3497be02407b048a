"""Checks of what was read: phantoms, prefix, own writes, walks, edits, tenants."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.histories.broken import finals, without
from tests.support.histories.clean import NUMBERING, TAIL, rich
from tests.support.histories.judging import found, judge
from tests.support.histories.script import Script, row
from tests.unit.verify.one_chat import ended


def test_what_was_refused_is_a_phantom_when_it_is_read(script: Script) -> None:
    """503 means that certainly nothing was written."""
    script.ask(1, "post", app="a", chat=1, v=("x",)).fail(http=503)

    assert "phantom" in found(ended(script, (1, "x")))


def test_what_was_refused_once_and_done_by_a_retry_is_no_phantom(script: Script) -> None:
    """Only a write whose every try failed was refused."""
    script.ask(1, "post", app="a", chat=1, v=("x",), key="k").fail(http=503)
    script.do(1, "post", app="a", chat=1, v=("x",), key="k", n=1)

    assert found(ended(script, (1, "x"))) == []


def test_what_is_read_before_it_was_written_is_a_phantom(script: Script) -> None:
    """The read was over when the write began."""
    script.do(2, "get", app="a", chat=1, n=1, rows=(row(1, "x"),))
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)

    assert found(ended(script, (1, "x"))) == ["phantom"]


def test_what_was_written_to_another_chat_is_a_phantom(script: Script) -> None:
    """Of the same application; another's is the tenant check's."""
    script.do(1, "create_chat", app="a", v=("other",), n=2)
    script.do(1, "post", app="a", chat=2, v=("x",), n=1)
    script.do(1, "get", app="a", chat=1, n=1, rows=(row(1, "x"),))
    script.final(9, "a", 0, [row(1, "room"), row(2, "other")])
    script.final(9, "a", 2, [row(1, "x")])

    verdict = judge(script.history(min_acknowledged=0))

    assert [finding.check for finding in verdict.findings] == ["phantom"]
    assert "wrote to application a, chat 2" in verdict.findings[0].what


def test_an_unknown_write_may_appear_late_or_never(script: Script) -> None:
    """Both are what "unknown" means."""
    script.ask(1, "post", app="a", chat=1, v=("x",)).info()
    script.ask(2, "post", app="a", chat=1, v=("y",)).info()
    script.do(3, "list", app="a", chat=1, rows=())

    assert found(ended(script, (1, "y"))) == []


@pytest.mark.parametrize("degraded", [TAIL, NUMBERING])
def test_a_degraded_read_may_be_of_an_older_state(script: Script, degraded: tuple[str, ...]) -> None:
    """It owes neither the newest writes nor deletions nor edits."""
    script.fault("kill log", "fault_on")
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "post", app="a", chat=1, v=("y",), n=2)
    script.do(1, "post", app="a", chat=1, v=("z",), n=3)
    script.do(1, "edit", app="a", chat=1, n=1, v=("xx",))
    script.do(1, "delete", app="a", chat=1, n=2)
    script.do(1, "list", app="a", chat=1, rows=(row(1, "xx"), row(3, "z")))
    script.do(1, "list", app="a", chat=1, rows=(row(1, "x"), row(2, "y")), degraded=degraded)
    script.do(1, "list", app="a", chat=1, rows=(row(1, "xx"), row(3, "z")))

    assert found(ended(script, (1, "xx"), (3, "z"), tombstones=(2,))) == []


def test_a_chat_that_is_read_after_its_deletion_is_resurrected(script: Script) -> None:
    """So are its messages."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "delete_chat", app="a", chat=1)
    script.do(2, "list", app="a", chat=0, rows=(row(1, "room"),))
    script.do(2, "list", app="a", chat=1, rows=(row(1, "x"),))
    script.final(9, "a", 0, [], tombstones=(1,))

    assert found(script.history(min_acknowledged=0)) == ["phantom", "phantom"]


def test_half_a_bulk_at_the_end_is_found() -> None:
    """Nobody was told its numbers, so nothing is lost; but it is there in part."""
    history = finals(without(7), "pages", "singles", "sql", "index").answered("the last count", count=8)

    checks = found(history)

    assert "phantom" in checks
    assert "lost" not in checks


def test_a_bulk_with_a_deleted_message_is_whole(script: Script) -> None:
    """What a deletion took is no half."""
    script.do(1, "post", app="a", chat=1, v=("x", "y", "z"), n=1)
    script.ask(2, "delete", app="a", chat=1, n=2).info()
    script.do(1, "list", app="a", chat=1, rows=(row(1, "x"), row(3, "z")))
    script.do(1, "list", app="a", chat=1, after=1, rows=(row(3, "z"),))

    assert found(ended(script, (1, "x"), (3, "z"), tombstones=(2,))) == []


def test_another_clients_write_is_missed_by_number_and_by_walk(script: Script) -> None:
    """Whoever acknowledged it: a get of it is read your write, a walk without it a page walk."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "post", app="a", chat=1, v=("y",), n=2)
    script.do(2, "get", app="a", chat=1, n=1, rows=(), http=404)
    script.do(3, "list", app="a", chat=1, rows=(row(1, "x"),))

    verdict = judge(ended(script, (1, "x"), (2, "y")))

    assert [(finding.check, finding.number) for finding in verdict.findings] == [
        ("read your write", 1),
        ("page walk", 2),
    ]


def test_a_write_that_is_under_way_may_be_missing(script: Script) -> None:
    """It is owed to reads that begin after its answer."""
    post = script.ask(1, "post", app="a", chat=1, v=("x",))
    read = script.ask(2, "list", app="a", chat=1)
    post.ok(n=1)
    read.ok(rows=())

    assert found(ended(script, (1, "x"))) == []


def test_a_walk_owes_nothing_below_its_begin(script: Script) -> None:
    """And must not show it either."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "post", app="a", chat=1, v=("y",), n=2)
    script.do(1, "list", app="a", chat=1, after=1, rows=(row(2, "y"),))

    assert found(ended(script, (1, "x"), (2, "y"))) == []


@pytest.mark.parametrize(
    ("f", "rows"),
    [
        ("list", ((1, "x"), (1, "x"), (2, "y"))),
        ("list", ((2, "y"), (1, "x"))),
        ("get", ((1, "x"),)),
    ],
)
def test_a_walk_rises_and_a_get_has_what_it_asked_for(
    script: Script, f: str, rows: tuple[tuple[int, str], ...]
) -> None:
    """Repeats, steps back and wrong numbers are page walk's."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "post", app="a", chat=1, v=("y",), n=2)
    read = script.ask(2, "get", app="a", chat=1, n=2) if f == "get" else script.ask(2, "list", app="a", chat=1)
    read.ok(rows=tuple(row(*each) for each in rows))

    assert "page walk" in found(ended(script, (1, "x"), (2, "y")))


def test_the_final_pages_are_a_walk_too() -> None:
    """A row that comes twice is found there as well."""
    history = finals(lambda event: msgspec.structs.replace(event, rows=(*event.rows, event.rows[-1])), "pages")

    assert found(history) == ["page walk"]


def test_a_text_may_be_seen_to_change_once_it_is_being_edited(script: Script) -> None:
    """From the edit's begin on, and not back again."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    edit = script.ask(1, "edit", app="a", chat=1, n=1, v=("xx",))
    script.do(2, "get", app="a", chat=1, n=1, rows=(row(1, "x"),))
    script.do(2, "get", app="a", chat=1, n=1, rows=(row(1, "xx"),))
    back = script.do(2, "get", app="a", chat=1, n=1, rows=(row(1, "x"),))
    edit.ok(level="queued")

    verdict = judge(ended(script, (1, "xx")))

    assert [(finding.check, finding.operations[0]) for finding in verdict.findings] == [("prefix", back.place)]


@pytest.mark.parametrize(("last", "checks"), [("one", []), ("other", []), ("x", ["edits"])])
def test_concurrent_edits_may_end_either_way(script: Script, last: str, checks: list[str]) -> None:
    """Both are possible last ones; what was there before them is not."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    one = script.ask(1, "edit", app="a", chat=1, n=1, v=("one",))
    other = script.ask(2, "edit", app="a", chat=1, n=1, v=("other",))
    other.ok(level="queued")
    one.ok(level="queued")

    assert found(ended(script, (1, last))) == checks


def test_an_unknown_edit_may_show_at_any_later_time(script: Script) -> None:
    """Even after another one that began later was acknowledged."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.ask(2, "edit", app="a", chat=1, n=1, v=("late",)).info()
    script.do(1, "edit", app="a", chat=1, n=1, v=("soon",))
    script.do(3, "get", app="a", chat=1, n=1, rows=(row(1, "soon"),))
    script.do(3, "get", app="a", chat=1, n=1, rows=(row(1, "late"),))

    assert found(ended(script, (1, "late"))) == []


def test_an_edit_that_is_read_elsewhere_is_named(script: Script) -> None:
    """It was written to another number."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "post", app="a", chat=1, v=("y",), n=2)
    script.do(1, "edit", app="a", chat=1, n=1, v=("xx",))
    script.do(3, "get", app="a", chat=1, n=2, rows=(row(2, "xx"),))

    assert found(ended(script, (1, "xx"), (2, "y"))) == ["edits"]


def test_a_write_below_the_promise_may_vanish_after_it_was_read(script: Script) -> None:
    """Nobody promised it; it is counted."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1, level="relaxed")
    script.do(1, "list", app="a", chat=1, rows=(row(1, "x"),))
    script.do(1, "list", app="a", chat=1, rows=())

    assert found(ended(script, gaps=((1, 1),))) == []


def test_an_unknown_write_that_was_read_stays(script: Script) -> None:
    """Where every answer was at the promised level, what is read is as firm."""
    script.ask(1, "post", app="a", chat=1, v=("x",)).info()
    script.do(2, "list", app="a", chat=1, rows=(row(1, "x"),))
    script.do(2, "list", app="a", chat=1, rows=())

    assert found(ended(script, (1, "x"))) == ["prefix"]


@pytest.mark.parametrize(("level", "promised"), [("relaxed", "queued"), ("stored", "stored")])
def test_an_unknown_write_may_go_again_where_answers_may(script: Script, level: str, promised: str) -> None:
    """Where some answers were below the promise, or where only what is stored is promised."""
    script.ask(1, "post", app="a", chat=1, v=("x",)).info()
    script.do(3, "post", app="a", chat=1, v=("y",), n=2, level=level)
    script.do(2, "list", app="a", chat=1, rows=(row(1, "x"), row(2, "y")))
    script.do(2, "list", app="a", chat=1, rows=(row(2, "y"),))
    history = ended(script, (2, "y"), gaps=((1, 1),))
    history.manifest = msgspec.structs.replace(history.manifest, level=promised)

    assert found(history) == []


@pytest.mark.parametrize("f", ["list", "search"])
def test_another_applications_message_is_the_tenant_checks(script: Script, f: str) -> None:
    """Alone, in whatever answer it is."""
    script.do(1, "create_chat", app="b", v=("other",), n=1)
    script.do(1, "post", app="b", chat=1, v=("x",), n=1)
    asked = (
        script.ask(1, "search", app="a", chat=1, v=("any",))
        if f == "search"
        else script.ask(1, "list", app="a", chat=1)
    )
    asked.ok(rows=(row(1, "x"),))
    script.final(9, "b", 0, [row(1, "other")])
    script.final(9, "b", 1, [row(1, "x")])

    assert found(ended(script)) == ["tenant"]


def test_the_rich_history_is_what_the_broken_ones_are_made_of() -> None:
    """Changing nothing breaks nothing."""
    assert found(rich().changed(lambda event: event)) == []
