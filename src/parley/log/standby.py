"""The standby: while a log of its own is away the database numbers and stores by itself, in one transaction a batch.

It takes numbers above all that any log was granted, so whoever still reaches the log gives none of them. What only the
log's end could tell is refused, not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence

from parley.domain.events import Entry
from parley.domain.numbering import Outcome, Reason, Refused, States, decide_unread
from parley.log.port import Aside
from parley.telemetry.clock import Clock


class Standby:
    """Appends to one partition at a time, in the epoch that the database opened for it."""

    def __init__(self, aside: Aside, clock: Clock) -> None:
        """Store through ``aside``, by the time of ``clock``."""
        self._aside = aside
        self._clock = clock

    async def append(self, partition: int, epoch: int, entries: Sequence[Entry]) -> list[Outcome]:
        """Append creates, numbered and stored; refuse all, as a log in another life does, where nobody stands by.

        Raises:
            UnavailableError: nothing was written.
            OutcomeUnknownError: the commit was not answered.
        """
        outcomes = await self._aside.number(partition, epoch, entries, self._decide)
        return [Refused(Reason.EPOCH)] * len(entries) if outcomes is None else outcomes

    def _decide(self, entries: Sequence[Entry], states: States) -> list[Outcome]:
        now = self._clock.now_ms()
        return [decide_unread(entry, states, now) for entry in entries]
