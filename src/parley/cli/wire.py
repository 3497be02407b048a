"""HTTP/1.1 over one plain connection, for commands that send many small requests.

A general client spends twenty times the CPU on each: more than the server that it waits for.
"""

from __future__ import annotations

import asyncio
from typing import cast

import httptools
import httpx

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 15.0

_FINAL = 200


class PlainTransport(httpx.AsyncBaseTransport):
    """Keeps one connection to the one ``http`` server that it is used for; one request at a time."""

    def __init__(
        self, connect_timeout_s: float = CONNECT_TIMEOUT_S, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        """Connect with the first request."""
        self._connect_timeout_s = connect_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._connection: _Connection | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its whole answer; a connection that was closed meanwhile is opened again.

        Raises:
            httpx.TransportError: there is no answer; whether the server acted is unknown.
        """
        connection = self._connection
        if connection is None or not connection.is_open:
            connection = self._connection = await self._connect(request.url)
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                return await connection.exchange(request)
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"no answer within {self._answer_timeout_s:g} s") from error

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    async def _connect(self, url: httpx.URL) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, connection = await loop.create_connection(_Connection, url.host, url.port or 80)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection within {self._connect_timeout_s:g} s") from error
        except OSError as error:
            raise httpx.ConnectError(error.strerror or str(error)) from error
        return connection


class _Connection(asyncio.Protocol):
    """One connection and the answer that is being read from it."""

    def __init__(self) -> None:
        self.is_open = False
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[httpx.Response] | None = None
        self._parser: httptools.HttpResponseParser
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    async def exchange(self, request: httpx.Request) -> httpx.Response:
        """Write the request and wait for its answer; without one the connection is of no more use."""
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._headers, self._body = [], []
        self._transport.write(_render(request))
        try:
            return await self._answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None

    def close(self) -> None:
        """Close it at once."""
        self.is_open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        """End the answer that can no longer come."""
        self.is_open = False
        self._fail(httpx.ReadError(str(error) if error else "the server closed the connection without an answer"))

    def data_received(self, data: bytes) -> None:
        """Read on; what comes unasked ends the connection."""
        if self._answer is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(httpx.RemoteProtocolError(f"the answer is not HTTP: {error}"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._headers.append((name, value))

    def on_body(self, data: bytes) -> None:
        """Collect a piece of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Give the answer; an interim one (1xx) is only forgotten."""
        status = self._parser.get_status_code()
        headers, body = self._headers, b"".join(self._body)
        self._headers, self._body = [], []
        if status < _FINAL or self._answer is None or self._answer.done():
            return
        if not self._parser.should_keep_alive():
            self.close()
        self._answer.set_result(httpx.Response(status, headers=headers, content=body))

    def _fail(self, error: httpx.TransportError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


def _render(request: httpx.Request) -> bytes:
    head = b"".join(b"%s: %s\r\n" % header for header in request.headers.raw)
    return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (request.method.encode("ascii"), request.url.raw_path, head, request.content)
