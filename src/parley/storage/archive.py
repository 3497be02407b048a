"""The storage's port for backups: a database as one thing that becomes a file, and comes of it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from parley.domain.events import Position, position_id

Show = Callable[[int, int | None], None]
"""Hears how much is done, and of how much if that is known."""


class Place(msgspec.Struct, frozen=True):
    """Where a partition is: its log's epoch, how far that is stored, and where numbers come from."""

    id: int
    epoch: int
    mode: str
    position: Position
    change: Position
    """Of the last change that followers are told of."""

    def floor(self, epoch: int, now_ms: int) -> Position:
        """Give a position of a later epoch that nothing stored is beyond."""
        return Position(epoch, max(position_id(now_ms), self.position.id + 1, self.change.id + 1))


class Holdings(msgspec.Struct, frozen=True):
    """What a database holds in one state."""

    schema: int
    oldest_code: int
    partitions: Sequence[Place]
    scopes: int
    highest: int
    """The highest number that any scope was granted."""
    counts: Mapping[str, int]
    """Rows, deleted ones too."""


class History(msgspec.Struct, frozen=True):
    """What begins in a database that was put back."""

    epochs: Mapping[int, int]
    """Of each partition; above all that its log has ever had."""
    burn: int
    """By how much each scope's floor is raised at its next use."""
    now_ms: int


class Archive(Protocol):
    """Copies a database and puts it back. Synchronous, on the caller's thread: it serves one command.

    All methods raise `UnavailableError` when the database is away.
    """

    kind: str
    """What a copy is for; another kind of database cannot be made of it."""
    file: str
    """How a copy is called in a backup."""
    newest: int
    """The newest schema that this code knows."""

    def save(self, file: Path, show: Show) -> Holdings:
        """Write one state of the database, while others write on, and say what it holds.

        Raises:
            ConfigurationError: there is no database, or its schema is not this code's.
        """

    def load(self, file: Path, history: History, show: Show) -> Holdings:
        """Make a database of a copy, where there is none, and `begin` a history in it, as one step.

        Killed in the middle, it leaves what no process starts on; called again, it begins anew.

        Raises:
            ConfigurationError: there is a database already.
        """

    def begin(self, history: History) -> Holdings:
        """Begin a history in a database that was put back by other means.

        Idempotency keys are forgotten, followers begin anew, and every number up to what a scope was granted, and
        ``burn`` more, is never given again.

        Raises:
            ConfigurationError: a process uses the database.
        """

    def holdings(self) -> Holdings:
        """Say what the database holds at present.

        Raises:
            ConfigurationError: there is no database, or its schema is not this code's.
        """
