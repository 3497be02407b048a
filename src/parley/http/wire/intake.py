"""Requests out of bytes, one by one."""

from __future__ import annotations

from collections.abc import Callable

import httptools

from parley.http.wire import framing
from parley.http.wire.bodies import ChunkedBody, SizedBody
from parley.http.wire.limits import Limits
from parley.http.wire.request import Client, Request, chosen_id, decoded

_LINE_FOR_PARSER = b"POST / HTTP/1.1\r\n"
"""httptools knows too few methods and too many versions: it sees this line, and the client's fields."""
_RARE = frozenset({b"connection", b"expect"})


class Intake:
    """Finds the next request of a connection; never looks beyond its end.

    The parser is fed exactly one header at a time, and skips a body that is there as a whole. After
    any other body it is replaced, so that it and we cannot disagree about where a request starts.
    """

    __slots__ = ("_client", "_fields", "_limits", "_new_id", "_parser", "body", "current", "expects", "ready")

    def __init__(self, client: Client, limits: Limits, new_id: Callable[[], str]) -> None:
        """Take whose requests these are, the bounds, and the source of request ids."""
        self._client = client
        self._limits = limits
        self._new_id = new_id
        self._parser: httptools.HttpRequestParser | None = None
        self._fields: dict[bytes, bytes] = {}
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
        self._parser = None  # it refers back to us
        self.body = None
        self.expects = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; called by the parser."""
        fields, name, value = self._fields, name.lower(), value.rstrip()
        fields[name] = fields[name] + b", " + value if name in fields else value

    def _take_header(self, buffer: bytes, at: int) -> int:
        limits = self._limits
        line = framing.match_line(buffer, at)
        end = -1 if line is None else buffer.find(b"\r\n\r\n", line.end() - 2)
        if line is None or end < 0:
            framing.check_start(buffer, at, limits)
            return at
        fields_at, fields_end = line.end(), end + 2
        if (
            fields_at - 2 - line.start(1) > limits.max_line_bytes
            or fields_end - fields_at > limits.max_header_bytes
            or buffer.count(b"\r\n", fields_at, fields_end) > limits.max_headers
        ):
            framing.check_start(buffer, at, limits)
            raise framing.headers_too_large(limits)
        method, path, query, version = line.groups()
        minor = 1 if version == b"1.1" else framing.check_version(version)
        request = Request(self._client, method.decode("ascii"), minor)
        request.query = query or b""
        try:
            self._parse_fields(buffer[fields_at : fields_end + 2])
            return self._begin(request, path, buffer, fields_end + 2)
        except framing.RefusedError:
            self.current = request
            raise

    def _parse_fields(self, fields: bytes) -> None:
        self._fields = {}
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(_LINE_FOR_PARSER + fields)
        except httptools.HttpParserUpgrade:
            self._parser = None  # an upgrade is not taken; its body is ours to read
        except httptools.HttpParserError:
            raise framing.malformed("Malformed header field") from None

    def _begin(self, request: Request, path: bytes, buffer: bytes, at: int) -> int:
        """Judge the header, and go on to the body."""
        fields = request.headers = self._fields
        request.request_id = chosen_id(fields, self._new_id)
        framing.check_host(fields, request.minor)
        if path[:1] != b"/":
            path = framing.other_form(request.method, path, fields)
        request.raw_path = path
        text = path.decode("ascii")
        request.path = decoded(text) if "%" in text else text
        length = framing.body_length(fields, request.minor)
        expects = False
        if not (_RARE.isdisjoint(fields) and request.minor):
            expects = framing.expects_continue(fields, request.minor)
            request.last = framing.is_last(fields, request.minor)
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
            if self._parser is not None:
                self._parser.feed_data(request.body)
            self.ready = request
            return end
        self._parser = None
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
