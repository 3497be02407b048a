"""A partition's row, held for the length of a transaction: positions, changes, and ids for new chats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from parley.database.mysql.session import Session
from parley.domain.errors import ConflictError
from parley.domain.events import Position, position_id
from parley.domain.grants import STANDBY
from parley.storage.mysql.rows import pack_keys

MOVED: Final = "The partition is not where the caller thinks it is"


class Way(NamedTuple):
    """What a transaction did in a partition."""

    touched: Iterable[tuple[int, int]]
    chat_counter: int
    last_key_at: int = 0
    """When the youngest idempotency key was made that was stored; 0 if none was."""


class HeldPartition(NamedTuple):
    """What the row said when it was locked; nobody else changes what lies in the partition until the commit."""

    id: int
    epoch: int
    position: Position
    chat_counter: int
    change: Position
    """Of the last change."""
    stands_by: bool = False
    """Whether the database gives the numbers, in ``epoch``; ``position`` stays in that of the last log."""
    burn: int = 0
    """How many numbers restores have burnt in every scope that was there."""

    def next_change(self, now: int) -> Position:
        """Give a position for a change that no event of the log made: above all that a follower may have read."""
        return self.change_at(position_id(now))

    def change_at(self, id_: int) -> Position:
        """Give a position for a change, about ``id_``: above all that a follower may have read."""
        return Position(self.epoch, max(id_, self.change.id + 1))

    async def tell_of_letters(self, session: Session) -> None:
        """Let readers know that letters were made, stored or given up: no entry of the log tells them.

        A change does not tell it either: readers may look after the next one.
        """
        await session.run("move_letters", self.id)

    async def move(self, session: Session, way: Way, position: Position, change: Position) -> None:
        """Record a new position, and tell followers at the position ``change`` what was touched on the way to it.

        Raises:
            ConflictError: the row is not the one that was locked.
        """
        await session.run("insert_change", self.id, *change, pack_keys(way.touched))
        now_there = (*position, way.chat_counter, way.last_key_at, *change)
        if await session.run("move_partition", *now_there, self.id, *self.position) != 1:
            raise ConflictError(MOVED)


async def lock_partition(session: Session, partition: int) -> HeldPartition:
    """Hold the partition's row until the transaction ends.

    Raises:
        ConflictError: there is no such partition.
    """
    rows = await session.rows("lock_partition", partition)
    if not rows:
        raise ConflictError(MOVED)
    epoch, position_epoch, id_, chat_counter, change_epoch, change_id, mode, burn = rows[0]
    position, change = Position(position_epoch, id_), Position(change_epoch, change_id)
    return HeldPartition(partition, epoch, position, chat_counter, change, mode.decode() == STANDBY, burn)
