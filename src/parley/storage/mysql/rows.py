"""Row shapes of the MySQL tables: names as bytes, models, and the compact form of a change's keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final

import msgspec

from parley.domain.model import Application, Chat, Message

NUMBER_BITS: Final = 32

Row = tuple[Any, ...]


def message_of(row: Row) -> Message:
    """Make a message of ``number, body, sender, metadata, created_at, updated_at``."""
    number, body, sender, metadata, created_at, updated_at = row
    if updated_at is None:
        return Message(number, body, sender, metadata, created_at, created_at)
    return Message(number, body, sender, metadata, created_at, updated_at, edited=True)


def chat_of(row: Row) -> Chat:
    """Make a chat of ``number, title, messages_count, created_at, updated_at``."""
    return Chat(*row)


def application_of(row: Row) -> Application:
    """Make an application of ``id, token, name, chats_count, created_at, updated_at``."""
    return Application(row[1].decode(), *row[2:])


def hash_of(text: str | None) -> bytes:
    """Tell one text from another, and an empty one from none."""
    return blake2b(b"\0" if text is None else text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def pack_keys(touched: Iterable[tuple[int, int]]) -> bytes:
    """Write (chat id, number) pairs compactly: runs of consecutive numbers, each once."""
    runs: list[int] = []
    chat, last = -1, -1
    for chat_id, number in sorted(set(touched)):
        if chat_id == chat and number == last + 1:
            runs[-1] += 1
        else:
            runs += (chat_id, number, 1)
        chat, last = chat_id, number
    return msgspec.msgpack.encode(runs)


def unpack_keys(packed: bytes) -> Iterator[tuple[int, int]]:
    """Read what `pack_keys` wrote."""
    numbers = iter(msgspec.msgpack.decode(packed, type=list[int]))
    for chat_id, first, count in zip(numbers, numbers, numbers, strict=True):
        for number in range(first, first + count):
            yield chat_id, number
