"""Routes of the creates: tried first on both ports, before anything heavier is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parley.http.creates import Creates
from parley.http.exchange import Exchange
from parley.http.problems import CONTENT_TYPE, problem

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


class WriteService:
    """What the write port answers besides creates: health, and where everything else lives."""

    def __init__(self, probes: dict[str, Application], api_port: int) -> None:
        """Answer ``GET`` on the paths of ``probes``; name ``api_port`` for the full API's routes."""
        self._probes = probes
        self._api_port = api_port

    def __call__(self, exchange: Exchange) -> None:
        """Answer one exchange."""
        probe = self._probes.get(exchange.path)
        if probe is not None:
            self._allow(exchange, probe, b"GET, HEAD, OPTIONS", {"GET", "HEAD"})
        elif create_path(exchange.path.split("/")):
            self._allow(exchange, None, b"POST, OPTIONS", set())
        else:
            detail = f"Not found on the write service; the full API listens on port {self._api_port}"
            exchange.respond(404, [CONTENT_TYPE], problem(404, "route_not_found", detail, exchange.request_id))

    def _allow(self, exchange: Exchange, probe: Application | None, allow: bytes, methods: set[str]) -> None:
        if probe is not None and exchange.method in methods:
            probe(exchange)
        elif exchange.method == "OPTIONS":
            exchange.respond(204, [(b"Allow", allow)], b"")
        else:
            body = problem(405, "method_not_allowed", "Method not allowed", exchange.request_id)
            exchange.respond(405, [CONTENT_TYPE, (b"Allow", allow)], body)
