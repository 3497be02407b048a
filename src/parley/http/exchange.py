"""One HTTP request and its one answer: what both services' routes work with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Exchange(Protocol):
    """A request that is complete and within the limits, waiting for `respond`.

    Made by the wire protocol for the write service, and out of the ASGI scope for the full API.
    """

    method: str
    """Upper-case method."""
    path: str
    """Path, percent-decoded, without the query."""
    query: bytes
    """What followed ``?``, raw; empty if nothing did."""
    headers: Mapping[bytes, bytes]
    """Values by lower-case name, trimmed; repeated fields joined by ``", "``."""
    body: bytes
    """The whole body; empty when ``too_large``."""
    has_body: bool
    """Whether a body was announced (Content-Length above 0, or chunked)."""
    too_large: bool
    """The body is above the limit and was not read."""
    request_id: str
    """The client's X-Request-Id if it is well formed, else a new one."""

    extra_headers: tuple[tuple[bytes, bytes], ...]
    """Headers that the answer carries besides those given to `respond`; set by whoever stands in front."""

    def respond(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Send the answer; exactly once. The wire adds Content-Length, X-Request-Id and Server-Timing."""
