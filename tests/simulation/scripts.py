"""What the log's scripts do, modelled: tests/contract/test_simulated_log.py holds it against the real ones.

A partition's keys are dictionary entries: epoch and sealed are numbers, meta is a `Meta`, scopes and keys are
dictionaries, the stream is a `Stream`, and a writer's key has its last two replies.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from copy import copy
from typing import Any, Final, NamedTuple

import msgspec

FIRST_GRANT: Final = 1_000
_OUTCOME: Final = struct.Struct(">BIQI")
_ENTRY: Final = struct.Struct(">cIIQI")
_KEYED: Final = struct.Struct(">16sQ")
_HEAD: Final = struct.Struct(">IQQ")
APPENDED, REPLAYED, APPLICATION_GONE, CHAT_GONE, KEY_REUSED, EXHAUSTED, COLD, KEY_UNKNOWN, MESSAGE_GONE = range(9)

Data = dict[str, Any]
Argument = bytes | str | int


class Scope(msgspec.Struct):
    """Where a scope's numbers stand, and its gate."""

    last: int
    until: int
    closed: int
    at: int


class Meta(msgspec.Struct):
    """What a life of a partition's log counts; the names are those of the fields in the engine."""

    ms: int
    seq: int
    stamp: int
    since: int
    young_since: int
    messages: int = 0
    bytes: int = 0
    stored_messages: int = 0
    stored_bytes: int = 0
    stored_ms: int | None = None
    stored_seq: int | None = None
    young: str = "a"
    turned_ms: int = 0
    turned_seq: int = 0


class Stream(msgspec.Struct):
    """Entries in order; the last id stays when they are trimmed."""

    ms: int
    seq: int
    entries: list[tuple[int, int, bytes]] = msgspec.field(default_factory=list)


