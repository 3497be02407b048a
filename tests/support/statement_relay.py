"""A port in front of a MySQL server that hears every statement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tests.support.relay import Relay

_QUERY: Final = b"\x03"
_HEAD: Final = 4
_LARGEST: Final = 1 << 16


class StatementRelay(Relay):
    """Carries bytes both ways, and tells a statement once the server has it, before its answer can come back."""

    def __init__(self, port: int, hear: Callable[[str], None]) -> None:
        """Stand in front of a loopback port; what is ``hear``d is one statement of at most 64 KB."""
        super().__init__(port)
        self._hear = hear

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray | None) -> None:
        if kept is None:
            await super()._carry(reader, writer, kept)
            return
        with suppress(ConnectionError):
            while data := await reader.read(_LARGEST):
                writer.write(data)
                await writer.drain()
                if data[_HEAD : _HEAD + 1] == _QUERY:
                    self._hear(data[_HEAD + 1 :].decode())
