"""Entries as the arguments of the append script, and its reply as outcomes; `lua/append.lua` has the order of both."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    IdempotencyKey,
    MessagesPosted,
    Position,
    position_id,
)
from parley.domain.grants import ScopeName
from parley.domain.numbering import Appended, Outcome, Reason, Refused, Replayed
from parley.log.redis.entries import encode_entry

Vouched = Callable[[str, str, str], int]
"""Gives the stamp at which the database did not know a (token, route, key), 0 if it was not asked."""

_ENTRY: Final = struct.Struct(">cIIQI")
_KEYED: Final = struct.Struct(">16sQ")
_SCOPE: Final = struct.Struct(">IIBQ")
_OUTCOME: Final = struct.Struct(">BIQI")
_APPENDED, _REPLAYED = 0, 1
_REASONS: Final = {
    2: Reason.APPLICATION_GONE,
    3: Reason.CHAT_GONE,
    4: Reason.KEY_REUSED,
    5: Reason.EXHAUSTED,
    6: Reason.COLD,
    7: Reason.KEY_UNKNOWN,
    8: Reason.MESSAGE_GONE,
}
_KINDS: Final = {ChatCreated: b"c", ChatRetitled: b"t", ChatDeleted: b"d", ApplicationClosed: b"x"}
_MESSAGE: Final = b"e"


class Packed:
    """The arguments of one partition's share of a batch, but for the sequence, and whose they are."""

    __slots__ = ("_keys", "_scopes", "entries", "places")

    def __init__(self) -> None:
        """Begin without an entry."""
        self._scopes: dict[str, int] = {}
        self._keys: dict[str, int] = {}
        self.entries: list[bytes] = []
        self.places: list[int] = []
        """Where in the batch each entry stands."""

    def add(self, place: int, entry: Entry, vouched: Vouched) -> None:
        """Pack one more entry."""
        self.places.append(place)
        token, chat, what = entry.token, entry.chat, entry.what
        application = _index(self._scopes, token)
        scope = 0 if chat is None else _index(self._scopes, f"{token}:{chat}")
        if type(what) is MessagesPosted:
            kind, count = b"m", len(what.messages)
        else:
            kind, count = _KINDS.get(type(what), _MESSAGE), entry.number or chat or 0
        key = entry.key
        if key is None:
            head = _ENTRY.pack(kind, application, scope, count, 0)
        else:
            index = _index(self._keys, key_name(token, key))
            stamp = vouched(token, key.route, key.key)
            head = _ENTRY.pack(kind, application, scope, count, index) + _KEYED.pack(key.fingerprint, stamp)
        self.entries.append(head + encode_entry(entry))

    def arguments(self, sequence: int, key_ttl_ms: int) -> tuple[bytes | str | int, ...]:
        """Give all arguments but the epoch, which comes first."""
        counts = (sequence, key_ttl_ms, len(self._scopes), len(self._keys))
        return (*counts, *self._scopes, *self._keys, *self.entries)


def _index(names: dict[str, int], name: str) -> int:
    """Give a name's place among the names, from 1."""
    return names.setdefault(name, len(names) + 1)


def scope_name(name: ScopeName) -> str:
    """Name a scope within a partition."""
    return name.token if name.chat is None else f"{name.token}:{name.chat}"


def is_closed(scope: bytes) -> bool:
    """Tell whether the gate of a scope, as the scripts keep it, is closed."""
    _, _, closed, _ = _SCOPE.unpack(scope)
    return bool(closed)


def key_name(token: str, key: IdempotencyKey) -> str:
    """Name an idempotency key within a partition."""
    return f"{token}\0{key.route}\0{key.key}"


def read_outcomes(epoch: int, reply: bytes) -> list[Outcome]:
    """Give what became of each entry.

    Raises:
        struct.error: the reply is no list of outcomes.
    """
    return [
        Appended(number, Position(epoch, position_id(at, sequence)))
        if code == _APPENDED
        else _other(epoch, code, number, at, sequence)
        for code, number, at, sequence in _OUTCOME.iter_unpack(reply)
    ]


def _other(epoch: int, code: int, number: int, at: int, sequence: int) -> Outcome:
    if code == _REPLAYED:
        return Replayed(number, Position(epoch, position_id(at, sequence)))
    return Refused(_REASONS[code], at, number)


def last_position(outcomes: Sequence[Outcome]) -> Position | None:
    """Give the highest position that was given, which is the last; ``None`` if nothing was appended."""
    return next((outcome.position for outcome in reversed(outcomes) if isinstance(outcome, Appended)), None)
