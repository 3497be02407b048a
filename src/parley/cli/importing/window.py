"""The records that were read and have no outcome yet, in order within each channel."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parley.cli.importing.records import Record


class Window:
    """One bound over all channels, so that memory is bounded and nothing can block for ever.

    The reader waits only while the window is full. It is then not empty, so some channel has a
    record that a sender is working on or can take, and every outcome makes room: one busy channel
    slows the reader to its own speed, it cannot stop it. A channel is with at most one sender.
    """

    def __init__(self, max_records: int, max_bytes: int) -> None:
        """Start empty. One record may exceed ``max_bytes``, else it could never enter."""
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._records = 0
        self._bytes = 0
        self._channels: dict[str | None, deque[Record]] = {}
        self._ready: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._empty = asyncio.Event()
        self._signal()

    async def add(self, record: Record) -> None:
        """Queue a record behind its channel's others; wait while the window is full."""
        await self._room.wait()
        waiting = self._channels.get(record.channel)
        if waiting is None:
            self._channels[record.channel] = deque((record,))
            self._ready.put_nowait(record.channel)
        else:
            waiting.append(record)
        self._records += 1
        self._bytes += record.size
        self._signal()

    async def claim(self) -> Record:
        """Wait for a channel that no sender holds, and give its first record, which stays until `finish`."""
        return self._channels[await self._ready.get()][0]

    def finish(self, record: Record) -> None:
        """Take out a record that has its outcome and hand its channel to the next sender."""
        waiting = self._channels[record.channel]
        waiting.popleft()
        if waiting:
            self._ready.put_nowait(record.channel)
        else:
            del self._channels[record.channel]
        self._records -= 1
        self._bytes -= record.size
        self._signal()

    async def drained(self) -> None:
        """Wait until every record has its outcome."""
        await self._empty.wait()

    def _signal(self) -> None:
        _set(self._room, self._records < self._max_records and self._bytes < self._max_bytes)
        _set(self._empty, self._records == 0)


def _set(event: asyncio.Event, value: bool) -> None:  # noqa: FBT001 - the value is the event's own
    if value:
        event.set()
    else:
        event.clear()
