"""Answers as bytes."""

from __future__ import annotations

from http import HTTPStatus

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, bytes, bytes]
"""Status, header lines and body."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE = b"Connection: close\r\n"
KEEP_ALIVE = b"Connection: keep-alive\r\n"

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


def header_lines(headers: Headers) -> bytes:
    """Write headers as lines; a value that would end its line early, and forge what follows, is refused."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if not lines.count(b"\r") == lines.count(b"\n") == len(headers):
        raise ValueError("a header of an answer may not contain CR or LF")
    return lines


def render(answer: Answer, date_line: bytes, request_id: str, spent_ms: float, connection: bytes) -> bytes:
    """Write a whole answer; ``connection`` is its Connection line, or nothing."""
    status, lines, body = answer
    line = _LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status
    if status in _WITHOUT_BODY:
        return b"%b%b%bX-Request-Id: %b\r\nServer-Timing: app;dur=%.2f\r\n%b\r\n" % (
            line, lines, date_line, request_id.encode("ascii"), spent_ms, connection,
        )  # fmt: skip
    return b"%b%b%bX-Request-Id: %b\r\nServer-Timing: app;dur=%.2f\r\n%bContent-Length: %d\r\n\r\n%b" % (
        line, lines, date_line, request_id.encode("ascii"), spent_ms, connection, len(body), body,
    )  # fmt: skip


def without_body(rendered: bytes) -> bytes:
    """Cut the body off, for HEAD; its length stays told."""
    return rendered[: rendered.index(b"\r\n\r\n") + 4]
