"""Events that could not be stored, for people: to look at, to try again, to give up."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.domain.events import Position
from parley.storage.mysql.applying.storing import Storing
from parley.storage.mysql.letters import Place, logged_of, open_event
from parley.storage.mysql.partitions import HeldPartition, lock_partition
from parley.storage.mysql.rows import Row
from parley.storage.sharing import DeadLetter, DeadLetters
from parley.telemetry.clock import Clock


class MySqlDeadLetters:
    """The ``dead_letter`` table. Whoever changes it holds the partition's row, as an apply does."""

    def __init__(self, database: Database, clock: Clock, new_chat_id: Callable[[int, int], int]) -> None:
        """Work on ``database``; ``new_chat_id`` makes a chat's id of its partition and a counter."""
        self._database = database
        self._clock = clock
        self._new_chat_id = new_chat_id

    async def page(self, after: int, limit: int) -> list[DeadLetter]:
        """Give letters above an id, in the order of the log."""
        rows = await self._database.read(lambda session: session.rows("letters_after", after, limit))
        return list(map(_letter_of, rows))

    async def get(self, id_: int) -> DeadLetter | None:
        """Give one."""
        rows = await self._database.read(lambda session: session.rows("get_letter", id_))
        return _letter_of(rows[0]) if rows else None

    async def count(self) -> int:
        """Count them."""
        count: int = (await self._database.read(lambda session: session.rows("count_letters")))[0][0]
        return count

    async def replay(self, id_: int) -> bool:
        """Store a letter's event, then those that wait behind it; ``False`` if it failed again, one attempt older."""

        async def work(session: Session) -> bool:
            held = await self._hold(session, id_)
            if held is None:
                return False
            storing = self._begin(session, held)
            is_stored = await self._store(session, storing, id_)
            if is_stored:
                await self._store_waiting(session, storing, id_)
            await self._tell(session, held, storing)
            return is_stored

        return await self._database.write(work)

    async def discard(self, id_: int) -> None:
        """Give a letter up: its numbers go to the gap ledger, and what waits behind it is replayed."""

        async def work(session: Session) -> None:
            held = await self._hold(session, id_)
            if held is None:
                return
            *_, token, chat, first, last, gives_numbers = (await session.rows("open_letter", id_))[0]
            if gives_numbers:
                await self._explain(session, Place(token.decode(), chat, first, last, gives_numbers=True))
            await session.run("delete_letters", (id_,))
            storing = self._begin(session, held)
            await self._store_waiting(session, storing, id_)
            await self._tell(session, held, storing)

        await self._database.write(work)

    async def _hold(self, session: Session, id_: int) -> HeldPartition | None:
        """Hold the row of the letter's partition; ``None`` if there is no such letter any more."""
        found = await session.rows("get_letter", id_)
        held = await lock_partition(session, found[0][1]) if found else None
        return held if await session.rows("open_letter", id_) else None

    def _begin(self, session: Session, held: HeldPartition) -> Storing:
        def new_chat_id(counter: int) -> int:
            return self._new_chat_id(held.id, counter)

        return Storing(session, held.id, held.chat_counter, new_chat_id, self._clock.now_ms())

    async def _store(self, session: Session, storing: Storing, id_: int) -> bool:
        _, epoch, position, event, raw, *_ = (await session.rows("open_letter", id_))[0]
        failure = await storing.store_again(logged_of(epoch, position, open_event(event), raw), id_)
        if failure is None:
            return True
        await session.run("fail_letter", failure.reason, failure.behind, self._clock.now_ms(), id_)
        return False

    async def _store_waiting(self, session: Session, storing: Storing, id_: int) -> None:
        """Store what waits for a letter, in the order of the log."""
        for (waiting,) in await session.rows("waiting_letters", id_):
            if await self._store(session, storing, waiting):
                await self._store_waiting(session, storing, waiting)

    async def _tell(self, session: Session, held: HeldPartition, storing: Storing) -> None:
        position = held.next_change(self._clock.now_ms())
        await held.move(session, storing.way, held.position, position)

    async def _explain(self, session: Session, place: Place) -> None:
        """Put numbers that no row has into the gap ledger, if their scope is known."""
        now = self._clock.now_ms()
        application = await session.pick("known_applications", [place.token])
        if not application:
            return
        id_ = application[0][1]
        if place.chat is None:
            await session.run("insert_gaps", id_, 0, place.first, place.last, b"discarded", now)
            return
        chats = await session.pick("known_chats", [(id_, place.chat)])
        if chats:
            chat_id = chats[0][2]
            rows = await session.rows("numbers_between", id_, chat_id, place.first, place.last)
            holes = _holes(place.first, place.last, [row[0] for row in rows])
            await session.fill("insert_gaps", [(id_, chat_id, *hole, b"discarded", now) for hole in holes])


def _holes(first: int, last: int, there: list[int]) -> list[tuple[int, int]]:
    """Give the ranges between ``first`` and ``last`` without the numbers that are there."""
    bounds = [first - 1, *there, last + 1]
    return [(before + 1, after - 1) for before, after in pairwise(bounds) if before + 1 < after]


def _letter_of(row: Row) -> DeadLetter:
    id_, partition, epoch, position, token, chat, number, reason, attempts, raw, created_at, updated_at = row
    place = (token.decode("utf-8", "replace"), chat, number)
    return DeadLetter(id_, partition, Position(epoch, position), *place, reason, attempts, raw, created_at, updated_at)


if TYPE_CHECKING:
    _conforms: type[DeadLetters] = MySqlDeadLetters
