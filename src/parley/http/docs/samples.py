"""Answers to show, made with the structs that make the real ones."""

from __future__ import annotations

from typing import Final

import msgspec

from parley.http.v1 import schemas

_TOKEN: Final = "9507c8c259295fdb86608d5da72d64df"  # noqa: S105 - of nobody
_AT: Final = "2026-11-21T09:44:13.007Z"
_METADATA: Final = msgspec.Raw(b'{"client":"web"}')
_SAMPLES: Final[dict[str, msgspec.Struct]] = {
    "Application": schemas.ApplicationView("shop", _TOKEN, 1, _AT, _AT),
    "Chat": schemas.ChatView(1, 2, "general", _AT, _AT),
    "ChatCreated": schemas.ChatCreatedView(1, 0, "general", _AT),
    "Message": schemas.MessageView(1, "hello", "ann", _METADATA, _AT, _AT),
    "MessageCreated": schemas.MessageCreatedView(
        number=1, body="hello", sender="ann", metadata=_METADATA, created_at=_AT
    ),
    "BulkCreated": schemas.BulkCreatedView([2, 3]),
}


def sample(name: str, *, is_list: bool) -> str | None:
    """Give an answer's JSON by the name of its schema, ``None`` if there is nothing to show."""
    found = _SAMPLES.get(name)
    if found is None:
        return None
    return msgspec.json.format(msgspec.json.encode([found] if is_list else found)).decode()
