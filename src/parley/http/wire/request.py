"""A request as the application sees it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from parley.http.wire.answers import Answer, Headers, header_lines

Application = Callable[["Request"], None]
"""Called once a request, when it is complete or known to be too large; answers now or later through `respond`."""


class RequestLine(NamedTuple):
    """The first line of a request, checked."""

    method: str
    minor: int
    """Of the version: 1, or 0."""
    path: str
    """Percent-decoded; the whole target where it has none."""
    raw_path: bytes
    query: bytes
    host: bytes | None
    """From a target that has one: it goes before the field."""


UNREAD: Final = RequestLine("", 1, "", b"", b"", None)
"""Of a request that is refused before its line is read."""


class Client(Protocol):
    """The connection, as far as its requests need it."""

    def answered(self, request: Request) -> None:
        """Take notice that ``request.answer`` is there."""

    def address(self, which: str) -> tuple[str, int] | None:
        """Give the ``peername`` or ``sockname``, None when it is gone."""


class Request:
    """One request and its one answer: the wire's `Exchange`."""

    __slots__ = (
        "answer", "body", "client", "extra_headers", "has_body", "headers", "last", "method", "minor", "on_lost",
        "path", "query", "raw_path", "request_id", "started", "too_large",
    )  # fmt: skip

    def __init__(self, client: Client, line: RequestLine = UNREAD) -> None:
        """Begin with the request line; the rest is filled in while it arrives."""
        self.client = client
        self.method, self.minor, self.path, self.raw_path, self.query, _ = line
        self.started = 0.0
        self.headers: Mapping[bytes, bytes] = {}
        self.body = b""
        self.has_body = False
        self.too_large = False
        self.request_id = ""
        self.last = False
        self.extra_headers: tuple[tuple[bytes, bytes], ...] = ()
        self.answer: Answer | None = None
        self.on_lost: Callable[[], None] | None = None
        """Called when the client has gone before the answer."""

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Send the answer; exactly once."""
        if self.answer is not None:
            raise RuntimeError("a request is answered once")
        if self.extra_headers:
            headers = [*headers, *self.extra_headers]
        self.answer = (status, header_lines(headers), body)
        self.client.answered(self)


def numbered_ids(prefix: str) -> Callable[[], str]:
    """Make ids that are unique as long as the prefix is: give it random bits."""
    numbers = itertools.count(1)
    return lambda: f"{prefix}{next(numbers):x}"
