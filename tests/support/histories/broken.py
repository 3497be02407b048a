"""Sixteen recordings of a service that broke one promise in one place: the rich clean one, with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from parley.verify.history import Event, Row
from tests.support.histories.clean import rich
from tests.support.histories.script import MS, History, row

SECOND: Final = "the second of a race"
ALL: Final = ("pages", "singles", "sql", "index")


class Broken(NamedTuple):
    """A recording, and the check that must name it."""

    check: str
    history: History


def finals(change: Callable[[Event], Event], *sources: str, scope: str = "a/1") -> History:
    """Let final readings of the rich recording say something else."""
    history = rich()
    meant = {history.named[f"{source} of {scope}"] for source in sources}
    return history.changed(lambda event: change(event) if (event.p, event.i) in meant and event.t == "ok" else event)


def without(number: int) -> Callable[[Event], Event]:
    """Leave a number out of a reading, and out of its count."""

    def change(event: Event) -> Event:
        rows = tuple(each for each in event.rows if each.number != number)
        count = None if event.count is None else len(rows)
        return msgspec.structs.replace(event, rows=rows, count=count)

    return change


def with_row(added: Row) -> Callable[[Event], Event]:
    """Add a row to a reading, in its place."""

    def change(event: Event) -> Event:
        rows = tuple(sorted((*event.rows, added), key=lambda each: each.number))
        return msgspec.structs.replace(event, rows=rows, count=None if event.count is None else len(rows))

    return change


def explained(**said: object) -> History:
    """Let the database explain its numbers differently."""
    return finals(lambda event: msgspec.structs.replace(event, **said), "sql")


def lost() -> History:
    """Lose the last acknowledged message everywhere; the counts agree with that."""
    return finals(without(1001), *ALL).answered("the last count", count=8)


def stored_twice() -> History:
    """Keep a retried message under a second number, too."""
    return finals(with_row(row(1002, "five")), *ALL).answered("the last count", count=10)


def reused() -> History:
    """Read a number as a message that somebody else sent."""
    return rich().answered("a get", rows=(row(4, "ghost"),))


def altered() -> History:
    """Read a message with other bytes than it was written with."""
    return rich().answered("a get", rows=(Row(4, "three", "0" * 16),))


def phantom() -> History:
    """Read a message that nobody wrote."""
    return rich().answered("a get", rows=(row(4, "nobody"),))


def resurrected() -> History:
    """Read a message after its deletion was acknowledged."""
    return rich().answered("a get after a deletion", rows=(row(2, "two"),))


def half_a_bulk() -> History:
    """Let a walk see two of the three messages of a bulk."""
    return rich().answered("a walk over the bulk", rows=rows_of("a walk over the bulk")[:-1])


def disordered() -> History:
    """Acknowledge the first of two racing messages, which has the higher number, before the second is sent."""
    history = rich()
    second = next(event for event in history.events if (event.p, event.i) == history.named[SECOND])
    return history.asked(SECOND, ns=second.ns + 3 * MS // 2)


def gap() -> History:
    """Leave a number unexplained."""
    return explained(gaps=((11, 1000),))


def vanished() -> History:
    """Let a client miss what it has read before."""
    rows = tuple(each for each in rows_of("the last walk") if each.number != 5)
    return rich().answered("the last walk", rows=rows)


def own_unread() -> History:
    """Let a client miss what it has just written."""
    return rich().answered("a walk after an own post", rows=rows_of("a walk after an own post")[:-1])


def walk_repeats() -> History:
    """Begin a page with the last message of the page before."""
    return rich().answered("a walk from eight", rows=(row(8, "eight"), row(8, "eight"), row(9, "nine")))


def edit_overwritten() -> History:
    """Show a text that was edited before it was asked for."""
    return rich().answered("a get after an edit", rows=(row(1, "one"),))


def miscounted() -> History:
    """Count too little, long after the last write."""
    return rich().answered("a count", count=3)


def found_though_deleted() -> History:
    """Find what was deleted ten seconds before."""
    return rich().answered("a search long after a deletion", rows=(row(2, "two"),))


def foreign() -> History:
    """Show one application what another wrote."""
    return rich().answered("a walk in another application", rows=(row(1, "foreign"), row(3, "four")))


def rows_of(name: str) -> tuple[Row, ...]:
    """Give what an operation of the rich recording has read."""
    history = rich()
    return next(event.rows for event in history.events if (event.p, event.i) == history.named[name] and event.rows)


BROKEN: Final = {
    "lost": Broken("lost", lost()),
    "stored twice": Broken("duplicate", stored_twice()),
    "reused": Broken("reused", reused()),
    "altered": Broken("reused", altered()),
    "phantom": Broken("phantom", phantom()),
    "resurrected": Broken("phantom", resurrected()),
    "half a bulk": Broken("phantom", half_a_bulk()),
    "disordered": Broken("order", disordered()),
    "gap": Broken("gaps", gap()),
    "vanished": Broken("prefix", vanished()),
    "own unread": Broken("read your write", own_unread()),
    "walk repeats": Broken("page walk", walk_repeats()),
    "edit overwritten": Broken("edits", edit_overwritten()),
    "miscounted": Broken("counts", miscounted()),
    "found though deleted": Broken("search", found_though_deleted()),
    "foreign": Broken("tenant", foreign()),
}
"""Each is named by its check, and by no other."""
