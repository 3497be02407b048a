"""Requests out of bytes, one by one."""

from __future__ import annotations

from collections.abc import Callable

from parley.http.wire import framing
from parley.http.wire.bodies import ChunkedBody, SizedBody
from parley.http.wire.heads import read_head, read_line
from parley.http.wire.limits import Limits
from parley.http.wire.request import Client, Request, RequestLine


class Intake:
    """Finds the next request of a connection; never looks beyond its end."""

    __slots__ = ("_client", "_limits", "_new_id", "body", "current", "expects", "ready")

    def __init__(self, client: Client, limits: Limits, new_id: Callable[[], str]) -> None:
        """Take whose requests these are, the bounds, and the source of request ids."""
        self._client = client
        self._limits = limits
        self._new_id = new_id
        self.current: Request | None = None
        """The request that is half there, or was refused as such."""
        self.ready: Request | None = None
        """The request that is complete, or known to be too large; the caller takes it away."""
        self.body: SizedBody | ChunkedBody | None = None
        """The body that is arriving."""
        self.expects = False
        """The client waits for ``100 Continue`` before it sends the body."""

    def take(self, buffer: bytes, at: int) -> int:
        """Read on at ``at`` and give where we stopped; the same place if more bytes are needed."""
        if self.body is not None:
            return self._take_body(self.body, buffer, at)
        return self._take_header(buffer, at)

    def close(self) -> None:
        """Drop what is half there."""
        self.body = None
        self.expects = False

    def _take_header(self, buffer: bytes, at: int) -> int:
        limits, start = self._limits, at
        end = buffer.find(b"\r\n\r\n", at)
        if end < 0:
            framing.check_start(buffer, at, limits)
            return at
        line_end = buffer.find(b"\r\n", at)
        if line_end == at:  # one empty line is ignored
            start = at + 2
            line_end = buffer.find(b"\r\n", start)
        line = read_line(buffer[start:line_end]) if line_end - start <= limits.max_line_bytes else None
        block = buffer[line_end : end + 4]
        if line is None or (len(block) - 4 > limits.max_header_bytes or block.count(b"\r\n") - 2 > limits.max_headers):
            framing.check_start(buffer, at, limits)
            raise framing.headers_too_large(limits)
        return self._begin(line, block, buffer, end + 4)

    def _begin(self, line: RequestLine, block: bytes, buffer: bytes, at: int) -> int:
        """Go on to the body."""
        request = Request(self._client, line)
        try:
            request.headers, request_id, length, expects, request.last = read_head(block, line.minor)
        except framing.RefusedError as refusal:
            request.request_id = refusal.request_id
            self.current = request
            raise
        request.request_id = request_id or self._new_id()
        if line.host is not None:
            request.headers = {**request.headers, b"host": line.host}
        if length:
            return self._begin_body(request, length, buffer, at, expects=expects)
        self.ready = request
        return at

    def _begin_body(self, request: Request, length: int, buffer: bytes, at: int, *, expects: bool) -> int:
        request.has_body = True
        if length > self._limits.max_body_bytes:
            return self._end_too_large(request, at)
        end = at + length
        if at < end <= len(buffer):
            request.body = buffer[at:end]
            self.ready = request
            return end
        self.current = request
        self.expects = expects and at == len(buffer)
        self.body = ChunkedBody(self._limits) if length == framing.CHUNKED else SizedBody(length)
        return self._take_body(self.body, buffer, at)

    def _take_body(self, body: SizedBody | ChunkedBody, buffer: bytes, at: int) -> int:
        request = self.current
        assert request is not None  # noqa: S101 - a body belongs to a request
        at = body.feed(buffer, at)
        if body.too_large:
            return self._end_too_large(request, at)
        if body.complete:
            request.body = bytes(body.data)
            self._end(request)
        return at

    def _end_too_large(self, request: Request, at: int) -> int:
        request.too_large = True
        request.last = True
        self._end(request)
        return at

    def _end(self, request: Request) -> None:
        self.current = None
        self.body = None
        self.expects = False
        self.ready = request
