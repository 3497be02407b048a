"""How an entry lies on the stream: MessagePack under a version; what this code cannot read is kept whole."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import msgspec

from parley.domain.events import Depth, Entry, Event, Logged, Position, Unread, position_id

VERSION: Final = b"1"
_HEAD: Final = struct.Struct(">IQQ")
"""Number, messages and bytes so far."""

encode_entry = msgspec.msgpack.Encoder().encode
_decode_entry = msgspec.msgpack.Decoder(Entry).decode
_decode_unread = msgspec.msgpack.Decoder(Unread).decode


def stream_id(position: int) -> bytes:
    """Write a position's id as the stream does: milliseconds and sequence."""
    return b"%d-%d" % split_id(position)


def split_id(position: int) -> tuple[int, int]:
    """Give a position's milliseconds and sequence."""
    at = Position(0, position).at
    return at, position - position_id(at)


def read_id(written: bytes) -> int:
    """Give the position's id that a stream's id stands for."""
    at, _, sequence = written.partition(b"-")
    return position_id(int(at), int(sequence))


def read_entry(epoch: int, written: bytes, fields: Sequence[bytes]) -> Logged:
    """Give what lies at one place of a stream."""
    position = Position(epoch, read_id(written))
    version, value = fields[0], fields[1]
    return _read(position, version, value) or Logged(
        position, None, encode_unread(version, value), _depth(version, value)
    )


def encode_unread(version: bytes, value: bytes) -> bytes:
    """Write what lies at one place of a stream, so that a version that can read it loses nothing."""
    return msgspec.msgpack.encode(Unread(version, value))


def read_again(position: Position, raw: bytes) -> Logged | None:
    """Read what was set aside unread, ``None`` if this version cannot either."""
    try:
        version, value = _decode_unread(raw)
    except ValueError:  # msgspec's errors are ValueErrors
        return None
    return _read(position, version, value)


def _read(position: Position, version: bytes, value: bytes) -> Logged | None:
    if version != VERSION or len(value) < _HEAD.size:
        return None
    number, messages, size = _HEAD.unpack_from(value)
    raw = value[_HEAD.size :]
    try:
        return Logged(position, Event(position, number, _decode_entry(raw)), raw, Depth(messages, size))
    except (ValueError, RecursionError):
        return None


def _depth(version: bytes, value: bytes) -> Depth:
    """Give the counts in front of an entry, also if it is damaged."""
    if version != VERSION or len(value) < _HEAD.size:
        return Depth()
    return Depth(*_HEAD.unpack_from(value)[1:])
