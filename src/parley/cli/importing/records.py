"""Lines of the file, and the requests they become."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINE_MAX_BYTES = 1024 * 1024
"""More than any record needs whose body and metadata are within the server's limits, escaped throughout."""

_BLOCK_BYTES = 1024 * 1024
_LONGEST_INTEGER = 1_000
"""Digits that are read as a number: Python refuses some thousands."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PLAIN_KEY = re.compile(r"[!#-~](?:[ !#-~]{0,253}[!#-~])?")
_READ_MEMBERS = frozenset({"channel", "sender", "body"})

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class _UnusableError(Exception):
    """The line becomes no request; the text says why."""


class Survey(NamedTuple):
    """What one pass over the file tells before anything is sent."""

    digest: str
    lines: int


class Line(NamedTuple):
    """One line, counted from 1, without its line feed; cut at the limit when ``too_long``."""

    number: int
    data: bytes
    too_long: bool


class Record(NamedTuple):
    """A message to be created. ``data`` is the line that it was read from."""

    line: int
    data: bytes
    channel: str | None
    key: str
    payload: bytes

    @property
    def size(self) -> int:
        """About how many bytes it keeps in memory."""
        return len(self.data) + len(self.payload)


class Rejection(NamedTuple):
    """A line that becomes no message. ``status`` is the server's, or ``None`` when it was never sent."""

    line: int
    data: bytes
    reason: str
    status: int | None = None


def survey(path: Path) -> Survey:
    """Read the file once for its BLAKE2b digest and its number of lines."""
    digest = hashlib.blake2b(digest_size=16)
    feeds, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            feeds += block.count(b"\n")
            last = block[-1:]
    return Survey(digest.hexdigest(), feeds + (last != b"\n"))


def read_lines(file: BinaryIO) -> Iterator[Line]:
    """Split at line feeds only, because bodies hold U+2028 and its like, in bounded memory."""
    number = 0
    while data := file.readline(LINE_MAX_BYTES + 1):
        number += 1
        too_long = len(data) > LINE_MAX_BYTES and not data.endswith(b"\n")
        rest = data
        while too_long and rest and not rest.endswith(b"\n"):
            rest = file.readline(LINE_MAX_BYTES)
        data = data[:LINE_MAX_BYTES].removesuffix(b"\n")
        yield Line(number, data.removeprefix(_BYTE_ORDER_MARK) if number == 1 else data, too_long)


def parse_record(line: Line, digest: str) -> Record | Rejection:
    """Turn a line into a request; what the server can judge is left to the server."""
    try:
        members, raw = _read_members(line)
        channel = _read_channel(members)
        key = _read_key(members) or f"import-{digest}:{line.number}"
    except _UnusableError as error:
        return Rejection(line.number, line.data, str(error))
    return Record(line.number, line.data, channel, key, _payload(members, raw))


def make_key(text: str) -> str:
    """Give the text itself where it can be an idempotency key, else a digest of it."""
    if _PLAIN_KEY.fullmatch(text):
        return text
    return "blake2b-" + hashlib.blake2b(text.encode(), digest_size=32).hexdigest()


def _read_members(line: Line) -> tuple[dict[str, Any], dict[str, msgspec.Raw]]:
    """Decode the line twice: as values, and as the bytes that they were written with."""
    if line.too_long:
        raise _UnusableError(f"the line is longer than {LINE_MAX_BYTES} bytes")
    try:
        raw = _decode_raw(line.data)
        return _read_values(line.data), raw
    except msgspec.ValidationError as error:
        raise _UnusableError("the line is not a JSON object") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _UnusableError(f"the line is not JSON: {error}") from error
    except RecursionError as error:
        raise _UnusableError("the line is not JSON: nested too deeply") from error


def _read_values(data: bytes) -> dict[str, Any]:
    """Decode an object; a number too long to be one stays a text."""
    try:
        return _decode(data)
    except msgspec.ValidationError:
        decoded: dict[str, Any] = json.loads(data, parse_int=_read_integer)
        _encode(decoded)  # refuses the lone surrogates that json takes
        return decoded


def _read_integer(text: str) -> int | str:
    return int(text) if len(text) < _LONGEST_INTEGER else text


def _read_channel(members: dict[str, Any]) -> str | None:
    channel = members.get("channel")
    if not isinstance(channel, str | None):
        raise _UnusableError("channel must be a string")
    return channel


def _read_key(members: dict[str, Any]) -> str | None:
    source_id = members.get("source_id")
    if source_id is None or source_id == "":
        return None
    if isinstance(source_id, bool) or not isinstance(source_id, str | int):
        raise _UnusableError("source_id must be a string or a whole number")
    return make_key(str(source_id))


def _payload(members: dict[str, Any], raw: dict[str, msgspec.Raw]) -> bytes:
    """Keep numbers of unknown members as they are written: 1e2 stays 1e2."""
    message = {name: members[name] for name in ("body", "sender") if members.get(name) is not None}
    metadata = {name: raw[name] for name in members if name not in _READ_MEMBERS and members[name] is not None}
    if metadata:
        message["metadata"] = metadata
    return _encode(message)
