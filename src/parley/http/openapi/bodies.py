"""Request bodies: wrapped or flat, exactly what is accepted. Unknown members are ignored, so bodies are open."""

from __future__ import annotations

from typing import Any, Final

from parley.domain.text import BODY_MAX_BYTES, BULK_MAX_MESSAGES, NAME_MAX_CHARACTERS
from parley.http.openapi.texts import VISIBLE, short_text

Schema = dict[str, Any]

_NAME: Final[Schema] = {
    "description": "1-255 characters after trimming.",
    "type": "string",
    "minLength": 1,
    "maxLength": NAME_MAX_CHARACTERS,
    "pattern": VISIBLE,
}
_BODY: Final[Schema] = {
    "description": f"Not blank, no NUL, at most {BODY_MAX_BYTES} bytes of UTF-8.",
    "type": "string",
    "minLength": 1,
    "maxLength": BODY_MAX_BYTES,
    "pattern": VISIBLE,
}
_METADATA: Final[Schema] = {
    "description": "A free object of at most 4,096 bytes as compact JSON.",
    "anyOf": [{"$ref": "#/components/schemas/JsonObject"}, {"type": "null"}],
}
_TITLE: Final = short_text("At most 255 characters; null for none.")
_SENDER: Final = short_text("Who wrote it, at most 255 characters.")
_BULK: Final[Schema] = {
    "description": f"1-{BULK_MAX_MESSAGES:,} objects, each with the members of a single message.",
    "type": "array",
    "minItems": 1,
    "maxItems": BULK_MAX_MESSAGES,
    "items": {
        "type": "object",
        "properties": {"body": _BODY, "sender": _SENDER, "metadata": _METADATA},
        "required": ["body"],
    },
}


MEMBERS: Final[dict[str, dict[str, tuple[Schema, bool]]]] = {
    "ApplicationRequest": {"name": (_NAME, True)},
    "ChatRequest": {"title": (_TITLE, False)},
    "ChatChange": {"title": (_TITLE, True)},
    "MessageRequest": {"body": (_BODY, True), "sender": (_SENDER, False), "metadata": (_METADATA, False)},
    "MessageChange": {"body": (_BODY, True)},
    "BulkRequest": {"messages": (_BULK, True)},
}
"""Members by request, and whether each is required."""


_WRAPPERS: Final = {
    "ApplicationRequest": "chat_application",
    "ChatRequest": "chat",
    "ChatChange": "chat",
    "MessageRequest": "message",
    "MessageChange": "message",
}


def body_schemas() -> dict[str, Schema]:
    """Give the schemas of all request bodies by name."""
    return {name: _body(members, _WRAPPERS.get(name)) for name, members in MEMBERS.items()}


def _body(members: dict[str, tuple[Schema, bool]], wrapper: str | None) -> Schema:
    """Describe an object that may stand inside a wrapper; with the wrapper there, only its inside counts."""
    properties: Schema = {name: schema for name, (schema, _) in members.items()}
    required = [name for name, (_, is_required) in members.items() if is_required]
    inside = {"type": "object", "properties": properties, "required": required}
    if wrapper is None:
        return inside
    flat = {**inside, "properties": {**properties, wrapper: False}}
    wrapped = {"type": "object", "properties": {wrapper: inside}, "required": [wrapper]}
    return {"anyOf": [flat, wrapped]}
