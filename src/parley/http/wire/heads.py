"""Request lines and header blocks, read once and remembered: a client sends the same ones again and again.

What is remembered are bytes that were accepted, so a hit is what reading them again would give. Only what a refusal
depends on besides the bytes, the sizes, is the caller's to check.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

import httptools

from parley.http.wire import framing
from parley.http.wire.framing import Headers
from parley.http.wire.request import RequestLine

_REMEMBERED_LINES: Final = 8_192
_LONGEST_LINE: Final = 128
_REMEMBERED_BLOCKS: Final = 1_024
_LONGEST_BLOCK: Final = 512
"""Bytes. What is longer is read anew each time, so that memory stays small whatever is sent: about 20 MB at worst."""

_LINE_FOR_PARSER: Final = b"POST / HTTP/1.1"
"""httptools knows too few methods and too many versions: it sees this line, and the client's fields."""
_KEY: Final = b"idempotency-key"
_match_key = re.compile(rb"\r\n[Ii]dempotency-[Kk]ey: ?([!-~](?:[ -~]*[!-~])?)(?=\r\n)").match
_match_id = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch


class Head(NamedTuple):
    """What the fields of a request say."""

    fields: Headers
    """Other requests have the same."""
    request_id: str
    """The client's, if it gave a well-formed one."""
    length: int
    """Of the body in bytes, or `CHUNKED`."""
    expects: bool
    """The client waits for ``100 Continue``."""
    last: bool
    """The client wants the connection closed afterwards."""


def read_line(line: bytes) -> RequestLine | None:
    """Read a request line without its end, ``None`` if it is malformed.

    Raises:
        RefusedError: another version of HTTP, or no target that is known.
    """
    return _remembered_line(line) if len(line) <= _LONGEST_LINE and b"?" not in line else _read_line(line)


def read_head(block: bytes, minor: int) -> Head:
    """Read header fields, from the end of the request line to the empty line, both included.

    A key differs from request to request where all else is the same, so its line is taken out before we remember.

    Raises:
        RefusedError: they are malformed, contradict each other, or ask for what we do not do.
    """
    at = block.find(b"dempotency-") - len(b"\r\ni")
    key = _match_key(block, at) if at >= 0 else None
    if key is not None:
        head = _read_keyless(block[:at] + block[key.end() :], minor)
        if _KEY not in head.fields:
            return Head({**head.fields, _KEY: key[1]}, *head[1:])
    return _read_keyless(block, minor)


def _read_keyless(block: bytes, minor: int) -> Head:
    return _remembered_block(block) if minor and len(block) <= _LONGEST_BLOCK else _read_block(block, minor)


def _read_line(line: bytes) -> RequestLine | None:
    found = framing.match_line(line)
    if found is None:
        return None
    spelled, target, query, version = found.groups()
    method, minor, host = spelled.decode("ascii"), framing.check_version(version), None
    if not target.startswith(b"/"):
        target, host = framing.other_form(method, target)
    path = target.decode("ascii")
    return RequestLine(method, minor, _decode(path) if "%" in path else path, target, query or b"", host)


def _decode(path: str) -> str:
    """Decode the percent-encoding of a path; an encoded slash stays encoded, for it separates nothing."""
    return unquote(path.replace("%2F", "%252F").replace("%2f", "%252f"))


def _read_block(block: bytes, minor: int = 1) -> Head:
    fields = _Fields().read(block)
    given = fields.get(b"x-request-id")
    request_id = given.decode("ascii") if given is not None and _match_id(given) else ""
    try:
        framing.check_host(fields, minor)
        length = framing.body_length(fields, minor)
        expects = framing.expects_continue(fields, minor)
        return Head(fields, request_id, length, expects, framing.is_last(fields, minor))
    except framing.RefusedError as refusal:
        refusal.request_id = request_id
        raise


_remembered_line = lru_cache(_REMEMBERED_LINES)(_read_line)
_remembered_block = lru_cache(_REMEMBERED_BLOCKS)(_read_block)


class _Fields:
    """What httptools tells of one header."""

    def __init__(self) -> None:
        self._fields: dict[bytes, bytes] = {}

    def read(self, block: bytes) -> Headers:
        """Give the fields by lower-case name, trimmed; repeated ones joined."""
        try:
            httptools.HttpRequestParser(self).feed_data(_LINE_FOR_PARSER + block)
        except httptools.HttpParserUpgrade:
            pass  # it is not taken
        except httptools.HttpParserError:
            raise framing.malformed("Malformed header field") from None
        return self._fields

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; called by the parser."""
        fields, name, value = self._fields, name.lower(), value.rstrip()
        fields[name] = fields[name] + b", " + value if name in fields else value