class Machine:
    """One engine's data and clock, and the scripts that run on them."""

    def __init__(self, now_ms: Any, first_grant: int = FIRST_GRANT, broken: frozenset[str] = frozenset()) -> None:  # noqa: ANN401
        """Ask ``now_ms()`` for the time; ``broken`` names rules that this build forgets."""
        self.data: Data = {}
        self.wrote = False
        """Whether the last append wrote anything."""
        self.before: Data | None = None
        """What there was before it, where somebody wants to know."""
        self.keeps_before = False
        self.unwritten: list[tuple[str, tuple[int, int, bytes]]] = []
        """Entries of a broken build, which writes them in a second step."""
        self.now_ms = now_ms
        self.first_grant = first_grant
        self.broken = broken

    def append(self, keys: Sequence[str], argv: Sequence[Argument]) -> bytes:
        """Decide a batch entry by entry, and write it."""
        if self.keeps_before:
            self.before = copy_data(self.data)
        self.wrote = False
        return Appending(self, keys, argv).run()

    def restore(self, keys: Sequence[str], argv: Sequence[Argument]) -> bytes:
        """Set what is not known of scopes, and extend grants."""
        epoch, meta_key, scopes_key, log = keys
        meta = self.data.get(meta_key)
        if self.data.get(epoch) != int(argv[0]) or meta is None:
            return b"EPOCH"
        sets = argv[1] not in {"", b""}
        if sets and meta.stamp != int(argv[1]):
            return b"STAMP"
        ms, seq = self.tick(meta)
        scopes = self.data.setdefault(scopes_key, {})
        for at in range(2, len(argv), 6):
            name, closed, stored, first, granted = _text(argv[at]), *map(int, argv[at + 1 : at + 5])
            scope = scopes.get(name)
            if scope is None and sets:
                last = stored if first <= stored + 1 else first - 1
                scopes[name] = Scope(last, max(last, granted), closed, ms)
            elif scope is not None and not scope.closed and granted > scope.until:
                if first > scope.until + 1:
                    if scope.last < first - 1:
                        seq += 1
                        self.write(meta, log, (ms, seq), (scope.last + 1, 1), _bytes(argv[at + 5]))
                        meta.ms, meta.seq = ms, seq
                        scope.at = ms
                    scope.last = first - 1
                scope.until = granted
        return b"OK"

    def open(self, keys: Sequence[str], argv: Sequence[Argument]) -> bytes:
        """Begin a life, or make the present one ready."""
        epoch_key, sealed_key, meta_key, log = keys
        epoch, ms, seq, since, stamp, resumes = map(int, argv)
        if epoch < self.data.get(epoch_key, 0) or epoch <= self.data.get(sealed_key, 0):
            return b"ENDED"
        meta = self.data.get(meta_key)
        if meta is not None:
            meta.ms, meta.seq = max((meta.ms, meta.seq), (ms, seq))
        elif resumes:
            return b"LOST"
        else:
            self.data[log] = Stream(ms, seq)
            self.data[meta_key] = Meta(ms, seq, stamp, since, since)
        self.data[epoch_key] = epoch
        return b"OK"

    def seal(self, keys: Sequence[str], argv: Sequence[Argument]) -> bytes:
        """End the present life for ever."""
        epoch_key, sealed_key = keys
        self.data[sealed_key] = max(int(argv[0]), self.data.get(epoch_key, 0), self.data.get(sealed_key, 0))
        self.data.pop(epoch_key, None)
        return b"OK"

    def trim(self, keys: Sequence[str], argv: Sequence[Argument]) -> bytes:
        """Let go of what is stored, and of keys and scopes beyond their budget."""
        meta_key, scopes_key, keys_a, keys_b, log = keys
        ms, seq, messages, size, most_keys, most_scopes, idle_ms, gate_ms = map(int, argv)
        meta = self.data.get(meta_key)
        if meta is None:
            return b"GONE"
        now = max(meta.ms, self.now_ms())
        stream = self.data[log]
        stream.entries = [entry for entry in stream.entries if entry[:2] > (ms, seq)]
        meta.stored_messages = max(meta.stored_messages, messages)
        meta.stored_bytes = max(meta.stored_bytes, size)
        if (ms, seq) > (meta.stored_ms or 0, meta.stored_seq or 0):
            meta.stored_ms, meta.stored_seq = ms, seq
        young, old = (keys_a, keys_b) if meta.young == "a" else (keys_b, keys_a)
        if len(self.data.get(young, ())) > most_keys:
            self._turn(meta, old, (ms, seq), now)
        scopes = self.data.get(scopes_key, {})
        if len(scopes) > most_scopes:  # a slice of 1,000 in the engine, which is all of them here
            idle = [
                name
                for name, scope in scopes.items()
                if scope.at < ms and scope.at + (gate_ms if scope.closed and ":" not in name else idle_ms) <= now
            ]
            for name in idle:
                del scopes[name]
            meta.stamp += bool(idle)
        return b"OK"

    def _turn(self, meta: Meta, old: str, stored: tuple[int, int], now: int) -> None:
        is_empty = not self.data.get(old)
        if not is_empty and (meta.turned_ms, meta.turned_seq) > stored:
            return
        if not is_empty:
            del self.data[old]
            meta.stamp += 1
            meta.since = max(meta.since, meta.young_since)
        meta.young = "b" if meta.young == "a" else "a"
        meta.young_since, meta.turned_ms, meta.turned_seq = now + 1, meta.ms, meta.seq

    def tick(self, meta: Meta) -> tuple[int, int]:
        """Give the time of the next entry, and the sequence before it."""
        now = self.now_ms()
        return (now, -1) if now > meta.ms else (meta.ms, meta.seq)

    def write(self, meta: Meta, log: str, place: tuple[int, int], numbered: tuple[int, int], payload: bytes) -> None:
        """Put one entry on the stream, with its number and how many it takes, and count it."""
        number, weight = numbered
        meta.messages, meta.bytes = meta.messages + weight, meta.bytes + len(payload)
        entry = *place, _HEAD.pack(number, meta.messages, meta.bytes) + payload
        if "number and entry apart" in self.broken:
            self.unwritten.append((log, entry))
        else:
            self._put(log, entry)

    def write_rest(self, rest: list[tuple[str, tuple[int, int, bytes]]]) -> None:
        """Put entries on the stream whose numbers were given before; a stream takes no earlier id."""
        for log, entry in rest:
            stream = self.data.get(log)
            if stream is not None and entry[:2] > (stream.ms, stream.seq):
                self._put(log, entry)

    def _put(self, log: str, entry: tuple[int, int, bytes]) -> None:
        stream = self.data[log]
        stream.entries.append(entry)
        stream.ms, stream.seq, _ = entry


class _Asked(NamedTuple):
    """One entry of a batch; no name means none. The amount is what a message entry takes, or the number it is about."""

    kind: bytes
    token: str
    chat: str
    amount: int
    payload: bytes
    key: str
    fingerprint: bytes
    vouched: int


_Decided = tuple[int, int, int, int]
"""A code, a number, and a place or a stamp."""


