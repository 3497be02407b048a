"""Checks of answers that deny what is there or show what is not, and of marks: what they excuse, and when."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from parley.verify.history import Operation
from tests.support.histories.clean import NUMBERING, TAIL
from tests.support.histories.judging import found, judge
from tests.support.histories.script import History, Script, row
from tests.unit.verify.one_chat import begun, ended

ASKED: dict[Operation, dict[str, Any]] = {
    "post": {"v": ("new",)},
    "edit": {"n": 1, "v": ("xx",)},
    "delete": {"n": 1},
    "delete_chat": {},
    "list": {},
    "get": {"n": 1},
    "count": {},
    "search": {"v": ("x",)},
}


def denied(script: Script, f: Operation, http: int, *, level: str = "queued") -> History:
    """Post a message, and be told by another request that it, or its chat, is not there."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1, level=level)
    asked = script.ask(2, f, app="a", chat=1, **ASKED[f])
    (asked.ok if f == "list" else asked.fail)(http=http, code="not_found")
    return ended(script, (1, "x"))


@pytest.mark.parametrize("http", [404, 410])
@pytest.mark.parametrize("f", ASKED)
def test_what_was_acknowledged_is_denied_to_nobody(script: Script, f: Operation, http: int) -> None:
    """Whatever is done with it: one finding for one answer."""
    assert found(denied(script, f, http)) == ["read your write"]


@pytest.mark.parametrize("f", ASKED)
def test_a_503_denies_nothing(script: Script, f: Operation) -> None:
    """That is how a service says that it does not know."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.ask(2, f, app="a", chat=1, **ASKED[f]).fail(http=503, code="log_unavailable")

    assert found(ended(script, (1, "x"))) == []


@pytest.mark.parametrize("f", ASKED)
def test_a_standby_denies_nothing_either(script: Script, f: Operation) -> None:
    """What the database does not know is unknown while the log is away, not absent."""
    script.fault("kill log", "fault_on")

    assert found(denied(script, f, 404)) == ["read your write"]


@pytest.mark.parametrize("f", ["get", "list", "count", "delete_chat"])
def test_a_chat_is_denied_to_nobody(f: Operation) -> None:
    """Nor is an application whose chat was acknowledged."""
    script = begun()
    if f in {"list", "count"}:
        script.ask(2, f, app="a", chat=0).fail(http=404)
    else:
        script.ask(2, f, app="a", chat=0, n=1).fail(http=404)

    assert found(ended(script)) == ["read your write"]


def test_an_empty_chat_is_denied_to_nobody(script: Script) -> None:
    """There is no number that a walk could lack."""
    script.ask(2, "list", app="a", chat=1).ok(http=404)

    assert found(ended(script)) == ["read your write"]


@pytest.mark.parametrize("f", ASKED)
def test_what_may_be_deleted_may_be_denied(script: Script, f: Operation) -> None:
    """From the begin of its deletion on, whether that was answered or not."""
    script.do(1, "create_chat", app="a", v=("other",), n=2)
    script.do(1, "post", app="a", chat=2, v=("x",), n=1)
    script.ask(3, "delete_chat", app="a", chat=2).info()
    script.ask(2, f, app="a", chat=2, **ASKED[f]).fail(http=404)
    script.final(9, "a", 0, [row(1, "room")], tombstones=(2,))

    assert found(script.history(min_acknowledged=0, sources=("pages", "sql"))) == []


def test_a_message_that_may_be_deleted_may_be_denied(script: Script) -> None:
    """To an edit, and to a second deletion."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "delete", app="a", chat=1, n=1)
    script.ask(1, "edit", app="a", chat=1, n=1, v=("xx",)).fail(http=404)
    script.ask(1, "delete", app="a", chat=1, n=1).fail(http=404)

    assert found(ended(script, tombstones=(1,))) == []


def test_what_was_acknowledged_later_or_never_may_be_denied(script: Script) -> None:
    """A write that is under way, and a number that nobody was told."""
    post = script.ask(1, "post", app="a", chat=1, v=("x",))
    edit = script.ask(2, "edit", app="a", chat=1, n=1, v=("xx",))
    post.ok(n=1)
    edit.fail(http=404)
    script.ask(2, "delete", app="a", chat=1, n=2).fail(http=404)
    script.ask(2, "count", app="b", chat=1).fail(http=404)

    assert found(ended(script, (1, "x"))) == []


def test_what_was_acknowledged_below_the_promise_may_be_denied(script: Script) -> None:
    """It may be lost."""
    history = denied(script, "edit", 404)
    history.manifest = msgspec.structs.replace(history.manifest, level="stored")

    assert found(history) == []


