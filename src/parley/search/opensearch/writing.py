"""One index as it is written, by its door."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from parley.domain.documents import Document
from parley.domain.events import Position
from parley.search.opensearch.bulk import Bulk
from parley.search.opensearch.documents import sort
from parley.search.opensearch.reached import Reached
from parley.search.opensearch.removal import remove_chats
from parley.search.opensearch.wire import WORK_TIMEOUT_S, Wire
from parley.search.port import Target


class Writing:
    """Stores documents first and positions after them."""

    def __init__(self, wire: Wire, bulk: Bulk, reached: Reached, door: str, *, refreshes: bool) -> None:
        """Write through ``door``; with ``refreshes`` each call is found at once."""
        self._wire = wire
        self._bulk = bulk
        self._reached = reached
        self._door = door
        self._refreshes = refreshes

    async def index(self, documents: Sequence[Document], positions: Mapping[int, Position]) -> None:
        """Put or remove the documents, and then remember each partition's position."""
        asked = await asyncio.to_thread(sort, documents)
        await self._bulk.send(self._door, asked.lines)
        await remove_chats(self._wire, self._door, asked.chats)
        if self._refreshes:
            await self._wire.ask("POST", f"/{self._door}/_refresh", timeout_s=WORK_TIMEOUT_S)
        if positions:
            await self._reached.put(self._door, positions)


if TYPE_CHECKING:
    _conforms: type[Target] = Writing
