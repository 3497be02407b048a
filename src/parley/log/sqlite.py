"""The embedded log: numbers are given in the transaction that stores what they number."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from parley.domain.events import Event
from parley.domain.numbering import Appended, Outcome, decide
from parley.log.port import Batch, Inline, Log
from parley.telemetry.clock import Clock


class SqliteLog:
    """Decides a batch in one transaction: gate, key, number, row, count and change."""

    def __init__(self, inline: Inline, clock: Clock) -> None:
        """Store through ``inline``, by the time of ``clock``."""
        self.durability = inline.durability
        self._inline = inline
        self._clock = clock

    def append(self, batch: Batch) -> asyncio.Future[list[Outcome]]:
        """Append the entries in one transaction that is synced before the future is done."""
        return self._inline.transact(partial(self._append, batch))

    async def close_gate(self, token: str) -> None:
        """Do nothing: the gate is the application's own row, which the append reads."""

    def depth(self) -> int:
        """Give 0: what is on this log is stored."""
        return 0

    async def ping(self) -> None:
        """Ask the database, which is the log."""
        await self._inline.ping()

    def _append(self, batch: Batch, transaction: Any) -> list[Outcome]:  # noqa: ANN401 - the driver's own
        entries = batch.seal()
        states = self._inline.load(transaction, entries)
        now = self._clock.now_ms()
        events: list[Event] = []
        outcomes: list[Outcome] = []
        for entry in entries:
            outcome = decide(entry, states, now)
            if isinstance(outcome, Appended):
                events.append(Event(outcome.position, outcome.number, entry))
            outcomes.append(outcome)
        if events:
            self._inline.apply(transaction, events, states)
        return outcomes


def open_(url: str, *, inline: Inline, clock: Clock) -> SqliteLog:
    """Open the embedded log; ``url`` is the database's own."""
    del url
    return SqliteLog(inline, clock)


if TYPE_CHECKING:
    _conforms: type[Log] = SqliteLog
