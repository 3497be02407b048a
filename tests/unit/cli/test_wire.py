"""The lean HTTP/1.1 transport against real sockets that answer well, badly, late or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from parley.cli.wire import PlainTransport
from tests.support.server import free_ports

OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-Name: v1 \r\n\r\nok"


class Script:
    """What a server sends for each request it reads; ``None`` closes the connection, ``b""`` sends nothing."""

    def __init__(self, steps: Sequence[Sequence[bytes | None]]) -> None:
        """Take the pieces of each answer; they leave as separate packets."""
        self.steps = list(steps)
        self.requests: list[bytes] = []
        self.reading = asyncio.Event()
        self.connections = 0
        self.serving: list[asyncio.Task[None] | None] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        self.connections += 1
        self.serving.append(asyncio.current_task())
        try:
            await self.play(reader, writer)
            await reader.read()
        except ConnectionError:
            return
        finally:
            writer.transport.abort()

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests by the script."""
        while self.steps and (request := await read_request(reader)):
            self.requests.append(request)
            self.reading.set()
            for piece in self.steps.pop(0):
                if piece is None:
                    writer.close()
                    return
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.002)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read one request with its body; nothing at the end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
    return head + await reader.readexactly(int(length.partition(b":")[2]))


@asynccontextmanager
async def scripted(*steps: Sequence[bytes | None]) -> AsyncIterator[tuple[Script, PlainTransport]]:
    """Give a server that plays the steps, and a transport."""
    script, transport = Script(steps), PlainTransport(answer_timeout_s=0.5)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield script, transport
    finally:
        await transport.aclose()
        server.close()
        await asyncio.wait_for(asyncio.gather(*(task for task in script.serving if task)), 5)


async def send(script: Script, transport: PlainTransport, content: bytes = b"{}") -> httpx.Response:
    """Send one POST."""
    headers = {"Idempotency-Key": "k"}
    return await transport.handle_async_request(
        httpx.Request("POST", f"{script.url}/a%20b?c=d", content=content, headers=headers)
    )


async def test_wire_sends_the_whole_request() -> None:
    """Line, host, key, length and body, byte for byte."""
    async with scripted([OK]) as (script, transport):
        await send(script, transport, "п🍣".encode())

    head, _, body = script.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a%20b?c=d HTTP/1.1\r\n")
    assert {b"idempotency-key: k", b"content-length: 6", b"host: " + script.url[7:].encode()} <= {
        line.lower() for line in head.split(b"\r\n")
    }
    assert body == "п🍣".encode()


@pytest.mark.parametrize(
    "pieces",
    [
        [OK],
        [OK[i : i + 1] for i in range(len(OK))],
        [b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nX-Name: v1\r\n\r\n1\r\no\r\n", b"1\r\nk\r\n0\r\n\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\nX-Other: o\r\n\r\n" + OK],
    ],
    ids=["whole", "bytewise", "chunked", "interim"],
)
async def test_wire_reads_an_answer_however_it_comes(pieces: list[bytes]) -> None:
    """Status, headers and body of the final answer; the connection serves the next request too."""
    async with scripted(pieces, [OK]) as (script, transport):
        first, second = await send(script, transport), await send(script, transport)

        for answer in (first, second):
            assert (answer.status_code, answer.content, answer.headers["x-name"].strip()) == (201, b"ok", "v1")
            assert "x-other" not in answer.headers
        assert script.connections == 1


async def test_wire_connects_again_when_the_server_has_closed() -> None:
    """After ``Connection: close``, and after an idle connection was closed without a word."""
    closing = OK.replace(b"X-Name", b"Connection: close\r\nX-Name")
    async with scripted([closing], [OK, None], [OK]) as (script, transport):
        answers = [await send(script, transport)]
        answers.append(await send(script, transport))
        await asyncio.wait_for(closed(transport), 5)
        answers.append(await send(script, transport))

        assert [answer.status_code for answer in answers] == [201] * 3
        assert script.connections == 3


async def closed(transport: PlainTransport) -> None:
    """Wait until the transport has seen the end of its connection."""
    while transport._line is not None and transport._line.is_open:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("pieces", "error", "words"),
    [
        ([None], httpx.ReadError, "without an answer"),
        ([OK[:-1], None], httpx.ReadError, "without an answer"),
        ([b"SSH-2.0-OpenSSH\r\n"], httpx.RemoteProtocolError, "not HTTP"),
        ([b""], httpx.ReadTimeout, "no answer within 0.5 s"),
        ([OK[:30]], httpx.ReadTimeout, "no answer within 0.5 s"),
    ],
    ids=["closed", "cut", "foreign", "silent", "stuck"],
)
async def test_wire_says_that_there_is_no_answer(
    pieces: list[bytes | None], error: type[httpx.TransportError], words: str
) -> None:
    """Each shape is a transport error; the next request gets a connection of its own and its own answer."""
    async with scripted(pieces, [OK]) as (script, transport):
        with pytest.raises(error, match=words):
            await send(script, transport)

        assert (await send(script, transport)).status_code == 201
        assert script.connections == 2


async def test_wire_says_that_nobody_listens() -> None:
    """A refused connection is a transport error like the others."""
    transport = PlainTransport()
    request = httpx.Request("GET", f"http://127.0.0.1:{free_ports(1)[0]}/")

    with pytest.raises(httpx.ConnectError):
        await transport.handle_async_request(request)


async def test_wire_drops_a_connection_whose_request_was_cancelled() -> None:
    """Else its late answer would be taken for the next request's."""
    late = OK.replace(b"ok", b"no")
    async with scripted([b"", late], [OK]) as (script, transport):
        sending = asyncio.create_task(send(script, transport))
        await script.reading.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

        assert (await send(script, transport)).content == b"ok"
