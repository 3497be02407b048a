"""Which browser origins may call, and the headers that tell them so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

Headers = list[tuple[bytes, bytes]]

_LOOPBACK: Final = re.compile(rb"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::([0-9]{1,5}))?")
_PORT_MAX: Final = 65_535
_EXPOSED: Final = (
    b"ETag, Idempotent-Replayed, Link, Location, Parley-Degraded, Parley-Durability, Preference-Applied, "
    b"Retry-After, Server-Timing, X-Request-Id"
)
_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_REQUEST_HEADERS: Final = (
    b"Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, X-Request-Id, traceparent, tracestate"
)
_PREFLIGHT_SECONDS: Final = b"600"


class Cors:
    """Allows the configured origins; without any, on a loopback bind, pages served by this machine."""

    def __init__(self, origins: Iterable[str], *, is_loopback: bool) -> None:
        """Take the configured origins, and whether the service listens on a loopback address only."""
        self._origins = frozenset(origin.strip().encode() for origin in origins)
        self._loopback = is_loopback and not self._origins

    def allows(self, origin: bytes) -> bool:
        """Tell whether pages of ``origin`` may read answers."""
        if not self._loopback:
            return origin in self._origins
        found = _LOOPBACK.fullmatch(origin)
        return found is not None and int(found[1] or 0) <= _PORT_MAX

    def answer_headers(self, origin: bytes) -> tuple[tuple[bytes, bytes], ...]:
        """Give what an answer to a request from ``origin`` carries."""
        if not self.allows(origin):
            return ((b"Vary", b"Origin"),)
        return (
            (b"Access-Control-Allow-Origin", origin),
            (b"Access-Control-Expose-Headers", _EXPOSED),
            (b"Vary", b"Origin"),
        )

    def preflight_headers(self) -> Headers:
        """Give what the answer to an allowed preflight carries besides `answer_headers`."""
        return [
            (b"Access-Control-Allow-Methods", _METHODS),
            (b"Access-Control-Allow-Headers", _REQUEST_HEADERS),
            (b"Access-Control-Max-Age", _PREFLIGHT_SECONDS),
        ]
