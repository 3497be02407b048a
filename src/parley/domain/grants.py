"""What the database gives away to a log of its own: lives, and ranges of numbers within them."""

from __future__ import annotations

from typing import Final, NamedTuple

from parley.domain.events import Position

STANDBY: Final = "standby"
"""The mode of a partition whose log is away: the database itself gives its numbers, in an epoch of its own."""

HEARD_S: Final = 0.75
"""Within this time everybody who reads has heard of a standby, or trusts no more that all comes over the log."""

FIRST_GRANT: Final = 1_000
"""Numbers of a new chat that need no grant: its own number is never given again, so nobody else can give them."""


class ScopeName(NamedTuple):
    """An application's chats, or with a chat's number that chat's messages."""

    token: str
    chat: int | None


class Life(NamedTuple):
    """One life of a partition's log: an append names it, and is refused in any other.

    ``run_id`` is the engine's name for its own present run, empty until a lease-holder has looked at it.
    """

    epoch: int
    run_id: str


class Partition(NamedTuple):
    """A partition's row: its log's life, how far persist is, and where numbers come from at present.

    ``last_key_at`` is when the youngest idempotency key was made that was ever stored, in UTC milliseconds; 0 if none.
    ``changed_at`` is when anything of the partition was last changed, maybe by the standby.
    ``letters_moved`` rises whenever dead letters were made, stored after all or given up: then something else became of
    their events than the log says.
    """

    id: int
    life: Life
    position: Position
    mode: str
    last_key_at: int = 0
    changed_at: int = 0
    letters_moved: int = 0

    @property
    def stands_by(self) -> bool:
        """Whether the database gives the numbers."""
        return self.mode == STANDBY


class Need(NamedTuple):
    """A scope of which a log wants to know: in which epoch, the last number it may give so far, how many it needs."""

    name: ScopeName
    epoch: int
    until: int = 0
    wanted: int = 1


class Known(NamedTuple):
    """What the database knows of a scope, with a grant of numbers ``first`` to ``until``.

    ``last`` is the highest number that it has seen; ``closed`` says that the scope or its application is deleted.
    A scope that has given all its numbers has an ``until`` below what was needed.
    """

    name: ScopeName
    closed: bool
    last: int
    first: int
    until: int
