"""How numbers are given: the rule that every log follows, free of any engine.

A batch is decided entry by entry over the `States` that hold when it starts. Whoever numbers
(the embedded log; the standby) reads them, calls `decide` (`decide_unread`), and stores the outcome,
all in one atomic step.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import msgspec

from parley.domain.events import (
    NUMBER_LIMIT,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    MessageDeleted,
    MessagesPosted,
    Position,
    position_id,
)


class Appended(NamedTuple):
    """The entry is on the log under this (first) number; ``position.at`` is its ``created_at``.

    ``by_standby``: it is stored already, and the number is none of the log's.
    """

    number: int
    position: Position
    by_standby: bool = False


class Replayed(NamedTuple):
    """The key was seen with the same fingerprint: the first answer's number and position."""

    number: int
    position: Position
    by_standby: bool = False


class Reason(Enum):
    """Why an entry was refused: nothing of it was written and no number was taken."""

    APPLICATION_GONE = "application_gone"
    CHAT_GONE = "chat_gone"
    MESSAGE_GONE = "message_gone"
    KEY_REUSED = "key_reused"
    EXHAUSTED = "exhausted"
    """The scope's grant is used up; of an embedded log: the scope itself."""
    COLD = "cold"
    """The log does not know the scope; the database may."""
    KEY_UNKNOWN = "key_unknown"
    """The log no longer knows all keys of the last 24 h; the database does."""
    EPOCH = "epoch"
    """The log has another life than the one that the append named, or is between two."""
    AWAY = "away"
    """The log is away, and only its end could tell whether the entry may be taken."""


class Refused(NamedTuple):
    """The entry was refused, and why.

    A log of its own adds how often it had let go of what it knew (``stamp``), and the last number that it may give at
    present if that is too few (``until``).
    """

    reason: Reason
    stamp: int = 0
    until: int = 0


Outcome = Appended | Replayed | Refused


class ScopeState(msgspec.Struct):
    """Where a scope's numbers stand while one append is decided."""

    id: int
    partition: int
    granted_until: int
    closed: bool
    live_change: int = 0
    changed: bool = False


class KeyState(NamedTuple):
    """What a stored idempotency key stands for."""

    fingerprint: bytes
    number: int
    position: Position


class States(msgspec.Struct):
    """All that one append needs to know, read at its start and kept up while it decides."""

    positions: dict[int, Position]
    """By partition."""
    applications: dict[str, ScopeState]
    """By token; ``granted_until`` counts chats."""
    chats: dict[tuple[int, int], ScopeState]
    """By (application id, number); ``granted_until`` counts messages."""
    messages: set[tuple[int, int]]
    """(chat id, number) of the live messages that the batch wants to edit or delete."""
    keys: dict[tuple[int, str, str], KeyState]
    """By (application id, route, key)."""


def decide(entry: Entry, states: States, now: int) -> Outcome:
    """Decide one entry at ``now`` (UTC milliseconds) and move ``states`` on by what it takes.

    The order is part of the contract: gates, then the idempotency key, then the number.
    """
    application = states.applications.get(entry.token)
    if application is None or application.closed:
        return Refused(Reason.APPLICATION_GONE)
    scope = application if entry.chat is None else states.chats.get((application.id, entry.chat))
    if scope is None or scope.closed:
        return Refused(Reason.CHAT_GONE)
    if entry.key is not None:
        known = states.keys.get((application.id, entry.key.route, entry.key.key))
        if known is not None:
            same = known.fingerprint == entry.key.fingerprint
            return Replayed(known.number, known.position) if same else Refused(Reason.KEY_REUSED)
    number = _take_number(entry, scope, states)
    if isinstance(number, Refused):
        return number
    position = _next_position(states, application.partition, now)
    if entry.key is not None:
        known = KeyState(entry.key.fingerprint, number, position)
        states.keys[application.id, entry.key.route, entry.key.key] = known
    return Appended(number, position)


def decide_unread(entry: Entry, states: States, now: int) -> Outcome:
    """Decide one entry while nobody can read the log's end: what ``states`` do not know is unknown, not absent.

    All but creates needs that end: it may have something else of their target, and it has the gates.
    """
    if not isinstance(entry.what, ChatCreated | MessagesPosted):
        return Refused(Reason.AWAY)
    application = states.applications.get(entry.token)
    if application is None or application.closed:
        return Refused(Reason.APPLICATION_GONE)
    scope = application if entry.chat is None else states.chats.get((application.id, entry.chat))
    if scope is None:
        return Refused(Reason.AWAY)
    key = entry.key
    if key is not None and not scope.closed and (application.id, key.route, key.key) not in states.keys:
        return Refused(Reason.AWAY)
    outcome = decide(entry, states, now)
    return outcome if isinstance(outcome, Refused) else outcome._replace(by_standby=True)


def _take_number(entry: Entry, scope: ScopeState, states: States) -> int | Refused:
    """Move the scope's state on by the entry; give the number that the entry has or takes."""
    what = entry.what
    if isinstance(what, MessagesPosted):
        return _grow(scope, len(what.messages))
    if isinstance(what, ChatCreated):
        return _grow(scope, 1)
    if isinstance(what, ChatDeleted):
        scope.closed = True
        states.applications[entry.token].live_change -= 1
        states.applications[entry.token].changed = True
    if isinstance(what, ChatDeleted | ChatRetitled):
        return entry.chat or 0
    target = (scope.id, entry.number or 0)
    if target not in states.messages:
        return Refused(Reason.MESSAGE_GONE)
    if isinstance(what, MessageDeleted):
        states.messages.discard(target)
        scope.live_change -= 1
        scope.changed = True
    return target[1]


def _grow(scope: ScopeState, count: int) -> int | Refused:
    first = scope.granted_until + 1
    if scope.granted_until + count > NUMBER_LIMIT:
        return Refused(Reason.EXHAUSTED)
    scope.granted_until += count
    scope.live_change += count
    scope.changed = True
    return first


def _next_position(states: States, partition: int, now: int) -> Position:
    last = states.positions[partition]
    position = Position(last.epoch, max(position_id(now), last.id + 1))
    states.positions[partition] = position
    return position
