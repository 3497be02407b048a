"""What a recording is: a folder with a `Manifest` in ``manifest.json`` and one `Event` a line in ``*.jsonl``.

An operation is an ``invoke`` line and, with the same ``p`` and ``i`` in the same file, what became of it: ``ok`` (the
whole answer was read), ``fail`` (certainly not done) or ``info`` (it may take effect at any later moment, as it may
where the second line is missing). After an ``info`` a client goes on under a new ``p``, as in Jepsen, so within a ``p``
operations follow each other. All times are nanoseconds of one machine's ``CLOCK_MONOTONIC``.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

MANIFEST: Final = "manifest.json"
EVENTS: Final = "*.jsonl"
FORMAT: Final = 1

Source = Literal["pages", "singles", "sql", "index"]
"""How the final phase reads: pages and single messages of the API, rows of the database, the index."""

Operation = Literal[
    "create_app",
    "create_chat",
    "delete_chat",
    "post",
    "edit",
    "delete",
    "get",
    "list",
    "count",
    "search",
    "final",
    "fault_on",
    "fault_off",
]
"""``list`` is a walk over the pages of a chat, from ``after`` to its end; ``fault_on`` and ``fault_off`` are
single ``ok`` lines."""


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message, or a chat, as it was read."""

    number: int
    value: str
    """The unique word of whoever wrote it: the first word of a message's body, or of a chat's title."""
    sha: str
    """The first 16 hexadecimal digits of the SHA-256 of the whole body or title."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """One line. What is not said of an operation below stays at its default."""

    p: int
    """The client."""
    i: int
    """Counts the client's operations."""
    t: Literal["invoke", "ok", "fail", "info"]
    f: Operation
    ns: int
    svc: str = ""
    """Which service was asked, ``api`` or ``write``; of a fault its name; of a ``final`` its `Source`."""
    at: str = ""
    """Of a ``final``: which of several processes was asked; what each of them says is a reading by itself."""
    app: str = ""
    """The application: its token or any other name that no other has."""
    chat: int = 0
    """0 where the operation is about the application's chats."""
    n: int = 0
    """The message's number; of a ``post`` or ``create_chat`` that is ok: the first number that was given."""
    v: tuple[str, ...] = ()
    """Values, one for each message that is written (or the chat); of a ``search``: what is looked for."""
    sha: tuple[str, ...] = ()
    """For each value the `Row.sha` of the whole text."""
    key: str = ""
    """The Idempotency-Key."""
    of: tuple[int, int] | None = None
    """Of a retry with the same key: ``p`` and ``i`` of the first try."""
    http: int = 0
    code: str = ""
    """The problem's code."""
    level: str = ""
    """``Parley-Durability``."""
    replayed: bool = False
    after: int = 0
    """Of a ``list``: the walk began above this number; 0 is the whole chat."""
    degraded: tuple[str, ...] = ()
    """What ``Parley-Degraded`` said: ``numbering``, ``tail``."""
    marked: tuple[tuple[int, int], ...] = ()
    """Of a degraded ``list``: first and last number of what its marked pages cover; without, that is all of it."""
    rows: tuple[Row, ...] = ()
    """What was read, in the order of the answers; nothing, where a ``get`` answered 404."""
    count: int | None = None
    """``messages_count`` of a chat, or ``chats_count`` with ``chat`` 0."""
    tombstones: tuple[int, ...] = ()
    """Of a ``final`` from ``sql``: numbers whose row is a tombstone; in ``chat`` 0 those of deleted chats."""
    gaps: tuple[tuple[int, int], ...] = ()
    """Of a ``final`` from ``sql``: what the gap ledger holds, first and last number."""
    letters: tuple[int, ...] = ()
    """Of a ``final`` from ``sql``: numbers that are dead letters."""


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was run, and what may be expected of it."""

    format: int = FORMAT
    title: str = ""
    seed: int = 0
    commit: str = ""
    profile: str = ""
    settings: dict[str, str] = {}
    """Whatever is needed to run it again."""
    level: Literal["relaxed", "queued", "stored"] = "queued"
    """Writes that were answered at this level or a higher one may not be lost; lower ones are counted."""
    drained: bool = False
    """Whether everything was stored and indexed, within the time allowed, before the final phase read."""
    sources: tuple[Source, ...] = ("pages",)
    """Which readings of the final phase must be there, for every chat."""
    min_acknowledged: int = 1
    """With fewer acknowledged writes nothing is proven: the verdict is unknown."""
    min_met: int = 0
    """The same for operations that overlap a fault."""
    count_lag_s: float = 5.0
    """Counts may be this late."""
    search_lag_s: float = 2.0
    """An index may be this late, outside of faults: what is not found yet is reported, and is a finding only of the
    final phase; what was found stays, and what is deleted goes."""
