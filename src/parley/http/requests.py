"""Reading a request the same way on both ports: headers, JSON, numbers; each check in one place."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from parley.domain.errors import MalformedError, MediaTypeError, TooLargeError
from parley.http.exchange import Exchange

Object = dict[str, Any]

_DEEPEST: Final = 64
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_NUMBER_MAX: Final = 2**63 - 1
_KEY: Final = re.compile(rb"[ -~]{1,255}")
_QUOTED_KEY: Final = re.compile(rb'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_KEY_ESCAPE: Final = re.compile(rb"\\(.)")
_WAIT: Final = re.compile(rb"(?:^|,)\s*wait\s*(?:=\s*\"?([0-9]+)\"?\s*)?(?:;[^,]*)?(?:,|$)", re.IGNORECASE)
_WAIT_DEFAULT_S: Final = 5
_WAIT_MAX_S: Final = 30
_JSON_TYPES: Final = frozenset({b"application/json", b"application/json;charset=utf-8"})


def check_content(exchange: Exchange) -> None:
    """Return if the body, where there is one, is declared as plain JSON.

    Raises:
        MediaTypeError: another content type, or any content encoding but identity.
    """
    headers = exchange.headers
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.lower() not in {b"", b"identity"}:
        raise MediaTypeError("Content-Encoding must be identity")
    if exchange.has_body:
        declared = headers.get(b"content-type", b"")
        if declared not in _JSON_TYPES and not _is_json(declared):
            raise MediaTypeError("Content-Type must be application/json")


def _is_json(declared: bytes) -> bool:
    kind, *parameters = (part.strip().lower() for part in declared.split(b";"))
    charset = [p.partition(b"=")[2].strip(b'"') for p in parameters if p.startswith(b"charset=")]
    return kind == b"application/json" and all(name == b"utf-8" for name in charset)


def read_idempotency_key(exchange: Exchange) -> str | None:
    """Give the Idempotency-Key, unquoted, or ``None`` if there is none.

    Raises:
        MalformedError: it is not 1-255 printable ASCII characters.
    """
    raw = exchange.headers.get(b"idempotency-key")
    if raw is None:
        return None
    if raw.startswith(b'"'):
        quoted = _QUOTED_KEY.fullmatch(raw)
        raw = _KEY_ESCAPE.sub(rb"\1", quoted[1]) if quoted else b""
    if not _KEY.fullmatch(raw):
        raise MalformedError(
            "Idempotency-Key must be 1 to 255 printable ASCII characters", code="invalid_idempotency_key"
        )
    return raw.decode("ascii")


def read_wait(exchange: Exchange) -> int | None:
    """Give the seconds of ``Prefer: wait``, clamped to 1-30; ``None`` if it was not asked for."""
    prefer = exchange.headers.get(b"prefer")
    if prefer is None or (found := _WAIT.search(prefer)) is None:
        return None
    if found[1] is None:
        return _WAIT_DEFAULT_S
    return min(max(int(found[1].lstrip(b"0")[:3] or b"0"), 1), _WAIT_MAX_S)


def check_size(exchange: Exchange) -> None:
    """Return if the body was within the limit.

    Raises:
        TooLargeError: it was not, and was not read.
    """
    if exchange.too_large:
        raise TooLargeError("The request body is too large; the limit is 1 MiB")


def read_number(text: str) -> int | None:
    """Give a number of a path, or ``None`` for what no number looks like."""
    if not _NUMBER.fullmatch(text):
        return None
    number = int(text)
    return number if number <= _NUMBER_MAX else None


def read_object(body: bytes, wrapper: str | None = None) -> Object:
    """Decode a JSON object; with ``wrapper`` present as a member, that object instead.

    Raises:
        MalformedError: not JSON, not UTF-8, nested beyond 64 levels, or not an object.
    """
    try:
        decoded = _decode(body)
    except (ValueError, RecursionError) as error:
        raise MalformedError("The body is not valid JSON", code="malformed_json") from error
    if not isinstance(decoded, dict):
        raise MalformedError("The body must be a JSON object", code="malformed_json")
    _check_depth(decoded, body)
    if wrapper is None or wrapper not in decoded:
        return decoded
    wrapped = decoded[wrapper]
    if not isinstance(wrapped, dict):
        raise MalformedError(f"{wrapper} must be a JSON object", code="malformed_json")
    return wrapped


def _decode(body: bytes) -> object:
    """Decode JSON; with a number in it that no float or machine integer holds, all numbers become 0.

    Nobody reads their values: no member is a number, and metadata is kept as it was written.
    """
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError:
        decoded = json.loads(
            body.decode(), parse_int=_forget_number, parse_float=_forget_number, parse_constant=_refuse_constant
        )
        msgspec.json.encode(decoded)  # refuses the lone surrogates that json takes
        return decoded


def _forget_number(_: str) -> int:
    return 0


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_depth(decoded: object, body: bytes) -> None:
    """Refuse what is nested beyond 64 levels, level by level; few brackets cannot be deep."""
    if body.count(b"[") + body.count(b"{") <= _DEEPEST:
        return
    level = [decoded]
    for _ in range(_DEEPEST):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)  # type: ignore[attr-defined]
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise MalformedError("The body is nested beyond 64 levels", code="malformed_json")
