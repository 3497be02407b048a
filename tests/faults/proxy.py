"""A port in front of a service that swallows answers: the request was done, and the client never hears of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from tests.support.relay import Relay

_CHUNK: Final = 64 * 1024


class Swallower(Relay):
    """While it is told to, it cuts the connection in the place of every so manieth answer."""

    def __init__(self, port: int) -> None:
        """Stand in front of a loopback port."""
        super().__init__(port)
        self.every = 0
        """0: carry everything."""
        self.swallowed = 0
        self._answers = 0

    async def _carry_answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK):
                self._answers += 1
                if self.every and self._answers % self.every == 0:
                    self.swallowed += 1
                    return
                writer.write(chunk)
                await writer.drain()
