"""One keep-alive HTTP/1.1 connection with at most one request on the way, at the least CPU that a correct client costs.

A general client spends twenty times the CPU on each: more than the server that it waits for.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol, cast

import httptools
import httpx

CONNECT_TIMEOUT_S: Final = 5.0

_FINAL: Final = 200


class Asker(Protocol):
    """Who a line's answers are for."""

    def answered(self, status: int, body: bytes) -> None:
        """Take the whole answer; the line is free again."""

    def lost(self, error: httpx.TransportError) -> None:
        """Know that there will be no answer, and whether the server acted is unknown; the line is closed."""


class Line(asyncio.Protocol):
    """Writes requests as they are, and reads answers however they are split into packets."""

    def __init__(self, asker: Asker) -> None:
        """Belong to ``asker``."""
        self.is_open = False
        self._asker = asker
        self._is_asked = False
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport

    def ask(self, request: bytes) -> None:
        """Send one request; the one before is answered."""
        self._is_asked = True
        self._transport.write(request)

    def close(self) -> None:
        """Close it at once; nobody is told."""
        self.is_open = self._is_asked = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        """End the request on the way."""
        self._lose(httpx.ReadError(str(error) if error else "the server closed the connection without an answer"))

    def data_received(self, data: bytes) -> None:
        """Read on; what comes unasked ends the connection."""
        if not self._is_asked:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._lose(httpx.RemoteProtocolError(f"the answer is not HTTP: {error}"))

    def on_body(self, data: bytes) -> None:
        """Collect a piece of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Hand the answer over; an interim one (1xx) is only forgotten."""
        status = self._parser.get_status_code()
        if status < _FINAL or not self._is_asked:
            return
        body = b"".join(self._body)
        self._body.clear()
        self._is_asked = False
        if not self._parser.should_keep_alive():
            self.close()
        self._asker.answered(status, body)

    def _lose(self, error: httpx.TransportError) -> None:
        was_asked = self._is_asked
        self.close()
        if was_asked:
            self._asker.lost(error)
