"""The storage's ports for several processes beside a log of their own: grants, persisting, leases, dead letters.

All methods raise `UnavailableError` when the database is away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from parley.domain.events import Entry, Logged, Position
from parley.domain.grants import Known, Life, Need, Partition, ScopeName
from parley.domain.model import Draft
from parley.domain.numbering import KeyState, Outcome, States


class Applied(NamedTuple):
    """What became of a batch: messages that are rows now, entries whose parent is gone, and new dead letters."""

    messages: int
    dropped: int
    dead: int


class Lease(NamedTuple):
    """Time-bounded ownership of a job: ``token`` rises with every owner, so a late one is told from the present."""

    job: str
    owner: str
    token: int


class Holder(NamedTuple):
    """Who holds a job's lease, and for how many more milliseconds; below 0 it has run out."""

    job: str
    owner: str
    left_ms: int

    @property
    def is_live(self) -> bool:
        """Whether the lease has not run out."""
        return self.left_ms > 0


def persist_lease(partition: int) -> str:
    """Name the lease under which a partition is stored."""
    return f"persist-{partition}"


def find_idle(partitions: Sequence[Partition], holders: Sequence[Holder]) -> list[int]:
    """Give the partitions that nobody stores at present, in whatever process."""
    held = {holder.job for holder in holders if holder.is_live}
    return [row.id for row in partitions if persist_lease(row.id) not in held]


class DeadLetter(NamedTuple):
    """An event set aside: what it was, why, and how often it was tried."""

    id: int
    partition: int
    position: Position
    token: str
    chat: int | None
    number: int | None
    reason: str
    attempts: int
    raw: bytes
    created_at: int
    updated_at: int


class Scopes(Protocol):
    """What the database gives away to a log of its own, and what such a log asks it. For any number of writers."""

    async def partitions(self) -> list[Partition]:
        """Give every partition's present row."""

    async def provide(self, needs: Sequence[Need]) -> dict[ScopeName, Known]:
        """Say of each scope what is known, granting what is needed; a scope that has no row is left out.

        A grant belongs to the log's life, not to who asks: those who ask with the same ``until`` in the same epoch
        get the same one. The first of an epoch voids the older: their rest goes to the gap ledger.

        Raises:
            ConflictError: a need names another epoch than its partition's present one; nothing was granted.
        """

    async def unclosed(self) -> list[str]:
        """Give tokens of deleted applications whose closing is not stored yet, some of them if they are many."""

    async def find_keys(self, names: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], KeyState]:
        """Give what the (token, route, key) of live applications stand for, those that are younger than 24 h."""


class Persisting(Protocol):
    """Stores what lies on a log of its own: each entry exactly once, by position. For the lease-holder alone.

    All raise `ConflictError` if the lease or the position is no longer what the caller thinks; nothing was written.
    """

    async def apply(self, partition: int, lease: Lease, after: Position, logged: Sequence[Logged]) -> Applied:
        """Store the entries that follow ``after`` in one transaction, and move the position to the last of them.

        What cannot be stored becomes a dead letter in the same transaction.
        """

    async def open_life(self, partition: int, lease: Lease, life: Life, floor: Position) -> Position:
        """Begin another life of the partition's log, or note another run of the present one; give its position.

        A new epoch's position is ``floor``, which lies in it, or the next millisecond after all that was changed until
        then, by a standby whose clock is ahead. Older grants are void from now on. It ends a standby.
        """

    async def stand_by(self, partition: int, lease: Lease, epoch: int) -> None:
        """Let the database give the partition's numbers, in the epoch after ``epoch``, until another life is opened.

        The position stays: what the log has behind it is still to be stored. Repeating it changes nothing.
        """


Decide = Callable[[Sequence[Entry], States], list[Outcome]]
"""Decides entries over what is known of them; it may be called more than once."""


class Numbering(Protocol):
    """Gives numbers in the database itself, in grants of its own, for any number of writers while the log is away."""

    async def number(
        self, partition: int, epoch: int, entries: Sequence[Entry], decide: Decide
    ) -> list[Outcome] | None:
        """Have a partition's creates decided, and store what was appended: all in one transaction.

        Gives ``None``, having done nothing, if the partition does not stand by in this epoch.

        Raises:
            OutcomeUnknownError: the commit was not answered.
        """


class Leases(Protocol):
    """Who does which job. Times are the database's own, so no two clocks are compared."""

    async def beat(self, owner: str, ttl_s: float) -> int:
        """Say that the worker ``owner`` lives, and give how many do; those silent for ``ttl_s`` do not.

        With 0 it says that it leaves.
        """

    async def claim(self, job: str, owner: str, ttl_s: float) -> Lease | None:
        """Take a lease that is free, has run out or was the owner's own; ``None`` if another holds it.

        The connection that the last owner wrote through is killed before the token rises.
        """

    async def renew(self, lease: Lease, ttl_s: float) -> bool:
        """Hold a lease for longer; ``False`` if it is lost."""

    async def release(self, lease: Lease) -> None:
        """Let go of a lease, so that the next owner need not wait."""

    async def holders(self) -> list[Holder]:
        """Give every lease that is held or has run out."""


class DeadLetters(Protocol):
    """Events that could not be stored. Later events of the same number wait behind them."""

    async def page(self, after: int, limit: int) -> list[DeadLetter]:
        """Give letters above an id, in the order of the log."""

    async def get(self, id_: int) -> DeadLetter | None:
        """Give one."""

    async def count(self) -> int:
        """Count them."""

    async def replay(self, id_: int) -> bool:
        """Store a letter's event, then those that wait behind it.

        ``False`` if it failed again, one attempt older, or if there is no such letter any more.
        """

    async def lost(self, id_: int) -> list[Draft]:
        """Give the messages of a letter that no row has, to be posted anew into its chat.

        Raises:
            ConflictError: ``nothing_to_post``: there is no such letter, it is not of messages, its chat is not there,
                or all of it is stored or deleted.
        """

    async def chat_given_up(self, id_: int) -> ScopeName | None:
        """Name the chat that is deleted when the letter is discarded, if it is the only thing that has one.

        Its gate on the log is to be closed before: else more would be acknowledged into it.
        """

    async def discard(self, id_: int) -> bool:
        """Give a letter up: its numbers go to the gap ledger, and what waits behind it is replayed.

        With a chat's only creation the chat is deleted, and all that was said in it. ``False`` if there is no such
        letter any more.

        Raises:
            ConflictError: ``chat_is_a_letter``: the chat's own creation is a letter, which is to be decided first.
        """


class Shared(NamedTuple):
    """What a database has besides when several processes use it beside a log of its own."""

    scopes: Scopes
    persisting: Persisting
    leases: Leases
    dead_letters: DeadLetters
    numbering: Numbering
