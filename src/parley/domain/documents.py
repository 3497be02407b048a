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


class Document(NamedTuple):
    """The present state of one message; ``body`` is ``None`` for a tombstone or a missing row.

    With `WHOLE_CHAT` as the number it says that every message of the chat is gone.
    """

    chat_id: int
    number: int
    body: str | None
