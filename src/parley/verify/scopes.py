"""Scopes: what was written to, read from and found in one chat, or among one application's chats."""

from __future__ import annotations

from typing import Final

from parley.verify.history import Row
from parley.verify.operations import NEVER, Operation
from parley.verify.writes import Removal, Write

KEPT: Final = Removal()
"""Of what nobody has deleted."""

_TOKEN_LENGTH: Final = 32
_SHOWN: Final = 4


class Version:
    """A number with a text, as it was read at least once."""

    __slots__ = ("first", "last", "marked", "offset", "row", "write")

    def __init__(self, row: Row, first: Operation) -> None:
        """Take what was read, and by whom."""
        self.row: Final = row
        self.first = first
        """The read that ended first."""
        self.last: Operation | None = None
        """The read that began last, of those that must show the present state."""
        self.marked: Operation | None = None
        """The degraded read that began last."""
        self.write: Write | None = None
        """Who wrote this value, to whatever scope."""
        self.offset = 0
        """Which of the write's values it is."""


class Reading:
    """What one source of the final phase says of a scope."""

    __slots__ = ("by", "gaps", "is_whole", "letters", "rows", "source", "tombstones")

    def __init__(self, by: Operation) -> None:
        """Take the first operation of it."""
        self.by: Final = by
        self.source: Final = by.svc
        self.is_whole = False
        """Whether its last part was answered; one that failed may be tried again."""
        self.rows: Final[dict[int, Row]] = {}
        self.tombstones: Final[set[int]] = set()
        self.gaps: Final[list[tuple[int, int]]] = []
        self.letters: Final[set[int]] = set()

    def add(self, read: Operation) -> None:
        """Take a reading, or a part of it, answered or not."""
        self.is_whole = read.is_ok
        if not read.is_ok:
            return
        self.rows.update((row.number, row) for row in read.rows)
        if read.answer is not None:
            self.tombstones.update(read.answer.tombstones)
            self.gaps.extend(read.answer.gaps)
            self.letters.update(read.answer.letters)


class Scope:
    """Where numbers count: chat 0 is the application's chats."""

    __slots__ = (
        "_last_reads",
        "app",
        "chat",
        "closing",
        "counts",
        "creates",
        "edits",
        "finals",
        "owners",
        "readings",
        "reads",
        "removals",
        "searches",
        "versions",
    )

    def __init__(self, app: str, chat: int) -> None:
        """Begin with nothing."""
        self.app: Final = app
        self.chat: Final = chat
        self.creates: Final[list[Write]] = []
        self.edits: Final[dict[int, list[Write]]] = {}
        self.removals: Final[dict[int, Removal]] = {}
        self.reads: Final[list[Operation]] = []
        """Every ``get`` and ``list`` that was answered, by their begin."""
        self.searches: Final[list[Operation]] = []
        self.counts: Final[list[Operation]] = []
        self.finals: Final[list[Operation]] = []
        self.readings: Final[dict[str, Reading]] = {}
        """What the finals say, by their source, and by who was asked where that is said."""
        self.versions: Final[dict[int, Version]] = {}
        """By the identity of the row."""
        self.owners: Final[dict[int, Write]] = {}
        """Who was first seen to have created a number."""
        self.closing: Removal = KEPT
        """Of a chat: its own deletion."""
        self._last_reads: dict[int, Operation] | None = None

    @property
    def where(self) -> str:
        """How a finding names it; a token is shortened."""
        app = f"{self.app[:_SHOWN]}****" if len(self.app) >= _TOKEN_LENGTH else self.app
        return f"application {app}, {f'chat {self.chat}' if self.chat else 'its chats'}"

    @property
    def may_be_closed(self) -> bool:
        """Whether the chat may have been deleted."""
        return self.closing.possible_ns != NEVER

    def removal(self, number: int) -> Removal:
        """Give what is known about the deletion of a number."""
        return self.removals.get(number, KEPT)

    def may_lack(self, number: int, ns: int) -> bool:
        """Tell whether a number, or the whole chat, may be deleted at a time."""
        return self.removal(number).possible_ns <= ns or self.closing.possible_ns <= ns

    def last_read(self, number: int) -> Operation | None:
        """Give the read that saw a number last, as far as that was kept."""
        if self._last_reads is None:
            self._last_reads = {}
            for version in self.versions.values():
                read = version.last or version.first
                known = self._last_reads.setdefault(version.row.number, read)
                if known.end_ns < read.end_ns:
                    self._last_reads[version.row.number] = read
        return self._last_reads.get(number)
