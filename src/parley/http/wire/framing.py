"""Where a request ends and what is refused before anybody acts on it (RFC 9112).

`httptools` checks the header fields. Here stands what it does not check: the request line, sizes,
Host, and that a message has exactly one way to say how long it is. Each check depends on the bytes
from the start of the request only, so it does not matter in which pieces they arrive.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from parley.http.wire.limits import Limits

Headers = Mapping[bytes, bytes]

CHUNKED = -1
"""The length of a body that says itself where it ends."""

_LENGTH_MAX = 2**63 - 1
_LENGTH_DIGITS = 19
_ROOM_FOR_LINE_ENDS = 8
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"

_LINE = rb"(" + _TOKEN + rb"+) ([\x21\x22\x24-\x3e\x40-\x7e]+)(?:\?([\x21\x22\x24-\x7e]*))? HTTP/(\d\.\d)"

match_line = re.compile(_LINE).fullmatch
"""Match a request line without its end: method, target up to ``?``, query, version."""

match_field = re.compile(_TOKEN + rb"+:[\t\x20-\x7e\x80-\xff]*").fullmatch
"""Match one header field without its end of line."""

_match_line_and_end = re.compile(rb"(?:\r\n)?" + _LINE + rb"\r\n").match
_match_line_start = re.compile(
    rb"\r?|" + _TOKEN + rb"+(?: [\x21-\x7e]*(?: (?:H|HT|HTT|HTTP|HTTP/[0-9.]*)?)?)?\r?"
).fullmatch
_match_host = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?").fullmatch
_match_absolute = re.compile(rb"(?i:http)://([^/?@]+)(/.*)?").fullmatch


class RefusedError(Exception):
    """The request is not acted upon: it is answered like this and the connection closed."""

    def __init__(self, status: int, code: str, detail: str, retry_after_s: int | None = None) -> None:
        """Keep what the problem body says."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.request_id = ""
        """The client's own, where it was read."""


def malformed(detail: str) -> RefusedError:
    """Make the refusal of a request whose framing is wrong or can be read in two ways."""
    return RefusedError(HTTPStatus.BAD_REQUEST, "malformed_request", detail)


def check_start(buffer: bytes, at: int, limits: Limits) -> None:
    """Refuse the request that starts at ``at``, complete or not, if no continuation can make it good."""
    start = buffer[at : at + limits.max_line_bytes + limits.max_header_bytes + _ROOM_FOR_LINE_ENDS]
    skipped = 2 if start.startswith(b"\r\n") else 0
    line_end = start.find(b"\r\n", skipped)
    if line_end < 0 or line_end - skipped > limits.max_line_bytes:
        _check_line_start(start[skipped:], limits)
        return
    line = _match_line_and_end(start)
    if line is None:
        raise malformed("Malformed request line")
    check_version(line[4])
    fields = start[line.end() : line.end() + limits.max_header_bytes]
    if fields.count(b"\n") != fields.count(b"\r\n"):
        raise malformed("Malformed header field")
    if len(start) - line.end() > limits.max_header_bytes + len(b"\r\n"):
        raise headers_too_large(limits)


def _check_line_start(start: bytes, limits: Limits) -> None:
    if not _match_line_start(start[: limits.max_line_bytes]):
        raise malformed("Malformed request line")
    if len(start) > limits.max_line_bytes + len(b"\r"):
        detail = f"The request line is longer than {limits.max_line_bytes} bytes"
        raise RefusedError(HTTPStatus.REQUEST_URI_TOO_LONG, "uri_too_long", detail)


def headers_too_large(limits: Limits) -> RefusedError:
    """Make the refusal of too many or too large header fields."""
    detail = f"The header is longer than {limits.max_header_bytes} bytes or has more than {limits.max_headers} fields"
    return RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail)


def check_version(version: bytes) -> int:
    """Give the minor version of HTTP/1, refuse every other."""
    if version == b"1.1":
        return 1
    if version == b"1.0":
        return 0
    raise RefusedError(
        HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "http_version_not_supported", "Only HTTP/1.1 and HTTP/1.0 are spoken"
    )


def other_form(method: str, target: bytes) -> tuple[bytes, bytes | None]:
    """Give the path of a target that is no path, and the Host that an absolute one (RFC 9112 §3.2.2) brings."""
    absolute = _match_absolute(target)
    if absolute and _match_host(absolute[1]):
        return absolute[2] or b"/", absolute[1]
    if (target == b"*" and method == "OPTIONS") or (method == "CONNECT" and _match_host(target)):
        return target, None
    raise malformed("Malformed request target")


def check_host(headers: Headers, minor: int) -> None:
    """Refuse a request without exactly one well-formed Host; HTTP/1.0 may leave it out."""
    host = headers.get(b"host")
    if host is None:
        if minor:
            raise malformed("Host is missing")
    elif not _match_host(host):
        raise malformed("Host is malformed or there twice")


def body_length(headers: Headers, minor: int) -> int:
    """Give the length of the body, or `CHUNKED`; refuse what two readers could understand differently."""
    length, coding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
    if coding is not None:
        if length is not None or not minor or coding.lower() != b"chunked":
            raise malformed("Transfer-Encoding is not understood here")
        return CHUNKED
    if length is None:
        return 0
    if not length.isdigit() or len(length) > _LENGTH_DIGITS or int(length) > _LENGTH_MAX:
        raise malformed("Content-Length is malformed or there twice")
    return int(length)


def expects_continue(headers: Headers, minor: int) -> bool:
    """Tell whether the client waits for ``100 Continue``; any other expectation is refused."""
    expected = headers.get(b"expect")
    if expected is None or not minor:
        return False
    if expected.lower() != b"100-continue":
        raise RefusedError(HTTPStatus.EXPECTATION_FAILED, "expectation_failed", "Only 100-continue can be expected")
    return True


def is_last(headers: Headers, minor: int) -> bool:
    """Tell whether the client wants the connection closed after this request."""
    connection = headers.get(b"connection")
    if connection is None:
        return not minor
    options = {option.strip() for option in connection.lower().split(b",")}
    return b"close" in options or (not minor and b"keep-alive" not in options)
