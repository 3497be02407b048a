"""What followers of the database see: message states, by the storage's own ids."""

from __future__ import annotations

from typing import Final, NamedTuple

from parley.domain.events import Position

WHOLE_CHAT: Final = 0
"""The number that stands for a whole chat that is gone; real numbers start at 1."""


class Change(NamedTuple):
    """Which messages one transaction touched in one partition, in no particular order.

    ``position`` is that of the transaction's last event, so changes of a partition rise.
    """

    partition: int
    position: Position
    keys: list[tuple[int, int]]
    """(chat id, number) pairs; `WHOLE_CHAT` as the number when the chat is gone."""


class ChatId(NamedTuple):
    """A chat by the storage's own ids, which never leave the process; ``chat`` is 0 if it is not stored yet."""

    application: int
    chat: int


class Document(NamedTuple):
    """The present state of one message; ``body`` is ``None`` for a tombstone or a missing row.

    With `WHOLE_CHAT` as the number it says that every message of the chat is gone. ``version`` rises with each state
    of a message: it is the id of the position of the event that made it, 0 where nothing ever did.
    """

    chat_id: int
    number: int
    body: str | None
    application_id: int = 0
    version: int = 0
