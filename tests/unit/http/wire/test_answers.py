"""Answers as bytes."""

from __future__ import annotations

import pytest

from parley.http.wire.answers import CLOSE, header_lines, render, without_body


def test_answer_is_written_whole() -> None:
    """Status, the application's headers, the wire's headers, the body."""
    answer = (201, header_lines([(b"Location", b"/a"), (b"X", b"y")]), b"{}")

    assert render(answer, b"Date: now\r\n", "id", 1.25, CLOSE) == (
        b"HTTP/1.1 201 Created\r\nLocation: /a\r\nX: y\r\nDate: now\r\nX-Request-Id: id\r\n"
        b"Server-Timing: app;dur=1.25\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    )


@pytest.mark.parametrize("status", [204, 304])
def test_answer_without_body_tells_no_length(status: int) -> None:
    """204 and 304 end with their header."""
    written = render((status, b"", b""), b"", "id", 0, b"")

    assert b"Content-Length" not in written
    assert written.endswith(b"\r\n\r\n")


def test_answer_to_head_keeps_the_length() -> None:
    """The body is cut off, and what told its length stays."""
    written = without_body(render((200, b"", b"a\r\n\r\nb"), b"", "id", 0, b""))

    assert written.endswith(b"Content-Length: 6\r\n\r\n")


@pytest.mark.parametrize("value", [b"a\r\nSet-Cookie: b", b"a\nb", b"a\rb"])
def test_header_that_would_forge_another_is_refused(value: bytes) -> None:
    """No value ends its line early."""
    with pytest.raises(ValueError, match="CR or LF"):
        header_lines([(b"Location", value)])


def test_status_without_a_name_is_written_all_the_same() -> None:
    """Whatever number an application chooses, the client gets an answer."""
    assert render((499, b"", b""), b"", "id", 0, b"").startswith(b"HTTP/1.1 499 Unknown\r\n")
