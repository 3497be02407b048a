"""Metadata of new messages, as the client wrote it: found in the request's bytes, without its white space."""

from __future__ import annotations

import re
from typing import Final

import msgspec

_SPACE: Final = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


class _WithMetadata(msgspec.Struct):
    metadata: msgspec.Raw = msgspec.Raw(b"null")


class _Wrapped(msgspec.Struct):
    message: _WithMetadata | msgspec.UnsetType = msgspec.UNSET
    metadata: msgspec.Raw = msgspec.Raw(b"null")


class _Bulk(msgspec.Struct):
    messages: list[_WithMetadata]


_read_one = msgspec.json.Decoder(_Wrapped).decode
_read_many = msgspec.json.Decoder(_Bulk).decode


def raw_of_one(body: bytes) -> bytes:
    """Give the metadata of one message's request, wrapped or not; both are known to be right in shape."""
    found = _read_one(body)
    return bytes((found.message or found).metadata)


def raw_of_many(body: bytes) -> list[bytes]:
    """Give the metadata of each message of a bulk that is known to be right in shape."""
    return [bytes(message.metadata) for message in _read_many(body).messages]


def compacted(raw: bytes) -> bytes:
    """Take white space out of JSON; numbers stay as the client wrote them."""
    return _SPACE.sub(rb"\1", raw)


def holds_nul(value: object) -> bool:
    """Tell whether a string in decoded JSON holds NUL."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(holds_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(holds_nul(part) for part in value)
