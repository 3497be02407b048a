"""Answers over real sockets, whole, split, several in a row, broken and missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from parley.cli.line import Line

PLAIN = b'HTTP/1.1 201 Created\r\nContent-Length: 12\r\nX-Name: v\r\n\r\n{"number":7}'
CHUNKED = b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"num\r\n7\r\nber":7}\r\n0\r\n\r\n'
CLOSING = b'HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 12\r\n\r\n{"number":7}'


class Heard:
    """Keeps what a line says."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.said: asyncio.Queue[tuple[int, bytes] | httpx.TransportError] = asyncio.Queue()

    def answered(self, status: int, body: bytes) -> None:
        """Keep an answer."""
        self.said.put_nowait((status, body))

    def lost(self, error: httpx.TransportError) -> None:
        """Keep a reason."""
        self.said.put_nowait(error)


@asynccontextmanager
async def line_to(*answers: Sequence[bytes] | None) -> AsyncIterator[tuple[Line, Heard]]:
    """Give a line to a server that answers each request with pieces, each a packet; ``None`` closes."""
    heard, ended = Heard(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for pieces in answers:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces or ():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if pieces is None:
                break
        else:
            await reader.read()
        writer.close()
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    _, line = await asyncio.get_running_loop().create_connection(lambda: Line(heard), host, port)
    try:
        yield line, heard
    finally:
        line.close()
        server.close()
        await ended.wait()


async def ask(line: Line, heard: Heard) -> tuple[int, bytes] | httpx.TransportError:
    """Ask once."""
    line.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return await asyncio.wait_for(heard.said.get(), 5)


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED])
async def test_answer_is_read_wherever_it_is_split(answer: bytes) -> None:
    """At every byte once, on one connection; and byte by byte."""
    cuts = [[answer[:at], answer[at:]] for at in range(1, len(answer))]
    async with line_to(*cuts, [bytes([byte]) for byte in answer]) as (line, heard):
        got = [await ask(line, heard) for _ in range(len(cuts) + 1)]

    assert got == [(201, b'{"number":7}')] * (len(cuts) + 1)


async def test_interim_answer_is_not_the_answer() -> None:
    """A 1xx before it is forgotten."""
    async with line_to([b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", PLAIN]) as (line, heard):
        assert await ask(line, heard) == (201, b'{"number":7}')
        assert heard.said.empty()


async def test_connection_that_the_answer_closes_is_not_used_again() -> None:
    """Said by ``Connection: close``, known before the end of the connection arrives."""
    async with line_to([CLOSING]) as (line, heard):
        assert line.is_open
        assert await ask(line, heard) == (201, b'{"number":7}')
        assert not line.is_open


@pytest.mark.parametrize(
    ("pieces", "error"),
    [(None, httpx.ReadError), ([b"SSH-2.0-OpenSSH\r\n"], httpx.RemoteProtocolError)],
)
async def test_request_without_an_answer_is_lost_once(
    pieces: Sequence[bytes] | None, error: type[httpx.TransportError]
) -> None:
    """And its connection is closed."""
    async with line_to(pieces) as (line, heard):
        assert isinstance(await ask(line, heard), error)
        assert not line.is_open
    assert heard.said.empty()


async def test_answer_that_nobody_asked_for_ends_the_connection() -> None:
    """It would be taken for the answer to the next request."""
    async with line_to([PLAIN, PLAIN]) as (line, heard):
        assert await ask(line, heard) == (201, b'{"number":7}')
        line.data_received(PLAIN)

        assert not line.is_open
        assert heard.said.empty()
