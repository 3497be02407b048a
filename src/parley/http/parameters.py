"""Reading query strings: decoded once, and each parameter by one rule with one sentence."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from parley.domain.cursors import NUMBER_MAX, PAGE_DEFAULT, PAGE_MAX, Window, decode_cursor
from parley.domain.errors import InvalidError, MalformedError
from parley.domain.text import QUERY_MAX_CHARACTERS

Parameters = dict[str, str]

_NUMBER: Final = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_NUMBER_MAX_DIGITS: Final = len(str(NUMBER_MAX))
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NOT_ONE_SIDED: Final = "can't be combined with before"


def read_parameters(query: bytes) -> Parameters:
    """Decode a query string; of a name that is there twice the last value counts.

    Bytes that are not UTF-8 become lone surrogates, which nothing that we accept contains.
    """
    if not query:
        return {}
    pairs = (part.partition(b"=") for part in query.replace(b"+", b" ").split(b"&") if part)
    return {_decode(name): _decode(value) for name, _, value in pairs}


def read_limit(parameters: Parameters) -> int:
    """Give ``limit``: 50 if it is not there, 100 if it is above that.

    Raises:
        InvalidError: it is below 1 or not a number.
    """
    text = parameters.get("limit")
    if text is None:
        return PAGE_DEFAULT
    if not _NUMBER.fullmatch(text) or text == "0":
        raise InvalidError({"limit": ["must be a whole number of at least 1"]})
    return PAGE_MAX if len(text) > len(str(PAGE_MAX)) else min(int(text), PAGE_MAX)


def read_window(parameters: Parameters) -> Window:
    """Give the window of a list that is ordered by number.

    Raises:
        InvalidError: a parameter is no number, or ``after`` and ``before`` are both there.
    """
    limit = read_limit(parameters)
    _check_one_sided(parameters)
    return Window(read_number_above(parameters, "after", 0), read_number_above(parameters, "before", 1), limit)


def read_cursors(parameters: Parameters) -> Window:
    """Give the window of a list whose bounds are opaque cursors.

    Raises:
        InvalidError: ``limit`` is no number, or ``after`` and ``before`` are both there.
        MalformedError: ``invalid_cursor``.
    """
    limit = read_limit(parameters)
    _check_one_sided(parameters)
    after, before = (parameters.get(name) for name in ("after", "before"))
    return Window(
        None if after is None else decode_cursor(after), None if before is None else decode_cursor(before), limit
    )


def read_number_above(parameters: Parameters, name: str, least: int) -> int | None:
    """Give a number of at least ``least`` that fits 63 bits, ``None`` if it is not there.

    Raises:
        InvalidError: it is something else.
    """
    text = parameters.get(name)
    if text is None:
        return None
    if len(text) <= _NUMBER_MAX_DIGITS and _NUMBER.fullmatch(text) and least <= int(text) <= NUMBER_MAX:
        return int(text)
    raise InvalidError({name: [f"must be a whole number of at least {least}"]})


def read_text(parameters: Parameters) -> str:
    """Give the text to search for, trimmed: ``q``, or its alias ``query``.

    Raises:
        MalformedError: it is missing, blank, or not UTF-8.
        InvalidError: it is too long, or holds NUL.
    """
    name = text_name(parameters)
    text = parameters.get(name, "").strip()
    if not text:
        raise MalformedError("Query parameter required", code="query_required")
    if _SURROGATE.search(text):
        raise MalformedError(f"{name} is not UTF-8")
    if len(text) > QUERY_MAX_CHARACTERS:
        raise InvalidError({name: [f"is too long (maximum is {QUERY_MAX_CHARACTERS} characters)"]})
    if "\0" in text:
        raise InvalidError({name: ["can't contain NUL"]})
    return text


def text_name(parameters: Parameters) -> str:
    """Give the name under which the text to search for was sent."""
    return "q" if "q" in parameters else "query"


def _check_one_sided(parameters: Parameters) -> None:
    if "after" in parameters and "before" in parameters:
        raise InvalidError({"after": [_NOT_ONE_SIDED]})


def _decode(text: bytes) -> str:
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")
