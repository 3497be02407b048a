"""Parameters of paths, queries and headers."""

from __future__ import annotations

from typing import Any, Final

from parley.domain.cursors import NUMBER_MAX, PAGE_DEFAULT, PAGE_MAX
from parley.domain.text import QUERY_MAX_CHARACTERS
from parley.http.openapi.texts import CURSOR, IDEMPOTENCY_KEY, TOKEN, VISIBLE

Schema = dict[str, Any]

_NUMBER: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": NUMBER_MAX}


def _path(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _header(name: str, description: str, schema: Schema | None = None) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": schema or {"type": "string"}}


PATH_PARAMETERS: Final = {
    "token": _path("token", "The application's token.", {"type": "string", "pattern": TOKEN}),
    "chat": _path("chat", "The chat's number.", _NUMBER),
    "number": _path("number", "The message's number.", _NUMBER),
}

HEADER_PARAMETERS: Final = {
    "Idempotency-Key": _header(
        "Idempotency-Key",
        "1-255 printable ASCII characters, bare or quoted; kept 24 h per application and route. "
        "A repeat answers as the first request did, with `Idempotent-Replayed: true`; "
        "another payload under the same key is 422.",
        {"type": "string", "pattern": IDEMPOTENCY_KEY},
    ),
    "If-None-Match": _header("If-None-Match", "Entity tags that the client has; 304 if one of them is still right."),
    "Prefer": _header("Prefer", "`wait` or `wait=N` (1-30 s): answer only when it is stored."),
    "X-Request-Id": _header("X-Request-Id", "Taken if it matches `[A-Za-z0-9._-]{1,128}`, else one is made."),
}

LIMIT: Final[Schema] = {
    "description": f"Rows of a page, {PAGE_DEFAULT} if it is not given; above {PAGE_MAX} it is {PAGE_MAX}.",
    "type": "integer",
    "minimum": 1,
}
_AFTER: Final[Schema] = {
    "description": "Rows above this number.",
    "type": "integer",
    "minimum": 0,
    "maximum": NUMBER_MAX,
}
_BEFORE: Final[Schema] = {
    "description": "The last rows below this number, still ascending. Not together with `after`.",
    **_NUMBER,
}
_TEXT: Final[Schema] = {
    "description": f"The text to look for, 1-{QUERY_MAX_CHARACTERS} characters after trimming. `query` is an alias.",
    "type": "string",
    "minLength": 1,
    "maxLength": QUERY_MAX_CHARACTERS,
    "pattern": VISIBLE,
}


def _cursor(description: str) -> Schema:
    return {"description": description, "type": "string", "pattern": CURSOR}


QUERIES: Final[dict[str, dict[str, Schema]]] = {
    "window": {"after": _AFTER, "before": _BEFORE, "limit": LIMIT},
    "cursors": {
        "after": _cursor("From the `next` link of a page."),
        "before": _cursor("From the `prev` link of a page. Not together with `after`."),
        "limit": LIMIT,
    },
    "search": {"q": _TEXT, "after": _AFTER, "limit": LIMIT},
}
REQUIRED: Final = {"q"}


def query_parameters(name: str) -> list[Schema]:
    """Give the parameters of a query; a window is one, for its two sides exclude each other."""
    if name == "search":
        return [
            _query(parameter, schema, required=parameter in REQUIRED) for parameter, schema in QUERIES[name].items()
        ]
    schema = {"type": "object", "properties": QUERIES[name], "not": {"required": ["after", "before"]}}
    window = _query(name, {"description": "`after` or `before`, and `limit`.", **schema}, required=False)
    return [{**window, "style": "form", "explode": True}]


def _query(name: str, schema: Schema, *, required: bool) -> Schema:
    description = schema["description"]
    inside = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": "query", "required": required, "description": description, "schema": inside}
