"""The plain HTTP of commands that send many small requests: `httpx` without its costs."""

from __future__ import annotations

import asyncio

import httpx

from parley.cli.line import CONNECT_TIMEOUT_S, Line

ANSWER_TIMEOUT_S = 15.0


class PlainTransport(httpx.AsyncBaseTransport):
    """Keeps one connection to the one ``http`` server that it is used for; one request at a time."""

    def __init__(
        self, connect_timeout_s: float = CONNECT_TIMEOUT_S, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        """Connect with the first request."""
        self._connect_timeout_s = connect_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._line: _Line | None = None
        self._answer: asyncio.Future[httpx.Response]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its whole answer; a connection that was closed meanwhile is opened again.

        Raises:
            httpx.TransportError: there is no answer; whether the server acted is unknown.
        """
        line = self._line
        if line is None or not line.is_open:
            line = self._line = await self._connect(request.url)
        self._answer = asyncio.get_running_loop().create_future()
        line.ask(_render(request))
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                return await self._answer
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"no answer within {self._answer_timeout_s:g} s") from error
        finally:
            if self._answer.cancelled():
                line.close()  # a late answer would be taken for the next request's

    async def aclose(self) -> None:
        """Close the connection."""
        if self._line is not None:
            self._line.close()

    def answered(self, status: int, body: bytes) -> None:
        """Give the answer to who waits for it."""
        if self._line is not None and not self._answer.done():
            self._answer.set_result(httpx.Response(status, headers=self._line.headers, content=body))

    def lost(self, error: httpx.TransportError) -> None:
        """Give the reason why there is none."""
        if not self._answer.done():
            self._answer.set_exception(error)

    async def _connect(self, url: httpx.URL) -> _Line:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, line = await loop.create_connection(lambda: _Line(self), url.host, url.port or 80)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection within {self._connect_timeout_s:g} s") from error
        except OSError as error:
            raise httpx.ConnectError(error.strerror or str(error)) from error
        return line


class _Line(Line):
    """A line whose answers have headers, too."""

    headers: list[tuple[bytes, bytes]]

    def on_message_begin(self) -> None:
        """Forget those of the answer before."""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self.headers.append((name, value))


def _render(request: httpx.Request) -> bytes:
    head = b"".join(b"%s: %s\r\n" % header for header in request.headers.raw)
    return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (request.method.encode("ascii"), request.url.raw_path, head, request.content)
