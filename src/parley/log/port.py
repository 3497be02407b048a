"""The log's ports: numbered, idempotent, atomic append; and the storage half of an embedded log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from parley.domain.events import Entry, Event
from parley.domain.numbering import Outcome, States

T = TypeVar("T")


class Batch(Protocol):
    """Entries on their way: more may join until the log begins with them."""

    def seal(self) -> Sequence[Entry]:
        """Give the entries; from now on nothing joins. Called once, from whatever thread appends."""


class Log(Protocol):
    """Numbers entries and keeps them, for any number of writers.

    *Atomic*: a batch's entries are decided in order and written together; no number without its
    entry, no entry without its number. *Idempotent*: a key that was seen in the last 24 h gives
    the first outcome again. *Ordered*: within a scope numbers and positions rise together.
    *Retries*: none inside; a future that fails with `UnavailableError` wrote nothing, one that
    fails with `OutcomeUnknownError` may have written, and only the caller may decide.
    """

    durability: str
    """What an answer may claim once `append` is done: ``stored``, ``queued`` or ``relaxed``."""

    def append(self, batch: Batch) -> asyncio.Future[list[Outcome]]:
        """Seal the batch when its turn has come and append its entries in one atomic step.

        Appends begin in the order of the calls. One outcome for each entry, in their order.
        """

    async def close_gate(self, token: str) -> None:
        """Refuse every later entry of the application. Repeating it changes nothing."""

    def depth(self) -> int:
        """Give the number of messages that are on the log and not yet stored; never blocks."""

    async def ping(self) -> None:
        """Return if the log answers, else raise `UnavailableError`."""


class Inline(Protocol):
    """The storage half of an embedded log: number and row in one transaction.

    All three run on the database's one writer, so what `load` read is still true at `apply`.
    """

    durability: str
    """What a commit is worth: ``stored``, or ``relaxed`` if the database does not sync it."""

    def transact(self, work: Callable[[Any], T]) -> asyncio.Future[T]:
        """Run ``work(transaction)``; what its one `apply` stored is synced to disk before the future is done."""

    def load(self, transaction: Any, batch: Sequence[Entry]) -> States:  # noqa: ANN401 - the driver's own
        """Give the states of the batch's scopes, messages and keys."""

    def apply(self, transaction: Any, events: Sequence[Event], states: States) -> None:  # noqa: ANN401
        """Store the events, what became of the scopes, and one change row a partition: all or nothing."""

    async def ping(self) -> None:
        """Return if the database answers."""
