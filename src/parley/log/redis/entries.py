"""How an entry lies on the stream: MessagePack under a version; what this code cannot read keeps its bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import msgspec

from parley.domain.events import Depth, Entry, Event, Logged, Position, position_id

VERSION: Final = b"1"
_HEAD: Final = struct.Struct(">IQQ")
"""Number, messages and bytes so far."""

encode_entry = msgspec.msgpack.Encoder().encode
_decode_entry = msgspec.msgpack.Decoder(Entry).decode


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
    if version != VERSION or len(value) < _HEAD.size:
        return Logged(position, None, value, Depth())
    number, messages, size = _HEAD.unpack_from(value)
    raw = value[_HEAD.size :]
    try:
        event = Event(position, number, _decode_entry(raw))
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        event = None
    return Logged(position, event, raw, Depth(messages, size))
