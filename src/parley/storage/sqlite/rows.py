"""Row shapes of the SQLite tables: ids, ranges and models."""

from __future__ import annotations

from typing import Any, Final

from parley.domain.events import NUMBER_LIMIT
from parley.domain.model import Application, Chat, Message

NUMBER_BITS: Final = 32

Row = tuple[Any, ...]


def message_id(chat_id: int, number: int) -> int:
    """Give the key of a message. A number above the limit gives 0, which no row has."""
    return chat_id << NUMBER_BITS | number if 0 < number <= NUMBER_LIMIT else 0


def range_above(chat_id: int, number: int) -> tuple[int, int]:
    """Give (low, high) so that ``low < id <= high`` are the chat's messages above ``number``."""
    first = chat_id << NUMBER_BITS
    return first | min(number, NUMBER_LIMIT), first | NUMBER_LIMIT


def split_id(row_id: int) -> tuple[int, int]:
    """Give the (chat id, number) of a message's key."""
    return row_id >> NUMBER_BITS, row_id & NUMBER_LIMIT


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
    return Application(*row[1:])
