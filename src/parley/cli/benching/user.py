"""One simulated user: one request on the way at most, over a connection of its own to each service it needs."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Protocol

import httpx

from parley.cli.benching.mix import Request
from parley.cli.benching.plan import Origin
from parley.cli.line import CONNECT_TIMEOUT_S, Line

_PAUSE_S = 0.1
"""Before a user whose connection was refused asks again."""


class Host(Protocol):
    """Who gives users their requests."""

    def settled(self, user: User, request: Request, status: int, body: bytes, seconds: float) -> None:
        """Take an answer, and how long after its due time it came; the user is free."""

    def failed(self, user: User, request: Request, why: str, *, was_sent: bool) -> None:
        """Know that a request has no answer; the user is free."""


class User:
    """Sends what it is given, and opens its connections again when they were closed."""

    def __init__(self, read: Origin, write: Origin) -> None:
        """Know the services, which may be one, and connect to neither."""
        self.host: Host
        self._origins = (read, write)
        self._is_apart = write is not read
        self._lines: list[Line | None] = [None, None]
        self._request: Request | None = None
        self._due = 0.0
        self._dialling: asyncio.Task[None] | None = None

    async def connect(self, *, is_write: bool) -> Line:
        """Open the connection to one of the services, if it is not open.

        Raises:
            OSError: it cannot be reached; a `TimeoutError` is one.
        """
        place = is_write and self._is_apart
        line = self._lines[place]
        if line is not None and line.is_open:
            return line
        host, port, tls, *_ = self._origins[place]
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, line = await asyncio.get_running_loop().create_connection(lambda: Line(self), host, port, ssl=tls)
        self._lines[place] = line
        return line

    def send(self, request: Request, due: float) -> None:
        """Send a request that was due at a time; the one before is settled."""
        self._request, self._due = request, due
        line = self._lines[request.is_write and self._is_apart]
        if line is not None and line.is_open:
            line.ask(request.data)
        else:
            self._dialling = asyncio.get_running_loop().create_task(self._dial(request))

    def answered(self, status: int, body: bytes) -> None:
        """Pass an answer on."""
        request, self._request = self._request, None
        if request is not None:
            self.host.settled(self, request, status, body, perf_counter() - self._due)

    def lost(self, error: httpx.TransportError) -> None:
        """Pass on that there is none."""
        self._fail("not HTTP" if isinstance(error, httpx.RemoteProtocolError) else "connection lost")

    def give_up(self) -> None:
        """Wait no more for the request on the way; its connection is of no more use."""
        if self._request is not None:
            self.close()
            self._fail("no answer")

    def close(self) -> None:
        """Close the connections."""
        if self._dialling is not None:
            self._dialling.cancel()
        for line in self._lines:
            if line is not None:
                line.close()

    async def _dial(self, request: Request) -> None:
        try:
            line = await self.connect(is_write=request.is_write)
        except OSError:
            await asyncio.sleep(_PAUSE_S)
            self._fail("no connection", was_sent=False)
        else:
            line.ask(request.data)

    def _fail(self, why: str, *, was_sent: bool = True) -> None:
        request, self._request = self._request, None
        if request is not None:
            self.host.failed(self, request, why, was_sent=was_sent)
