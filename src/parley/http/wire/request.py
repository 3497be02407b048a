"""A request as the application sees it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Protocol
from urllib.parse import unquote

from parley.http.wire.answers import Answer, Headers, header_lines

Application = Callable[["Request"], None]
"""Called once a request, when it is complete or known to be too large; answers now or later through `respond`."""

_match_id = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch


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

    def __init__(self, client: Client, method: str, minor: int) -> None:
        """Begin with the request line's method; the rest is filled in while it arrives."""
        self.client = client
        self.method = method
        self.minor = minor
        self.started = 0.0
        self.path = ""
        self.raw_path = b""
        self.query = b""
        self.headers: dict[bytes, bytes] = {}
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


def decoded(path: str) -> str:
    """Decode the percent-encoding of a path; an encoded slash stays encoded, for it separates nothing."""
    return unquote(path.replace("%2F", "%252F").replace("%2f", "%252f"))


def chosen_id(headers: dict[bytes, bytes], new_id: Callable[[], str]) -> str:
    """Take the client's X-Request-Id if it is well formed, else a new one."""
    given = headers.get(b"x-request-id")
    return given.decode("ascii") if given is not None and _match_id(given) else new_id()


def numbered_ids(prefix: str) -> Callable[[], str]:
    """Make ids that are unique as long as the prefix is: give it random bits."""
    numbers = itertools.count(1)
    return lambda: f"{prefix}{next(numbers):x}"
