"""Scripts about one chat."""

from __future__ import annotations

from tests.support.histories.script import History, Script, row


def begun() -> Script:
    """Begin a script with a chat."""
    script = Script()
    script.do(1, "create_chat", app="a", v=("room",), n=1)
    return script


def ended(
    script: Script,
    *rows: tuple[int, str],
    tombstones: tuple[int, ...] = (),
    gaps: tuple[tuple[int, int], ...] = (),
    letters: tuple[int, ...] = (),
) -> History:
    """End a script with its one chat."""
    live = [row(number, value) for number, value in rows]
    script.final(9, "a", 0, [row(1, "room")])
    script.final(9, "a", 1, live, tombstones=tombstones, gaps=gaps, letters=letters)
    return script.history(min_acknowledged=0)
