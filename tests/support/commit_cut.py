"""A port in front of a MySQL server that loses a commit, or its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal
from urllib.parse import urlsplit

_COMMIT: Final = b"\x03commit"
"""A command packet's payload: a query, and its text."""

Cut = Literal["before", "after"]


class CommitCut:
    """Passes bytes on both ways until it is told to cut the connection around the next commits."""

    def __init__(self, url: str) -> None:
        """Stand in front of the server of a database's URL."""
        self._server = urlsplit(url)
        self.url = ""
        self.next_cuts: list[Cut] = []
        """For each of the next commits: cut before the server has it, or after it has answered."""
        self._passing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[CommitCut]:
        """Take connections inside; ``url`` is where clients come."""
        async with await asyncio.start_server(self._take, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            self.url = self._server._replace(netloc=f"{self._server.netloc.rpartition(':')[0]}:{port}").geturl()
            yield self
            await asyncio.gather(*self._passing)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry a client's connection until either side ends."""
        task = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_connection(self._server.hostname, self._server.port)
        muted = asyncio.Event()
        ways = [
            asyncio.create_task(self._carry_commands(reader, server, muted)),
            asyncio.create_task(_carry_answers(answers, writer, muted)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (server, writer):
            end.close()
            with suppress(OSError):
                await end.wait_closed()

    async def _carry_commands(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, muted: asyncio.Event
    ) -> None:
        while data := await reader.read(1 << 16):
            if data[4:] == _COMMIT and self.next_cuts:
                if self.next_cuts.pop(0) == "before":
                    return
                muted.set()
            server.write(data)
        await server.drain()


async def _carry_answers(answers: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event) -> None:
    """Pass answers on; once muted, the next answer ends the connection instead."""
    while data := await answers.read(1 << 16):
        if muted.is_set():
            return
        writer.write(data)
