"""The log's ports: numbered, idempotent, atomic append; what follows, feeds and keeps a log of its own.

An embedded log is the database: it has a storage half instead (`Inline`), and needs no one to follow it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar

from parley.domain.events import Depth, Entry, Event, Logged, Position
from parley.domain.grants import Known, Life, ScopeName
from parley.domain.numbering import Outcome, States
from parley.telemetry.clock import Clock

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
    *What a log may not know*: a chat or message that the batch itself makes, of which nobody was told
    yet; and which given numbers are tombstones: a change of one is refused, or taken and has no effect.
    *Retries*: none inside; a future that fails with `UnavailableError` wrote nothing, one that
    fails with `OutcomeUnknownError` may have written, and only the caller may decide.
    """

    durability: str
    """What an answer may claim once `append` is done: ``stored``, ``queued`` or ``relaxed``."""

    at_once: int
    """How many appends are under way together; one more may wait in front of them."""

    def append(self, batch: Batch) -> asyncio.Future[list[Outcome]]:
        """Seal the batch when its turn has come and append its entries in one atomic step.

        Appends begin in the order of the calls. One outcome for each entry, in their order.
        """

    async def close_gate(self, token: str) -> None:
        """Refuse every later entry of the application. Repeating it changes nothing."""

    def depth(self) -> Depth:
        """Give what is on the log and not yet stored, as sampled lately; never blocks."""

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


class Feeding(Protocol):
    """What writers tell a log of its own, so that it can number: all of it from the database."""

    async def is_open(self, name: ScopeName) -> bool | None:
        """Say whether a scope's gates are open; ``None`` if the log does not know the scope.

        Raises:
            UnavailableError: the log is away, or between two lives.
        """

    async def closed(self) -> list[int]:
        """Give the partitions whose log would serve no append at present.

        Raises:
            UnavailableError: the log is away.
        """

    def adopt(self, lives: Mapping[int, Life]) -> None:
        """Name these lives in every append from now on, by partition."""

    async def restore(self, partition: int, stamp: int | None, scopes: Sequence[Known]) -> None:
        """Set what the log does not know of the scopes, and extend their grants; nothing is lowered or reopened.

        Without a ``stamp`` only the grants of scopes that the log knows are extended.

        ``stamp`` is what the refusal carried that was before the database was asked: if the log has let go of
        anything since, nothing is set, and the next append is refused again. A grant that does not follow the last
        one burns the numbers in between, as an event.
        """

    def vouch(self, token: str, route: str, key: str, stamp: int) -> None:
        """Say that the database did not know a key, asked after a refusal with ``stamp``: it may be new."""


class Reading(NamedTuple):
    """What lay behind some positions: entries in order by partition, and which epoch each log is in."""

    entries: Mapping[int, Sequence[Logged]]
    epochs: Mapping[int, int | None]
    """``None``: the log is between two lives."""
    so_far: Mapping[int, Depth] = MappingProxyType({})
    """The log's count in the epoch that was read, as of just before the entries were.

    If it is above that of the last entry that lies here, what lies in between was trimmed: so it is stored.
    """
    full: Collection[int] = frozenset()
    """The partitions whose end was not reached: more may lie behind what was read."""


class Stream(Protocol):
    """A log of its own, as those read it who follow it. Entries are there from before their append is answered."""

    async def read(self, after: Mapping[int, Position], limit: int) -> Reading:
        """Give up to ``limit`` entries behind each position, of its own epoch, without waiting for any.

        Fewer if they are large: what a read takes in memory is bounded. The end of an epoch that was reached is its
        end for ever if the log is in another one by then.
        """


class Vitals(NamedTuple):
    """How a partition's log is, for the lease-holder to judge."""

    epoch: int | None
    """The epoch that it numbers in; ``None`` between two."""
    run_id: str
    """The engine's present run."""
    end: Position | None
    """The last entry of the given epoch; ``None`` if there is none."""
    is_open: bool
    """Whether appends that name the given life are served."""
    keeps_all: bool
    """Whether a restart of this engine, as it is set up, brings back all that was answered."""
    is_short: bool
    """Whether a writer has missed entries here that it had been told of."""
    ended: int = 0
    """The highest epoch that was sealed here; 0 if none was."""
    stored: Position | None = None
    """Up to where entries of the given epoch were let go of, for a database had them; ``None`` if none were."""


class Keeper(Protocol):
    """A log of its own, in the hands of a partition's lease-holder."""

    async def examine(self, partition: int, life: Life) -> Vitals:
        """Look at the log, for a life that the database holds."""

    async def seal(self, partition: int) -> None:
        """Refuse every append from now on; what lies on the log stays readable. This epoch is never opened again."""

    async def open(self, partition: int, life: Life, floor: Position, keys_known_since: int) -> None:
        """Begin or resume a life: appends that name it are served, at positions above ``floor``.

        ``keys_known_since`` (UTC milliseconds) is since when this log knows every key; used for a new epoch alone.

        Raises:
            ConflictError: another lease-holder has sealed the epoch or opened a later one, or the log has lost it.
            UnavailableError: the log is away, or its engine is in another run than the life.
        """

    async def trim(self, partition: int, until: Logged) -> None:
        """Let go of everything up to an entry that is stored, and of scopes and keys beyond their budget."""


Unsent = tuple[Batch, asyncio.Future[list[Outcome]]]
"""A batch that certainly was not sent, and who waits for its outcomes."""


class Reach(Protocol):
    """What whoever stands in front of a log of its own needs to know of it, and to get back from it."""

    async def away(self) -> frozenset[int]:
        """Ask every partition's server for a sign of life, and give those that gave none in time. Never raises."""

    def withdraw(self) -> list[Unsent]:
        """Take back every batch that was not sent yet; whoever does so owes its outcomes."""


class Aside(Protocol):
    """The storage half of the standby: number and row in one transaction of the database that owns all numbers."""

    async def number(
        self,
        partition: int,
        epoch: int,
        entries: Sequence[Entry],
        decide: Callable[[Sequence[Entry], States], list[Outcome]],
    ) -> list[Outcome] | None:
        """Hold the partition, have its entries decided, and store what was appended; `None`: it does not stand by.

        ``decide`` may be called more than once.

        Raises:
            UnavailableError: nothing was written.
            OutcomeUnknownError: the commit was not answered.
        """


class Apart(NamedTuple):
    """What a log has besides when it is not the database."""

    feeding: Feeding
    stream: Stream
    keeper: Keeper
    reach: Reach


class Opened(NamedTuple):
    """A log behind its ports; ``apart`` is set where it is not the database.

    `start` comes first: it connects and checks how durable the log is, and raises `ConfigurationError`.
    """

    log: Log
    apart: Apart | None
    start: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]


class LogOpening(NamedTuple):
    """What a log is opened with besides its URL; an embedded one needs the first two alone."""

    inline: Inline | None
    clock: Clock
    writer_id: str
    """Names this process among all its writers, ever."""
    partitions: int
    accepts_relaxed: bool
    """Whether the operator gives up what was acknowledged and not yet synced."""
    unsettled_s: float
    """After how long an append of unknown outcome is given up."""
    key_ttl_s: int
    key_budget: int
    """How many idempotency keys stay on the log once they are stored."""
