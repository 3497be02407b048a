"""Routes of the creates: tried first on both ports, before anything heavier is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parley.http.creates import Creates
from parley.http.exchange import Exchange

Application = Callable[[Exchange], None]

_COLLECTIONS: Final = frozenset({"chat_applications", "applications"})
_CHATS_PARTS: Final = 6
_MESSAGES_PARTS: Final = 8
_BULK_PARTS: Final = 9


class CreateRoutes:
    """Hands ``POST`` on the three create paths to `Creates`, all else to another application."""

    def __init__(self, creates: Creates, otherwise: Application) -> None:
        """Answer creates with ``creates``; ``otherwise`` answers what is no create."""
        self._creates = creates
        self._otherwise = otherwise

    def __call__(self, exchange: Exchange) -> None:
        """Answer one exchange."""
        if exchange.method != "POST":
            self._otherwise(exchange)
            return
        parts = exchange.path.split("/")
        kind = create_path(parts)
        if kind == _MESSAGES_PARTS:
            self._creates.create_message(exchange, parts[4], parts[6])
        elif kind == _CHATS_PARTS:
            self._creates.create_chat(exchange, parts[4])
        elif kind == _BULK_PARTS:
            self._creates.create_messages(exchange, parts[4], parts[6])
        else:
            self._otherwise(exchange)


def create_path(parts: list[str]) -> int:
    """Give the number of parts of a create's path (6 chats, 8 messages, 9 bulk), 0 for another.

    ``parts`` is the path split at its slashes: ``["", "api", "v1", collection, token, "chats", …]``.
    """
    count = len(parts)
    if count < _CHATS_PARTS or parts[3] not in _COLLECTIONS or parts[1:3] != ["api", "v1"] or parts[5] != "chats":
        return 0
    if count == _CHATS_PARTS:
        return count
    if count == _MESSAGES_PARTS and parts[7] == "messages":
        return count
    return count if count == _BULK_PARTS and parts[7:] == ["messages", "bulk"] else 0
