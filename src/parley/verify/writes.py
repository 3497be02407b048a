"""Writes: what was written, by all tries of it together, and what was taken away again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from parley.verify.operations import NEVER, Operation

if TYPE_CHECKING:
    from parley.verify.scopes import Scope


class Write:
    """A ``post``, a ``create_chat`` or an ``edit``, with its retries."""

    __slots__ = (
        "acks",
        "base",
        "base_by",
        "base_counts",
        "begin_ns",
        "done_ns",
        "edited",
        "end_ns",
        "is_firm",
        "is_refused",
        "others",
        "scope",
        "shas",
        "stored_ns",
        "tried",
        "values",
    )

    def __init__(self, scope: Scope, first: Operation, edited: int = 0) -> None:
        """Take the first try, and of an edit the number."""
        self.scope: Final = scope
        self.tried: Final = first
        self.values: Final = first.v or ("",)
        self.shas: Final = first.sha
        self.edited: Final = edited
        """The number that is edited; 0 where something is created."""
        self.acks: Final[list[Operation]] = []
        self.base = edited
        """The number of the first value; 0 where nobody has seen it."""
        self.base_by: Operation | None = None
        self.base_counts = False
        self.others: list[tuple[int, Operation]] = []
        """Where it was, too, and must not have been."""
        self.begin_ns = first.begin_ns
        """Before this it cannot have taken effect."""
        self.end_ns = NEVER
        """When it was first acknowledged, at the promised level if ever."""
        self.stored_ns = NEVER
        """When it was first acknowledged as stored: from here on degraded reads have it, too."""
        self.done_ns = 0
        """After this it takes no effect any more: every try of an edit may take effect."""
        self.is_firm = False
        """Whether it was acknowledged at the level that is promised."""
        self.is_refused = True
        """Whether it certainly was not done: every try has failed."""

    def add(self, tried: Operation, *, is_firm: bool, is_stored: bool) -> None:
        """Take a try, the first one too."""
        if tried.outcome == "fail":
            return
        self.begin_ns = tried.begin_ns if self.is_refused else min(self.begin_ns, tried.begin_ns)
        self.is_refused = False
        self.done_ns = max(self.done_ns, tried.end_ns)
        if tried.is_ok:
            self.acks.append(tried)
            if is_firm >= self.is_firm:
                self.end_ns = tried.end_ns if is_firm > self.is_firm else min(self.end_ns, tried.end_ns)
            self.is_firm |= is_firm
            if is_stored:
                self.stored_ns = min(self.stored_ns, tried.end_ns)

    def place(self, base: int, by: Operation, *, counts: bool) -> None:
        """Note under which number its first value was acknowledged, or read; what ``counts`` may not go again."""
        if self.edited:
            return
        if self.base == 0 or (counts and not self.base_counts):
            self.base, self.base_by, self.base_counts = base, by, counts
        elif counts and base != self.base:
            self.others.append((base, by))

    @property
    def numbers(self) -> range:
        """Its numbers; none where nobody has seen them."""
        return range(self.base, self.base + len(self.values)) if self.base else range(0)

    def sha(self, offset: int) -> str:
        """Give the digest of one of its texts, if it was recorded."""
        return self.shas[offset] if offset < len(self.shas) else ""


def acknowledged_ns(write: Write) -> int:
    """Give the time from which reads have a write; `NEVER` if nobody promised that."""
    return write.end_ns if write.is_firm else NEVER


def stored_ns(write: Write) -> int:
    """Give the time from which degraded reads have it, too."""
    return write.stored_ns


class Removal:
    """What is known about the deletion of a number."""

    __slots__ = ("possible_ns", "stored_by", "stored_ns", "sure_by", "sure_ns")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.possible_ns = NEVER
        """From here on it may be gone."""
        self.sure_ns = NEVER
        """From here on it must be gone."""
        self.sure_by: Operation | None = None
        self.stored_ns = NEVER
        """From here on it must be gone from degraded reads, too."""
        self.stored_by: Operation | None = None

    def add(self, tried: Operation, *, is_firm: bool, is_stored: bool) -> None:
        """Take a try to delete it."""
        if tried.outcome == "fail":
            return
        self.possible_ns = min(self.possible_ns, tried.begin_ns)
        if tried.is_ok and is_firm and tried.end_ns < self.sure_ns:
            self.sure_ns, self.sure_by = tried.end_ns, tried
        if tried.is_ok and is_stored and tried.end_ns < self.stored_ns:
            self.stored_ns, self.stored_by = tried.end_ns, tried
