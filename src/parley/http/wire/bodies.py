"""Bodies that arrive in pieces: told by length, or chunked (RFC 9112 §7.1)."""

from __future__ import annotations

import re

from parley.http.wire.framing import malformed, match_field
from parley.http.wire.limits import Limits

_match_size = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e]*)?").fullmatch
_SIZE_LINE_MAX_BYTES = 256
_STEPS = 60
"""A packet can hold 40,000 chunks of a byte: so many lines are read before others have their turn."""


class SizedBody:
    """A body of known length."""

    __slots__ = ("_missing", "complete", "data", "too_large")

    def __init__(self, length: int) -> None:
        """Wait for ``length`` bytes."""
        self.data = bytearray()
        self.complete = False
        self.too_large = False
        self._missing = length

    def feed(self, buffer: bytes, at: int) -> int:
        """Take what belongs to the body from ``buffer`` at ``at``; give where the rest starts."""
        end = min(len(buffer), at + self._missing)
        self.data += memoryview(buffer)[at:end]
        self._missing -= end - at
        self.complete = not self._missing
        return end


class ChunkedBody:
    """A body in chunks; extensions and trailers are checked and dropped."""

    __slots__ = ("_in_trailer", "_limits", "_missing", "_trailer_bytes", "complete", "data", "too_large")

    def __init__(self, limits: Limits) -> None:
        """Wait for the first chunk."""
        self.data = bytearray()
        self.complete = False
        self.too_large = False
        self._limits = limits
        self._missing = 0  # of this chunk, its closing CRLF included
        self._in_trailer = False
        self._trailer_bytes = 0

    def feed(self, buffer: bytes, at: int) -> int:
        """Take what can be decoded from ``buffer`` at ``at``, not too much in one go; give where the rest starts."""
        for _ in range(_STEPS):
            after = self._step(buffer, at)
            if self.complete or self.too_large or after == at:
                return after
            at = after
        return at

    def _step(self, buffer: bytes, at: int) -> int:
        if self._missing:
            return self._take_data(buffer, at)
        if self._in_trailer:
            return self._take_trailer(buffer, at)
        return self._take_size(buffer, at)

    def _take_size(self, buffer: bytes, at: int) -> int:
        end = _line_end(buffer, at, _SIZE_LINE_MAX_BYTES)
        if end < 0:
            return at
        line = _match_size(buffer, at, end)
        if line is None:
            raise malformed("Malformed chunk")
        size = int(line[1], 16)
        self.too_large = len(self.data) + size > self._limits.max_body_bytes
        self._in_trailer = not size
        self._missing = size + 2 if size else 0
        return end + 2

    def _take_data(self, buffer: bytes, at: int) -> int:
        """Take data; the CRLF that closes the chunk is taken whole or not at all."""
        size = min(len(buffer) - at, self._missing - 2)
        if size:
            self.data += memoryview(buffer)[at : at + size]
            self._missing -= size
            return at + size
        closing = buffer[at : at + 2]
        if not b"\r\n".startswith(closing):
            raise malformed("Malformed chunk")
        if len(closing) < self._missing:
            return at
        self._missing = 0
        return at + 2

    def _take_trailer(self, buffer: bytes, at: int) -> int:
        end = _line_end(buffer, at, self._limits.max_header_bytes - self._trailer_bytes)
        if end < 0:
            return at
        if end == at:
            self.complete = True
        elif not match_field(buffer, at, end):
            raise malformed("Malformed trailer")
        self._trailer_bytes += end + 2 - at
        return end + 2


def _line_end(buffer: bytes, at: int, limit: int) -> int:
    """Give where the line at ``at`` ends, -1 if it has not arrived; refuse it when it is longer than ``limit``."""
    end = buffer.find(b"\r\n", at, at + limit + 2)
    if end < 0 and len(buffer) - at >= limit + 2:
        raise malformed("A chunk's size or the trailer is too long")
    return end