@pytest.mark.parametrize("f", ["post", "edit", "delete", "list", "count", "search"])
def test_what_is_deleted_is_answered_to_nobody(script: Script, f: Operation) -> None:
    """An empty page of a chat that is deleted is as wrong as a full one."""
    script.do(1, "create_chat", app="a", v=("other",), n=2)
    script.do(1, "post", app="a", chat=2, v=("x",), n=1)
    script.do(3, "delete_chat", app="a", chat=2)
    said: dict[str, object] = {"n": 2} if f == "post" else {"count": 0} if f == "count" else {}
    script.ask(2, f, app="a", chat=2, **ASKED[f]).ok(http=200, **said)
    script.final(9, "a", 0, [row(1, "room")], tombstones=(2,))

    assert found(script.history(min_acknowledged=0, sources=("pages", "sql"))) == ["phantom"]


@pytest.mark.parametrize("f", ["edit", "delete"])
def test_a_message_that_is_deleted_cannot_be_changed(script: Script, f: Operation) -> None:
    """It is 404 from its deletion on."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.do(1, "delete", app="a", chat=1, n=1)
    script.ask(1, f, app="a", chat=1, **ASKED[f]).ok(http=200)

    assert found(ended(script, tombstones=(1,))) == ["phantom"]


def test_a_replay_may_tell_what_is_deleted(script: Script) -> None:
    """It repeats an answer, and writes nothing."""
    first = script.do(1, "post", app="a", chat=1, v=("x",), key="k", n=1)
    script.do(1, "delete", app="a", chat=1, n=1)
    script.do(1, "post", app="a", chat=1, v=("x",), key="k", of=first.place, n=1, replayed=True)

    assert found(ended(script, tombstones=(1,))) == []


@pytest.mark.parametrize("f", ["get", "list", "count"])
def test_in_the_end_a_chat_that_the_rows_call_deleted_is_answered_to_nobody(script: Script, f: Operation) -> None:
    """Also where the answer to its deletion got lost."""
    script.do(1, "create_chat", app="a", v=("other",), n=2)
    script.do(1, "post", app="a", chat=2, v=("x",), n=1)
    script.ask(3, "delete_chat", app="a", chat=2).info()
    script.final(9, "a", 0, [row(1, "room")], tombstones=(2,))
    said: dict[str, object] = {"count": 1} if f == "count" else {"rows": (row(1, "x"),)}
    script.ask(2, f, app="a", chat=2, **ASKED[f]).ok(http=200, **said)

    assert found(script.history(min_acknowledged=0, sources=("pages", "sql"))) == ["phantom"]


def test_in_the_end_what_has_no_row_is_a_phantom(script: Script) -> None:
    """Also if somebody tried to write it, and whichever API shows it."""
    script.ask(1, "post", app="a", chat=1, v=("x",)).info()
    ended(script)
    script.ask(9, "final", svc="singles", app="a", chat=1).ok(rows=(row(1, "x"),))

    assert found(script.history(min_acknowledged=0)) == ["phantom"]


def test_each_process_that_reads_in_the_end_has_everything(script: Script) -> None:
    """What one of them lacks is lost, though another has it."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    ended(script, (1, "x"))
    script.ask(9, "final", svc="pages", at="api 1", app="a", chat=1).ok(rows=(row(1, "x"),), count=1)
    script.ask(9, "final", svc="pages", at="api 2", app="a", chat=1).ok(rows=(), count=1)

    verdict = judge(script.history(min_acknowledged=0))

    assert [finding.check for finding in verdict.findings] == ["lost"]
    assert "is not in pages at api 2; it is in" in verdict.findings[0].what


@pytest.mark.parametrize(("mark", "check"), [(TAIL, "read your write"), (NUMBERING, "order")])
@pytest.mark.parametrize(("after_s", "is_needless"), [(29, False), (31, True)])
def test_a_mark_ends_when_service_must_be_back(
    script: Script, mark: tuple[str, ...], check: str, after_s: int, *, is_needless: bool
) -> None:
    """It suspends a promise; without a reason it breaks it."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1)
    script.fault("kill log", "fault_on")
    script.fault("kill log", "fault_off")
    script.pass_ms(after_s * 1_000)
    script.do(1, "list", app="a", chat=1, rows=(row(1, "x"),), degraded=mark)

    assert found(ended(script, (1, "x"))) == [check] * is_needless


def test_a_mark_without_any_fault_is_needless(script: Script) -> None:
    """Nothing is away."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1, degraded=NUMBERING)

    assert found(ended(script, (1, "x"))) == ["order"]


