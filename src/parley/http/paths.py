"""The paths of the creates: what they say, read once for each place that is written to."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import msgspec

from parley.http.requests import read_number

REMEMBERED_PATHS: Final = 16_384
LONGEST_REMEMBERED: Final = 128
"""Characters. Such paths are remembered by what is asked on every request; longer ones only cost memory."""

Kind = Literal["chats", "messages", "bulk"]

_COLLECTIONS: Final = frozenset({"chat_applications", "applications"})
_CHATS_PARTS: Final = 6
_MESSAGES_PARTS: Final = 8
_BULK_PARTS: Final = 9


class CreatePath(msgspec.Struct, frozen=True):
    """Where something is to be created."""

    kind: Kind
    """As an idempotency key names its route."""
    token: str
    chat: int | None
    """``None`` for a new chat, and where the path names a chat that cannot be."""
    location: bytes
    """The path itself: with a number behind it, where the created thing is."""

    @property
    def is_impossible(self) -> bool:
        """Whether the path names a chat by what is no number."""
        return self.chat is None and self.kind != "chats"


def read_create_path(path: str) -> CreatePath | None:
    """Give what a create's path says, ``None`` for any other path."""
    return _remembered(path) if len(path) <= LONGEST_REMEMBERED else _read(path)


def _read(path: str) -> CreatePath | None:
    parts = path.split("/")
    kind = _kind(parts)
    if kind is None:
        return None
    return CreatePath(kind, parts[4], None if kind == "chats" else read_number(parts[6]), path.encode())


def _kind(parts: list[str]) -> Kind | None:
    """Tell the kind of ``["", "api", "v1", collection, token, "chats", …]``."""
    count = len(parts)
    if count < _CHATS_PARTS or parts[3] not in _COLLECTIONS or parts[1:3] != ["api", "v1"] or parts[5] != "chats":
        return None
    if count == _CHATS_PARTS:
        return "chats"
    if count == _MESSAGES_PARTS and parts[7] == "messages":
        return "messages"
    return "bulk" if count == _BULK_PARTS and parts[7:] == ["messages", "bulk"] else None


_remembered = lru_cache(REMEMBERED_PATHS)(_read)
