"""The embedded log: numbers are given in the transaction that stores what they number."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from parley.domain.errors import ConfigurationError
from parley.domain.events import Depth, Event
from parley.domain.numbering import Appended, Outcome, decide
from parley.log.port import Batch, Inline, Log, LogOpening, Opened
from parley.telemetry.clock import Clock


class SqliteLog:
    """Decides a batch in one transaction: gate, key, number, row, count and change."""

    def __init__(self, inline: Inline, clock: Clock) -> None:
        """Store through ``inline``, by the time of ``clock``."""
        self.durability = inline.durability
        self.at_once = 1
        self._inline = inline
        self._clock = clock

    def append(self, batch: Batch) -> asyncio.Future[list[Outcome]]:
        """Append the entries in one transaction that is synced before the future is done."""
        return self._inline.transact(partial(self._append, batch))

    async def close_gate(self, token: str) -> None:
        """Do nothing: the gate is the application's own row, which the append reads."""

    def depth(self) -> Depth:
        """Give nothing: what is on this log is stored."""
        return Depth()

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


def open_(url: str, opening: LogOpening) -> Opened:
    """Open the embedded log; ``url`` is the database's own.

    Raises:
        ConfigurationError: the database is another one.
    """
    if opening.inline is None:
        raise ConfigurationError(f"PARLEY_LOG_URL is {url}, which numbers only in a sqlite: database; use redis://")
    return Opened(SqliteLog(opening.inline, opening.clock), apart=None, start=_nothing, close=_nothing)


async def _nothing() -> None:
    """Start and close with the database."""


if TYPE_CHECKING:
    _conforms: type[Log] = SqliteLog
