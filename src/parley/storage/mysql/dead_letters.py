"""Events that could not be stored, for people: to look at, to try again, to give up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.domain.errors import ConflictError
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    Depth,
    Entry,
    Event,
    Logged,
    MessagesPosted,
    Position,
    ReadAgain,
)
from parley.domain.grants import ScopeName
from parley.domain.model import Draft
from parley.storage.batches import Batch
from parley.storage.mysql.applying.known import load_known
from parley.storage.mysql.applying.storing import Storing
from parley.storage.mysql.backlog import Backlog
from parley.storage.mysql.letters import Place, logged_of, open_event, place_of, rewrite_letter
from parley.storage.mysql.partitions import HeldPartition, lock_partition
from parley.storage.mysql.rows import Row, hash_of
from parley.storage.sharing import DeadLetter, DeadLetters
from parley.telemetry.clock import Clock

_SLICE: Final = 200
"""Letters that a transaction takes at most: each is stored by itself, so they are fewer than entries of the log."""


class _Done(NamedTuple):
    """What a transaction came to: letters of a partition that are gone, and for which others may wait."""

    partition: int
    gone: list[int]


class MySqlDeadLetters:
    """The ``dead_letter`` table. Whoever changes it holds the partition's row, as an apply does."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        new_chat_id: Callable[[int, int], int],
        read_again: ReadAgain | None = None,
    ) -> None:
        """Work on ``database``; ``new_chat_id`` makes a chat's id of its partition and a counter.

        ``read_again`` reads what an older version could not.
        """
        self._database = database
        self._clock = clock
        self._new_chat_id = new_chat_id
        self._read_again = read_again

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

        async def work(session: Session) -> _Done | None:
            held = await self._hold(session, id_)
            if held is None:
                return None
            storing = self._begin(session, held)
            if not await self._store(session, storing, id_):
                await self._tell(session, held, storing)
                return None
            return await self._store_waiting(session, held, storing, [id_])

        done = await self._database.write(work)
        await self._go_on(done)
        return done is not None

    async def lost(self, id_: int) -> list[Draft]:
        """Give the messages of a letter that no row has, to be posted anew into its chat."""

        async def work(session: Session) -> list[Draft]:
            rows = await session.rows("open_letter", id_)
            event = self._open(rows[0]).event if rows else None
            if event is None or not isinstance(event.entry.what, MessagesPosted):
                raise _nothing_to_post(id_, "it has no messages that this version can read")
            known = await load_known(session, [event], Backlog(), all_messages=True)
            application = known.applications.get(event.entry.token)
            chat = None if application is None else known.chats.get((application.id, event.entry.chat or 0))
            if application is None or application.is_gone or chat is None or chat.is_gone:
                raise _nothing_to_post(id_, "its chat is not there")
            drafts = []
            for number, draft in enumerate(event.entry.what.messages, event.number):
                row = known.messages.get((chat.application, chat.id, number))
                is_there = row is not None and row.created_hash in {hash_of(draft.body), None}
                if draft.body and not is_there:
                    drafts.append(draft)
            if not drafts:
                raise _nothing_to_post(id_, "all its messages are stored, or deleted")
            return drafts

        return await self._database.read(work)

    async def chat_given_up(self, id_: int) -> ScopeName | None:
        """Name the chat that is deleted when the letter is discarded, for no row and no other letter has it."""

        async def work(session: Session) -> ScopeName | None:
            deletion = await self._deletion_of(session, id_)
            return None if deletion is None else ScopeName(deletion.entry.token, deletion.entry.chat)

        return await self._database.read(work)

    async def discard(self, id_: int) -> bool:
        """Give a letter up: numbers that nothing else explains go to the gap ledger; what waits behind it is replayed.

        A chat is decided before what was said in it. While its creation is a letter, too, no gap can name the chat,
        and a replay may still create it: its numbers would be missing for ever. With the creation all that was said in
        it is given up: the chat is a deleted one, so what the log still brings of it is dropped.

        Raises:
            ConflictError: ``chat_is_a_letter``: that letter has to be replayed or discarded first; nothing was written.
        """

        async def work(session: Session) -> _Done | None:
            held = await self._hold(session, id_)
            if held is None:
                return None
            storing = self._begin(session, held)
            place = await _place_of(session, id_)
            deletion = await self._deletion_of(session, id_)
            if deletion is not None:
                await storing.store([Logged(deletion.position, deletion, b"", Depth())])
            await session.run("delete_letters", (id_,))
            if place is not None:
                await self._explain(session, place)
            return await self._store_waiting(session, held, storing, [id_])

        done = await self._database.write(work)
        await self._go_on(done)
        return done is not None

    async def _hold(self, session: Session, id_: int) -> HeldPartition | None:
        """Hold the row of the letter's partition; ``None`` if there is no such letter any more."""
        found = await session.rows("get_letter", id_)
        held = await lock_partition(session, found[0][1]) if found else None
        rows = await session.rows("open_letter", id_)
        if not rows:
            return None
        logged = self._open(rows[0])
        if rows[0][3] is None and logged.event is not None:
            await rewrite_letter(session, id_, logged.event, logged.raw)
        return held

    def _open(self, row: Row) -> Logged:
        """Give what lay on the log, with its event if this version can read it, whether or not an older one could."""
        _, epoch, position, event, raw, *_ = row
        read = None
        if event is None and self._read_again is not None:
            read = self._read_again(Position(epoch, position), raw)
        return read or logged_of(epoch, position, open_event(event), raw)

    def _begin(self, session: Session, held: HeldPartition) -> Storing:
        def new_chat_id(counter: int) -> int:
            return self._new_chat_id(held.id, counter)

        return Storing(session, held.id, held.chat_counter, new_chat_id, self._clock.now_ms())

    async def _deletion_of(self, session: Session, id_: int) -> Event | None:
        """Make the deletion of a chat that has nothing but the letter of its creation."""
        rows = await session.rows("open_letter", id_)
        event = self._open(rows[0]).event if rows else None
        if event is None or not isinstance(event.entry.what, ChatCreated):
            return None
        token, number = event.entry.token, event.number
        application = await _application_of(session, place_of(event))
        others = [each for (each,) in await session.rows("creations", token.encode(), number) if each != id_]
        if application is None or others or await session.pick("known_chats", [(application, number)]):
            return None
        return Event(event.position, number, Entry(token, number, ChatDeleted()))

    async def _store(self, session: Session, storing: Storing, id_: int) -> bool:
        row = (await session.rows("open_letter", id_))[0]
        failure = await storing.store_again(self._open(row), id_)
        if failure is None:
            return True
        await session.run("fail_letter", failure.reason, failure.behind, self._clock.now_ms(), id_)
        await _keep_numbers(session, await _place_of(session, id_))
        return False

    async def _store_waiting(self, session: Session, held: HeldPartition, storing: Storing, gone: list[int]) -> _Done:
        """Store what waits for letters that are gone, in the order of the log, as much as a transaction should take."""
        batch = Batch(_SLICE)
        while True:
            while gone and not (rows := await session.rows("waiting_letter", gone[-1])):
                gone.pop()
            if not gone:
                break
            ((waiting, size, messages),) = rows
            if not batch.takes(size, messages):
                break
            if await self._store(session, storing, waiting):
                gone.append(waiting)
        await self._tell(session, held, storing)
        return _Done(held.id, gone)

    async def _go_on(self, done: _Done | None) -> None:
        """Store what still waits, a slice a transaction, so that others store in between."""
        while done is not None and done.gone:
            partition, gone = done

            async def work(session: Session, partition: int = partition, gone: list[int] = gone) -> _Done:
                held = await lock_partition(session, partition)
                return await self._store_waiting(session, held, self._begin(session, held), list(gone))

            done = await self._database.write(work)

    async def _tell(self, session: Session, held: HeldPartition, storing: Storing) -> None:
        position = held.next_change(self._clock.now_ms())
        await held.move(session, storing.way, held.position, position)
        await held.tell_of_letters(session)

    async def _explain(self, session: Session, place: Place) -> None:
        """Put numbers that no row, gap or other letter has into the gap ledger, if their scope is there."""
        application = await _application_of(session, place)
        chat_id = None if application is None else await _chat_id_of(session, application, place)
        if application is None or chat_id is None:
            return
        now, scope, between = self._clock.now_ms(), (application, chat_id), (place.first, place.last)
        taken = [
            *await session.rows("messages_between" if chat_id else "chats_between", *scope, *between),
            *await session.rows("gaps_between", *scope, *between),
            *await session.rows("letters_between", place.token.encode(), place.chat, *between),
        ]
        holes = _holes(*between, sorted((first, last) for first, last in taken))
        await session.fill("insert_gaps", [(*scope, *hole, b"discarded", now) for hole in holes])


