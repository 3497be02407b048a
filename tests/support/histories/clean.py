"""Three recordings without a fault of the service: a quiet one, one through faults, one at the edge of its promise."""

from __future__ import annotations

from typing import Final

from parley.verify.history import Row
from tests.support.histories.script import History, Script, row

NUMBERING: Final = ("numbering",)
TAIL: Final = ("tail",)


def quiet() -> History:
    """One client, one chat, nothing goes wrong."""
    script = Script()
    script.do(1, "create_app", app="a", v=("app",))
    script.do(1, "create_chat", app="a", v=("room",), n=1)
    rows: list[Row] = []
    for number in range(1, 9):
        script.do(1, "post", app="a", chat=1, v=(f"v{number}",), key=f"k{number}", n=number)
        rows.append(row(number, f"v{number}"))
        script.do(1, "get", app="a", chat=1, n=number, rows=(rows[-1],))
    script.do(1, "list", app="a", chat=1, rows=tuple(rows))
    script.do(1, "search", app="a", chat=1, v=("v3",), rows=(rows[2],))
    script.do(1, "count", app="a", chat=1, count=8)
    script.final(9, "a", 0, [row(1, "room")])
    script.final(9, "a", 1, rows)
    return script.history()


def through_faults() -> History:
    """Unknown outcomes, retries, degraded answers, an own grant of the standby, and a grant that was voided."""
    script = Script()
    script.do(1, "create_chat", app="a", v=("room",), n=1)
    script.do(1, "post", app="a", chat=1, v=("one",), n=1)
    script.fault("kill log", "fault_on")
    lost = script.ask(1, "post", app="a", chat=1, v=("never",), key="k-never").info()
    applied = script.ask(2, "post", app="a", chat=1, v=("two",), key="k-two").info()
    script.ask(3, "post", app="a", chat=1, v=("refused",)).fail(http=503, code="log_unavailable")
    script.do(3, "list", app="a", chat=1, rows=(row(1, "one"),), degraded=TAIL)
    script.do(3, "post", app="a", chat=1, v=("standby",), n=1001, level="stored", degraded=NUMBERING)
    script.do(3, "get", app="a", chat=1, n=1, rows=(), degraded=NUMBERING)
    late = script.ask(4, "edit", app="a", chat=1, n=1, v=("edited",)).info()
    script.fault("kill log", "fault_off")
    script.do(5, "post", app="a", chat=1, v=("two",), key="k-two", of=applied.place, n=2, replayed=True)
    script.do(6, "post", app="a", chat=1, v=("after",), n=3001)
    script.do(6, "list", app="a", chat=1, rows=(row(1, "one"), row(2, "two"), row(1001, "standby"), row(3001, "after")))
    script.do(6, "get", app="a", chat=1, n=1, rows=(row(1, "edited"),))
    script.ask(7, "post", app="a", chat=1, v=("never",), key="k-never", of=lost.place).info()
    script.ask(8, "delete", app="a", chat=1, n=3001).info()
    script.do(6, "count", app="a", chat=1, count=4)
    assert late.place == (4, 1)
    rows = [row(1, "edited"), row(2, "two"), row(1001, "standby"), row(3001, "after")]
    script.final(9, "a", 0, [row(1, "room")])
    script.final(9, "a", 1, rows, gaps=((3, 1000), (1002, 3000)))
    return script.history(min_met=5)


def rich() -> History:
    """Two applications, bulks, edits, deletions and races: what every broken recording is made of."""
    script = Script()
    _chats(script)
    _posts(script)
    _edits_and_deletions(script)
    _below_the_promise(script)
    _end(script)
    return script.history()


def _chats(script: Script) -> None:
    script.do(1, "create_chat", app="a", v=("room",), n=1)
    script.do(1, "create_chat", app="a", v=("gone",), n=2)
    script.do(1, "create_chat", app="b", v=("other",), n=1)
    script.do(2, "post", app="a", chat=2, v=("dropped",), n=1)
    script.do(2, "delete_chat", app="a", chat=2)
    script.do(2, "get", "a get in a deleted chat", app="a", chat=2, n=1, rows=(), http=404)
    script.do(2, "count", app="a", chat=0, count=1)
    script.do(3, "post", app="b", chat=1, v=("foreign",), n=1)
    script.do(3, "list", "a walk in another application", app="b", chat=1, rows=(row(1, "foreign"),))


