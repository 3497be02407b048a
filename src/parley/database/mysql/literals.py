"""Rows as SQL text, for inserts of many: several times faster than the driver's own, which asks for every value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from asyncmy.converters import escape_string

_STATEMENT_BYTES: Final = 1_000_000
"""About the longest statement: a sixteenth of what a server must take."""


def _text(value: str) -> str:
    return f"'{escape_string(value)}'"  # backslashes escape in the modes that a session sets


_WRITERS: Final[Mapping[type, Callable[[Any], str]]] = {
    int: str,
    str: _text,
    bytes: lambda value: f"x'{value.hex()}'",
    type(None): lambda _: "null",
}


def inserts(statement: str, rows: Sequence[Sequence[object]]) -> Iterator[bytes]:
    """Give statements that insert all rows, made of one that inserts a row of placeholders.

    Raises:
        UnicodeError: a text holds a lone surrogate.
        KeyError: a value is of a type that no column of Parley's has.
    """
    head = statement.rpartition("values")[0].encode() + b"values "
    parts: list[bytes] = []
    size = 0
    for row in rows:
        part = f"({','.join([_WRITERS[type(value)](value) for value in row])})".encode()
        if parts and size + len(part) > _STATEMENT_BYTES:
            yield head + b",".join(parts)
            parts, size = [], 0
        parts.append(part)
        size += len(part) + 1
    yield head + b",".join(parts)
