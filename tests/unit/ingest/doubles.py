"""A log whose appends end when the test says so."""

from __future__ import annotations

import asyncio

from parley.domain.events import Depth, Entry, IdempotencyKey, MessagesPosted, Position, position_id
from parley.domain.model import Draft
from parley.domain.numbering import Appended, Outcome
from parley.log.port import Batch
from tests.unit.workers.doubles import BEGAN_AT


class HeldLog:
    """A `Log` that remembers each batch and holds its future until `settle`."""

    durability = "stored"
    at_once = 1

    def __init__(self) -> None:
        """Hold nothing."""
        self.batches: list[list[Entry]] = []
        self.futures: list[asyncio.Future[list[Outcome]]] = []
        self.stored_later = Depth()
        self.is_busy = False
        """While it is, a batch stays open until `begin`."""
        self.open: list[Batch] = []

    def append(self, batch: Batch) -> asyncio.Future[list[Outcome]]:
        """Hold the batch; begin with it at once, or later if it is busy."""
        self.open.append(batch)
        if not self.is_busy:
            self.begin()
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]

    def begin(self) -> None:
        """Seal the batches that wait."""
        self.batches += [list(batch.seal()) for batch in self.open]
        self.open.clear()

    async def settle(self, batch: int = -1, error: Exception | None = None) -> None:
        """Give a batch's entries numbers from 1, or fail it, and let the loop tell everybody."""
        if error is None:
            taken = enumerate(self.batches[batch], 1)
            self.futures[batch].set_result([Appended(n, Position(1, position_id(BEGAN_AT, n))) for n, _ in taken])
        else:
            self.futures[batch].set_exception(error)
        await turn()

    async def close_gate(self, token: str) -> None:
        """Have no gates."""

    def depth(self) -> Depth:
        """Give what the test said."""
        return self.stored_later

    async def ping(self) -> None:
        """Answer."""


async def turn() -> None:
    """Let the loop run what is due, and what that makes due."""
    for _ in range(3):
        await asyncio.sleep(0)


def message(body: str, key: IdempotencyKey | None = None, application: str = "t") -> Entry:
    """Make an entry that posts one message."""
    return Entry(application, 1, MessagesPosted((Draft(body),)), None, key)