class Appending:
    """One run of the append script."""

    def __init__(self, machine: Machine, keys: Sequence[str], argv: Sequence[Argument]) -> None:
        """Take its arguments apart; their order is in ``append.lua``."""
        self._machine = machine
        self._keys = keys
        self._epoch, self._sequence, self._ttl_ms, scopes, known = (int(argument) for argument in argv[:5])
        names = list(map(_text, argv[5 : 5 + scopes + known]))
        self._names, self._key_names = names[:scopes], names[scopes:]
        self._entries = argv[5 + scopes + known :]
        self._fresh: dict[str, tuple[bytes, int, int, int]] = {}
        self._moved: dict[str, Scope] = {}

    def run(self) -> bytes:
        """Give the reply."""
        data, machine = self._machine.data, self._machine
        epoch_key, meta_key, scopes_key, *_, self._log, writer_key = self._keys
        meta = data.get(meta_key)
        if (data.get(epoch_key) != self._epoch and "epoch not checked" not in machine.broken) or meta is None:
            return b"EPOCH"
        past = data.get(writer_key, {})
        slot = self._sequence % 2
        if slot in past and past[slot][0] == self._sequence:
            return bytes(past[slot][1])
        if any(before > self._sequence for before, _ in past.values()):
            return b"LATE"
        self._meta: Meta = meta
        self._scopes = data.setdefault(scopes_key, {})
        self._ms, self._seq = machine.tick(meta)
        self._forgotten = self._ms - self._ttl_ms
        reply = b"".join([self._outcome(bytes(entry)) for entry in self._entries])  # type: ignore[arg-type]
        for scope in self._moved.values():
            scope.at = self._ms
        data.setdefault(self._young, {}).update(self._fresh)
        data[writer_key] = past | {slot: (self._sequence, reply)}
        return reply

    @property
    def _young(self) -> str:
        return self._keys[3 if self._meta.young == "a" else 4]

    def _outcome(self, entry: bytes) -> bytes:
        kind, application, chat, count, key = _ENTRY.unpack_from(entry)
        start = _ENTRY.size
        fingerprint, vouched = b"", 0
        if key:
            fingerprint, vouched = _KEYED.unpack_from(entry, start)
            start += _KEYED.size
        token, name = self._names[application - 1], self._names[chat - 1] if chat else ""
        key_name = self._key_names[key - 1] if key else ""
        return _OUTCOME.pack(
            *self._decide(_Asked(kind, token, name, count, entry[start:], key_name, fingerprint, vouched))
        )

    def _decide(self, asked: _Asked) -> _Decided:
        application, scope = self._scopes.get(asked.token), self._scopes.get(asked.chat)
        if asked.kind == b"x":
            return self._close(asked, application)
        if application is not None and application.closed:
            return APPLICATION_GONE, 0, 0, 0
        if scope is not None and scope.closed and "gate not checked" not in self._machine.broken:
            return CHAT_GONE, 0, 0, 0
        if application is None or (asked.chat and scope is None):
            return COLD, 0, self._meta.stamp, 0
        seen = self._decide_key(asked) if asked.key else None
        if seen is not None:
            return seen
        decided = self._take(asked)
        if decided[0] == APPENDED and asked.key:
            self._fresh[asked.key] = asked.fingerprint, *decided[1:]
        return decided

    def _close(self, asked: _Asked, application: Scope | None) -> _Decided:
        if application is not None and application.closed == 2:
            return APPLICATION_GONE, 0, 0, 0
        if application is None:
            application = self._scopes[asked.token] = Scope(0, 0, 0, self._ms)
        application.closed = 2
        self._moved[asked.token] = application
        return self._write(asked.amount, 1, asked.payload)

    def _decide_key(self, asked: _Asked) -> _Decided | None:
        name, data = asked.key, self._machine.data
        known = self._fresh.get(name)
        if known is None:
            old = self._keys[4 if self._meta.young == "a" else 3]
            known = data.get(self._young, {}).get(name) or data.get(old, {}).get(name)
        if known is not None and "duplicate key ignored" not in self._machine.broken:
            if known[2] > self._forgotten:
                return (REPLAYED, *known[1:]) if known[0] == asked.fingerprint else (KEY_REUSED, 0, 0, 0)
        elif known is None and self._meta.since > self._forgotten and asked.vouched != self._meta.stamp:
            return KEY_UNKNOWN, 0, self._meta.stamp, 0
        return None

    def _take(self, asked: _Asked) -> _Decided:
        kind, token, chat, count, payload, *_ = asked
        scope = self._scopes[chat or token]
        number, weight = count, 1
        if kind == b"m":
            number, weight = scope.last + 1, count
            if scope.last + count > scope.until:
                return EXHAUSTED, scope.until, self._meta.stamp, 0
            scope.last += count
            self._moved[chat] = scope
        elif kind == b"c":
            if scope.last >= scope.until:
                return EXHAUSTED, scope.until, self._meta.stamp, 0
            scope.last = number = scope.last + 1
            self._moved[token] = scope
            name = f"{token}:{number}"
            self._moved[name] = self._scopes[name] = Scope(0, self._machine.first_grant, 0, self._ms)
        elif kind == b"d":
            scope.closed = 2
            self._moved[chat] = scope
        elif kind == b"e" and number > scope.last:
            return MESSAGE_GONE, 0, 0, 0
        return self._write(number, weight, payload)

    def _write(self, number: int, weight: int, payload: bytes) -> _Decided:
        self._seq += 1
        self._machine.wrote = True
        self._machine.write(self._meta, self._log, (self._ms, self._seq), (number, weight), payload)
        self._meta.ms, self._meta.seq = self._ms, self._seq
        return APPENDED, number, self._ms, self._seq


def copy_data(data: Data) -> Data:
    """Copy all that is kept: of what lies inside only scopes, counts and the list of entries ever change."""
    return {key: _copy_value(value) for key, value in data.items()}


def _copy_value(value: Any) -> Any:  # noqa: ANN401 - whatever a key has
    if isinstance(value, Stream):
        return Stream(value.ms, value.seq, list(value.entries))
    if isinstance(value, dict):
        return {name: copy(each) if isinstance(each, Scope) else each for name, each in value.items()}
    return copy(value)


def _text(value: Argument) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _bytes(value: Argument) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
