"""Strings as JSON Schema: what can be seen, what has no NUL, what a header may hold."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

_BLANKS: Final = (
    r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u2064\u2066-\u206f\u3000\u3164\ufeff\uffa0"
)
"""Everything that `parley.domain.text.is_blank` cannot see, as the inside of a character class."""

NO_NUL: Final = r"^[^\u0000]*$"
VISIBLE: Final = rf"^[^\u0000]*[^\u0000{_BLANKS}][^\u0000]*$"
IDEMPOTENCY_KEY: Final = r'^(?:[!#-~](?:[ -~]{0,253}[!-~])?|"(?:[ !#-\[\]-~]|\\["\\]){1,255}")$'
TOKEN: Final = "^[0-9a-f]{32}$"  # noqa: S105 - its pattern

_DIGIT: Final = "[wxyz0-5]"
_TRIPLE: Final = f"(?:[MN][DTjz]|O[DT])[AEIMQUYcgk]{_DIGIT}"
_TAIL: Final = "(?:(?:[MN][AQgw]|O[AQ])|(?:[MN][DTjz]|O[DT])[AEIMQUYcgk])?"
CURSOR: Final = f"^(?:MTow|MTo[xyz0-5](?:{_TRIPLE}){{0,5}}{_TAIL})$"
"""Base64url of ``1:`` and a number of at most 18 digits, as `parley.domain.cursors.encode_cursor` prints it."""

JSON_SCHEMAS: Final[dict[str, Schema]] = {
    "JsonString": {"description": "Any text without NUL.", "type": "string", "pattern": NO_NUL},
    "JsonValue": {
        "description": "Any JSON, with NUL nowhere and at most 64 levels deep.",
        "anyOf": [
            {"type": ["null", "boolean", "number"]},
            {"$ref": "#/components/schemas/JsonString"},
            {"type": "array", "items": {"$ref": "#/components/schemas/JsonValue"}},
            {"$ref": "#/components/schemas/JsonObject"},
        ],
    },
    "JsonObject": {
        "description": "A free object.",
        "type": "object",
        "propertyNames": {"$ref": "#/components/schemas/JsonString"},
        "additionalProperties": {"$ref": "#/components/schemas/JsonValue"},
    },
    "Text": {"description": "Plain text.", "type": "string"},
}


def short_text(description: str) -> Schema:
    """Describe an optional text of at most 255 characters."""
    return {"description": description, "type": ["string", "null"], "maxLength": 255, "pattern": NO_NUL}
