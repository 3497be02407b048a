"""Named queries: SQL lives in ``.sql`` files, each statement with a name and a sentence."""

from __future__ import annotations

import re
from importlib.resources import files

_HEAD = re.compile(r"^-- name: (?P<name>[a-z][a-z0-9_]*)\n(?:--[^\n]*\n)+", re.MULTILINE)
_STATEMENT = re.compile(r"^(?!--|$)", re.MULTILINE)


def load_queries(package: str, *parts: str) -> dict[str, str]:
    """Read every ``.sql`` file of a package folder into ``{name: statement}``.

    Each statement starts with ``-- name: <name>`` and at least one line that says what it does.

    Raises:
        ValueError: two statements share a name, or a file holds a statement without one.
    """
    folder = files(package).joinpath(*parts)
    queries: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        text = file.read_text(encoding="utf-8")
        introduction, *parts_of_file = _HEAD.split(text)
        statements = [part.strip().removesuffix(";") for part in parts_of_file[1::2]]
        if _STATEMENT.search(introduction) or not all(map(_is_alone, statements)):
            raise ValueError(f"{file.name}: a statement has no '-- name:' line with a sentence")
        for name, statement in zip(parts_of_file[::2], statements, strict=True):
            if name in queries:
                raise ValueError(f"{file.name}: the name {name} is used twice")
            queries[name] = statement
    return queries


def _is_alone(statement: str) -> bool:
    return statement != "" and "-- name:" not in statement
