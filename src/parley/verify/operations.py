"""An operation: what was asked and what became of it, in one piece."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from parley.verify.history import Event, Row

NEVER: Final = 2**63 - 1
"""Later than every time."""

_NOT_THERE: Final = (404, 410)
_READS: Final = ("get", "list")


class Operation(msgspec.Struct, gc=False, kw_only=True):
    """An invocation and its completion; of what both lines say, the completion's word counts."""

    p: int
    i: int
    f: str
    svc: str
    app: str
    chat: int
    n: int
    v: tuple[str, ...]
    sha: tuple[str, ...]
    key: str
    of: tuple[int, int] | None
    after: int
    begin_ns: int
    end_ns: int
    """`NEVER` where the outcome is unknown."""
    heard_ns: int
    """When the client stopped waiting; `NEVER` where it has not said so."""
    outcome: Literal["ok", "fail", "info"]
    at: str = ""
    http: int = 0
    code: str = ""
    level: str = ""
    replayed: bool = False
    degraded: tuple[str, ...] = ()
    marked: tuple[tuple[int, int], ...] = ()
    rows: tuple[Row, ...] = ()
    numbers: tuple[int, ...] = ()
    """Of the rows."""
    count: int | None = None
    answer: Event | None = None
    """The whole completion, of a ``final``."""

    @property
    def is_ok(self) -> bool:
        """Whether it was done."""
        return self.outcome == "ok"

    @property
    def is_denied(self) -> bool:
        """Whether the answer was that there is no such thing."""
        return self.http in _NOT_THERE

    def is_marked(self, number: int) -> bool:
        """Tell whether the part of the answer that covers a number is degraded."""
        if not self.marked:
            return bool(self.degraded)
        return any(first <= number <= last for first, last in self.marked)

    @property
    def name(self) -> str:
        """How a finding names it."""
        return f"{self.f} {self.p}/{self.i}"


def join(invoke: Event, completion: Event | None, rows: tuple[Row, ...] = ()) -> Operation:
    """Make an operation of its lines; ``rows`` are the completion's. Without a completion the outcome is unknown."""
    end = completion or invoke
    outcome = "info" if completion is None or completion.t == "invoke" else completion.t
    if outcome == "fail" and end.http in _NOT_THERE and end.f in _READS:
        outcome = "ok"  # "it is not there" is what was read
    return Operation(
        p=invoke.p,
        i=invoke.i,
        f=invoke.f,
        svc=end.svc or invoke.svc,
        app=end.app or invoke.app,
        chat=end.chat or invoke.chat,
        n=end.n or invoke.n,
        v=invoke.v or end.v,
        sha=invoke.sha or end.sha,
        key=invoke.key or end.key,
        of=invoke.of or end.of,
        after=invoke.after or end.after,
        begin_ns=invoke.ns,
        end_ns=NEVER if outcome == "info" else end.ns,
        heard_ns=NEVER if completion is None else end.ns,
        outcome=outcome,
        at=end.at or invoke.at,
        http=end.http,
        code=end.code,
        level=end.level,
        replayed=end.replayed,
        degraded=end.degraded,
        marked=end.marked,
        rows=rows,
        numbers=tuple([row.number for row in rows]),
        count=end.count,
        answer=end if invoke.f == "final" else None,
    )