def _nothing_to_post(id_: int, why: str) -> ConflictError:
    return ConflictError(f"letter {id_} cannot be posted anew: {why}", code="nothing_to_post")


async def _place_of(session: Session, id_: int) -> Place | None:
    """Give the numbers that a letter explains as long as it is kept."""
    *_, token, chat, first, last, gives_numbers = (await session.rows("open_letter", id_))[0]
    return Place(token.decode(), chat, first, last, gives_numbers=True) if gives_numbers else None


async def _application_of(session: Session, place: Place) -> int | None:
    rows = await session.pick("known_applications", [place.token])
    return rows[0][1] if rows else None


async def _chat_id_of(session: Session, application: int, place: Place) -> int | None:
    """Give the chat that numbers belong to, 0 for an application's own; ``None`` if it never will be there."""
    if place.chat is None:
        return 0
    rows = await session.pick("known_chats", [(application, place.chat)])
    if rows:
        chat_id: int = rows[0][2]
        return chat_id
    creations = await session.rows("creations", place.token.encode(), place.chat)
    if creations:
        detail = f"letter {creations[0][0]} is the creation of its chat {place.chat}: replay or discard that one first"
        raise ConflictError(detail, code="chat_is_a_letter")
    return None


async def _keep_numbers(session: Session, place: Place | None) -> None:
    """Note numbers in the row of a chat that was not there when they were set aside: no new epoch may void them."""
    application = None if place is None or place.chat is None else await _application_of(session, place)
    if place is not None and application is not None:
        await session.put("grow_chats", [(application, place.chat, 0, place.last)])


def _holes(first: int, last: int, taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give the ranges between ``first`` and ``last`` that are outside those taken, which rise by their first."""
    holes, free = [], first
    for low, high in [*taken, (last + 1, last)]:
        if free < low:
            holes.append((free, low - 1))
        free = max(free, high + 1)
    return holes


def _letter_of(row: Row) -> DeadLetter:
    id_, partition, epoch, position, token, chat, number, reason, attempts, raw, created_at, updated_at = row
    place = (token.decode("utf-8", "replace"), chat, number)
    return DeadLetter(id_, partition, Position(epoch, position), *place, reason, attempts, raw, created_at, updated_at)


if TYPE_CHECKING:
    _conforms: type[DeadLetters] = MySqlDeadLetters