def _posts(script: Script) -> None:
    """Numbers 1..9: three posts, a race, a retried one, and a bulk whose answer was cut off."""
    script.do(10, "post", app="a", chat=1, v=("one",), key="k1", n=1)
    script.do(11, "post", "a keyed post", app="a", chat=1, v=("two",), key="k2", n=2)
    one = script.ask(10, "post", app="a", chat=1, v=("three",), key="k3")
    other = script.ask(11, "post", "the second of a race", app="a", chat=1, v=("four",), key="k4")
    one.ok(n=4, level="queued")
    other.ok(n=3, level="queued")
    ghost = script.ask(12, "post", app="a", chat=1, v=("ghost",), key="k5").info()
    cut = script.ask(13, "post", app="a", chat=1, v=("five",), key="k6").info()
    script.ask(14, "post", app="a", chat=1, v=("refused",)).fail(http=503)
    script.do(14, "post", "a retry", app="a", chat=1, v=("five",), key="k6", of=cut.place, n=5, replayed=True)
    script.ask(15, "post", app="a", chat=1, v=("six", "seven", "eight")).info()
    script.do(10, "get", "a get", app="a", chat=1, n=4, rows=(row(4, "three"),))
    script.do(11, "list", "a walk over the bulk", app="a", chat=1, rows=tuple(_rows()))
    script.do(10, "post", app="a", chat=1, v=("nine",), n=9)
    script.do(10, "list", "a walk after an own post", app="a", chat=1, rows=(*_rows(), row(9, "nine")))
    script.do(16, "list", "a walk from eight", app="a", chat=1, after=7, rows=(row(8, "eight"), row(9, "nine")))
    assert ghost.place == (12, 1)


def _rows() -> list[Row]:
    words = ("one", "two", "four", "three", "five", "six", "seven", "eight")
    return [row(number, word) for number, word in enumerate(words, start=1)]


def _edits_and_deletions(script: Script) -> None:
    """One is edited by two clients, one of whom never heard; two is deleted; four may be."""
    script.do(10, "edit", app="a", chat=1, n=1, v=("uno",))
    script.do(16, "get", "a get after an edit", app="a", chat=1, n=1, rows=(row(1, "uno"),))
    script.ask(17, "edit", app="a", chat=1, n=1, v=("eins",)).info()
    script.do(10, "get", app="a", chat=1, n=1, rows=(row(1, "uno"),))
    script.do(18, "get", "a get of an unknown edit", app="a", chat=1, n=1, rows=(row(1, "eins"),))
    script.do(10, "delete", app="a", chat=1, n=2)
    script.do(16, "get", "a get after a deletion", app="a", chat=1, n=2, rows=())
    script.ask(19, "delete", app="a", chat=1, n=3).info()
    script.do(11, "search", app="a", chat=1, v=("two",), rows=(row(2, "two"),))
    script.do(11, "search", app="a", chat=1, v=("five",), rows=())
    script.do(11, "search", app="a", chat=1, v=("five",), rows=(row(5, "five"),))
    script.pass_ms(10_000)
    script.do(11, "search", "a search long after a deletion", app="a", chat=1, v=("two",), rows=())
    script.do(11, "count", "a count", app="a", chat=1, count=8)


def _below_the_promise(script: Script) -> None:
    """Ten and a chat were only relaxed, and are lost; a grant is voided; eleven's number is far above."""
    script.do(20, "create_chat", app="a", v=("lost",), n=3, level="relaxed")
    script.do(20, "post", app="a", chat=3, v=("lost with it",), n=1, level="relaxed")
    script.do(20, "post", app="a", chat=1, v=("ten",), n=10, level="relaxed")
    script.do(20, "get", app="a", chat=1, n=10, rows=(row(10, "ten"),))
    script.do(20, "get", app="a", chat=1, n=10, rows=(), http=404)
    script.do(21, "post", app="a", chat=1, v=("eleven",), n=1001)
    script.do(11, "list", "the last walk", app="a", chat=1, rows=tuple(_last()))


def _last() -> list[Row]:
    middle = [each for each in _rows() if each.number not in {1, 2}]
    return [row(1, "eins"), *middle, row(9, "nine"), row(1001, "eleven")]


def _end(script: Script) -> None:
    script.pass_ms(10_000)
    script.final(90, "a", 0, [row(1, "room")], tombstones=(2,), gaps=((3, 3),))
    script.final(91, "a", 1, _last(), tombstones=(2,), gaps=((10, 1000),))
    script.final(92, "b", 0, [row(1, "other")])
    script.final(93, "b", 1, [row(1, "foreign")])
    script.do(94, "count", "the last count", app="a", chat=1, count=9)
    script.do(94, "search", "the last search", app="a", chat=1, v=("nine",), rows=(row(9, "nine"),))


CLEAN: Final = {"quiet": quiet, "through faults": through_faults, "rich": rich}
"""The service did nothing wrong: no check may find anything."""