def marked(script: Script) -> None:
    """Store two messages, of which one is deleted and one edited, and queue a third, while the log goes away."""
    script.fault("kill log", "fault_on")
    for number, value in enumerate("xyz", start=1):
        script.do(1, "post", app="a", chat=1, v=(value,), n=number, level="stored" if number < 3 else "queued")


def test_a_marked_read_has_what_is_stored(script: Script) -> None:
    """By number and in pages, for whoever asks; what was only queued it may lack."""
    marked(script)
    script.do(2, "list", app="a", chat=1, rows=(row(1, "x"),), degraded=TAIL)
    script.do(3, "get", app="a", chat=1, n=1, rows=(), http=404, degraded=TAIL)

    verdict = judge(ended(script, (1, "x"), (2, "y"), (3, "z")))

    assert [(finding.check, finding.number) for finding in verdict.findings] == [
        ("page walk", 2),
        ("read your write", 1),
    ]


def test_a_marked_read_lacks_what_was_deleted_as_stored(script: Script) -> None:
    """A deletion that was only queued it may not know."""
    marked(script)
    script.do(1, "delete", app="a", chat=1, n=1, level="stored")
    script.do(1, "delete", app="a", chat=1, n=2)
    script.do(2, "list", app="a", chat=1, rows=(row(1, "x"), row(2, "y")), degraded=TAIL)

    verdict = judge(ended(script, (3, "z"), tombstones=(1, 2)))

    assert [(finding.check, finding.number) for finding in verdict.findings] == [("phantom", 1)]


def test_a_marked_read_has_edits_that_are_stored(script: Script) -> None:
    """And may lack those that were queued."""
    marked(script)
    script.do(1, "edit", app="a", chat=1, n=1, v=("xx",), level="stored")
    script.do(1, "edit", app="a", chat=1, n=2, v=("yy",))
    script.do(2, "list", app="a", chat=1, rows=(row(1, "x"), row(2, "y")), degraded=TAIL)

    verdict = judge(ended(script, (1, "xx"), (2, "yy"), (3, "z")))

    assert [(finding.check, finding.number) for finding in verdict.findings] == [("edits", 1)]


def test_a_marked_read_shows_nothing_that_nobody_wrote(script: Script) -> None:
    """No mark excuses that."""
    marked(script)
    script.do(2, "get", app="a", chat=1, n=4, rows=(row(4, "nobody"),), degraded=TAIL)

    assert found(ended(script, (1, "x"), (2, "y"), (3, "z"))) == ["phantom"]


def test_a_marked_page_does_not_excuse_the_others(script: Script) -> None:
    """Of a walk of three pages the second is marked: what the first and the last lack is missed."""
    script.fault("kill log", "fault_on")
    for number, value in enumerate("uvwxyz", start=1):
        script.do(1, "post", app="a", chat=1, v=(value,), n=number)
    script.do(2, "list", app="a", chat=1, rows=(row(2, "v"), row(5, "y")), degraded=TAIL, marked=((3, 4),))

    verdict = judge(ended(script, *enumerate("uvwxyz", start=1)))

    assert [(finding.check, finding.number) for finding in verdict.findings] == [("page walk", 1), ("page walk", 6)]


def test_what_an_unmarked_page_shows_is_of_the_present(script: Script) -> None:
    """Deleted and edited messages there are findings, and on the marked page they are none."""
    script.fault("kill log", "fault_on")
    for number, value in enumerate("wxyz", start=1):
        script.do(1, "post", app="a", chat=1, v=(value,), n=number)
    for number in (1, 3):
        script.do(1, "delete", app="a", chat=1, n=number)
        script.do(1, "edit", app="a", chat=1, n=number + 1, v=(f"e{number}",))
    rows = tuple(row(number, value) for number, value in enumerate("wxyz", start=1))
    script.do(2, "list", app="a", chat=1, rows=rows, degraded=TAIL, marked=((3, 2**63 - 1),))

    verdict = judge(ended(script, (2, "e1"), (4, "e3"), tombstones=(1, 3)))

    assert [(finding.check, finding.number) for finding in verdict.findings] == [("phantom", 1), ("edits", 2)]


@pytest.mark.parametrize(("level", "findings"), [("stored", ["counts"]), ("queued", [])])
def test_a_marked_count_has_what_is_stored(script: Script, level: str, findings: list[str]) -> None:
    """Within its lag, and long after whatever a fault delays."""
    script.do(1, "post", app="a", chat=1, v=("x",), n=1, level=level)
    script.fault("kill log", "fault_on")
    script.fault("kill log", "fault_off")
    script.pass_ms(20_000)
    script.do(1, "count", app="a", chat=1, count=0, degraded=TAIL)

    assert found(ended(script, (1, "x"))) == findings
