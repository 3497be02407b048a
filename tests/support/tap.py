"""A port in front of a server that counts the requests which pass, and those left without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httptools

from tests.support.server import free_ports
from tests.support.workload import OK_CREATED, Progress

_CHUNK = 64 * 1024


class Tap:
    """Passes bytes on both ways and counts whole POST requests and their answers."""

    def __init__(self, server_url: str, progress: Progress) -> None:
        """Stand in front of the server; ``url`` is where clients come."""
        self.url = f"http://127.0.0.1:{free_ports(1)[0]}"
        self.in_flight = 0
        self.acknowledged = 0
        self.unknown = 0
        self._progress = progress
        self._server = urlsplit(server_url)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Take connections inside."""
        port = urlsplit(self.url).port
        async with await asyncio.start_server(self._pass, "127.0.0.1", port):
            yield

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one client's connection to the server; without a server, close it unanswered."""
        try:
            upstream = await asyncio.open_connection(self._server.hostname, self._server.port)
        except OSError:
            writer.close()
            return
        exchange = _Exchange(self)
        ways = [
            asyncio.create_task(_carry(reader, upstream[1], exchange.requests)),
            asyncio.create_task(_carry(upstream[0], writer, exchange.answers)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        exchange.ended()
        upstream[1].close()
        writer.close()

    def sent(self) -> None:
        """Count a POST that left for the server."""
        self.in_flight += 1

    def answered(self, status: int) -> None:
        """Count its answer."""
        self.in_flight -= 1
        self.acknowledged += status == OK_CREATED
        self._progress.note()

    def lost(self, requests: int) -> None:
        """Count POSTs whose connection ended without an answer."""
        self.in_flight -= requests
        self.unknown += requests
        self._progress.note()


class _Exchange:
    """One connection: its requests that wait for an answer, oldest first."""

    def __init__(self, tap: Tap) -> None:
        """Start with nothing waiting."""
        self._tap = tap
        self._waiting: list[bytes] = []
        self.requests = httptools.HttpRequestParser(_Complete(self._sent))
        self.answers = httptools.HttpResponseParser(_Complete(self._answered))

    def ended(self) -> None:
        """Note that no more answers come."""
        self._tap.lost(self._waiting.count(b"POST"))
        self._waiting.clear()

    def _sent(self) -> None:
        self._waiting.append(self.requests.get_method())
        if self._waiting[-1] == b"POST":
            self._tap.sent()

    def _answered(self) -> None:
        if self._waiting.pop(0) == b"POST":
            self._tap.answered(self.answers.get_status_code())


class _Complete:
    """What httptools calls at the end of each message."""

    def __init__(self, on_message_complete: Callable[[], None]) -> None:
        """Pass the calls on."""
        self.on_message_complete = on_message_complete


async def _carry(
    source: asyncio.StreamReader,
    target: asyncio.StreamWriter,
    parser: httptools.HttpRequestParser | httptools.HttpResponseParser,
) -> None:
    """Pass bytes on until either side ends, showing each piece to the parser."""
    try:
        while data := await source.read(_CHUNK):
            target.write(data)
            parser.feed_data(data)
            await target.drain()
    except OSError:
        return
