"""What goes on the log: scopes, entries, positions and events.

An *entry* is what a writer asks the log to append; an *event* is the entry with the number and
the position that the log gave it. A bulk of messages is one entry: its numbers are consecutive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, NamedTuple

import msgspec

from parley.domain.model import Draft

NUMBER_LIMIT: Final = 2**32 - 1
"""The last number of a scope: storage and index pack chat and number into 64 bits."""

_SEQUENCE_BITS = 20

Number = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_LIMIT)]
"""A number of a scope, as it may lie on a log: one beyond is of nobody, and fits into no row."""


class Position(NamedTuple):
    """A place in a partition's log: compared by epoch first, then by id.

    ``id`` is ``milliseconds << 20 | sequence``, the log's own time made unique, so it also
    says when the event happened.
    """

    epoch: int
    id: int

    @property
    def at(self) -> int:
        """UTC milliseconds at which the log took the event."""
        return self.id >> _SEQUENCE_BITS


def position_id(at: int, sequence: int = 0) -> int:
    """Make a position's id of UTC milliseconds and a sequence below 1,048,576."""
    return at << _SEQUENCE_BITS | sequence


class ChatCreated(msgspec.Struct, frozen=True, tag="chat_created"):
    """A chat with the entry's number came to be."""

    title: str | None = None


class ChatRetitled(msgspec.Struct, frozen=True, tag="chat_retitled"):
    """The chat has another title."""

    title: str | None


class ChatDeleted(msgspec.Struct, frozen=True, tag="chat_deleted"):
    """The chat's gate is closed for ever."""


class MessagesPosted(msgspec.Struct, frozen=True, tag="messages_posted"):
    """One or more messages with consecutive numbers, the event's number being the first."""

    messages: tuple[Draft, ...]


class MessageEdited(msgspec.Struct, frozen=True, tag="message_edited"):
    """The message has another body."""

    body: str


class MessageDeleted(msgspec.Struct, frozen=True, tag="message_deleted"):
    """The message became a tombstone."""


class ApplicationClosed(msgspec.Struct, frozen=True, tag="application_closed"):
    """The application's gate is closed for ever; the log says so to those who follow it."""


class NumbersBurnt(msgspec.Struct, frozen=True, tag="numbers_burnt"):
    """Numbers of the scope, from the event's own to ``last``, that the log will never give."""

    last: Number


What = (
    ChatCreated
    | ChatRetitled
    | ChatDeleted
    | MessagesPosted
    | MessageEdited
    | MessageDeleted
    | ApplicationClosed
    | NumbersBurnt
)


class IdempotencyKey(msgspec.Struct, frozen=True):
    """A client's key, within one application and route, and its request's fingerprint.

    ``route`` is ``chats``, ``messages`` or ``bulk``; ``fingerprint`` is BLAKE2b-128 over method,
    route, path parameters and accepted fields.
    """

    route: str
    key: str
    fingerprint: bytes


class Entry(msgspec.Struct, frozen=True):
    """What a writer asks the log to append.

    ``chat`` is ``None`` for a new chat. ``number`` is ``None`` for what takes a new number, and
    the existing message's number for an edit or a delete.
    """

    token: str
    chat: Number | None
    what: What
    number: Number | None = None
    key: IdempotencyKey | None = None


class Event(msgspec.Struct, frozen=True):
    """An entry that the log took: with its (first) number and its position."""

    position: Position
    number: int
    entry: Entry


class Unread(NamedTuple):
    """An entry as it lies on a log that this code cannot read: kept whole for a version that can."""

    version: bytes
    value: bytes


class Depth(NamedTuple):
    """Messages and bytes, as a count since a log's life began, or as the difference of two."""

    messages: int = 0
    bytes: int = 0


class Logged(NamedTuple):
    """What lies at one place of a log that is not the database.

    ``event`` is ``None`` if this code cannot read it: of an unknown version, or damaged. ``raw`` is what a dead letter
    keeps of it: the entry, or all that lies there if it cannot be read. ``so_far`` is the log's count with this entry.
    """

    position: Position
    event: Event | None
    raw: bytes
    so_far: Depth


ReadAgain = Callable[[Position, bytes], Logged | None]
"""Reads what was set aside unread, of its position and its ``raw``; ``None`` if this version cannot either."""
