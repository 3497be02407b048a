"""Numbers given in the database itself: each batch a transaction that holds its partition, and takes what it uses.

Nothing is left over: what is granted here is a row at once. So a log that was granted the numbers below may be away,
come back, or be lost, and no number is given twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.domain.events import ChatCreated, Entry, Event, MessagesPosted, Position
from parley.domain.grants import ScopeName
from parley.domain.numbering import Appended, KeyState, Outcome, ScopeState, States
from parley.storage.mysql.grants import Taken, take
from parley.storage.mysql.partitions import HeldPartition, Way, lock_partition
from parley.storage.mysql.rows import Row, hash_of
from parley.storage.mysql.scopes import Owner, lock_standings
from parley.storage.sharing import Decide, Numbering
from parley.telemetry.clock import Clock


class _Found(NamedTuple):
    """What the entries are about: as those need it who decide, and as the rows have it."""

    states: States
    owners: Mapping[str, Owner]
    taken: Mapping[ScopeName, Taken]


class MySqlNumbering:
    """Decides and stores creates under the lock of their partition's row, as `apply` does."""

    def __init__(
        self, database: Database, clock: Clock, key_ttl_ms: int, new_chat_id: Callable[[int, int], int]
    ) -> None:
        """Work on ``database``; keys older than ``key_ttl_ms`` count as unseen."""
        self._database = database
        self._clock = clock
        self._key_ttl_ms = key_ttl_ms
        self._new_chat_id = new_chat_id

    async def number(
        self, partition: int, epoch: int, entries: Sequence[Entry], decide: Decide
    ) -> list[Outcome] | None:
        """Have a partition's creates decided, and store what was appended: all in one transaction."""

        async def work(session: Session) -> list[Outcome] | None:
            held = await lock_partition(session, partition)
            if not held.stands_by or held.epoch != epoch:
                return None
            found = await self._find(session, held, entries)
            outcomes = decide(entries, found.states)
            events = [
                Event(outcome.position, outcome.number, entry)
                for entry, outcome in zip(entries, outcomes, strict=True)
                if isinstance(outcome, Appended)
            ]
            if events:
                await self._store(session, held, found, events)
            return outcomes

        return await self._database.write(work)

    async def _find(self, session: Session, held: HeldPartition, entries: Sequence[Entry]) -> _Found:
        rows = await session.pick("known_applications", sorted({entry.token for entry in entries}))
        owners = {token.decode(): Owner(id_, bool(is_gone)) for token, id_, is_gone in rows}
        names = sorted({ScopeName(entry.token, entry.chat) for entry in entries}, key=lambda name: name.chat or 0)
        standings = await lock_standings(session, names, owners)
        taken = {name: take(standing, held.epoch, held.burn) for name, standing in standings.items()}
        states = States(
            positions={held.id: Position(held.epoch, max(held.change.id, held.position.id))},
            applications={token: ScopeState(owner.id, held.id, 0, owner.is_gone) for token, owner in owners.items()},
            chats={},
            messages=set(),
            keys=await self._find_keys(session, owners, entries),
        )
        for name, (standing, _) in taken.items():
            state = ScopeState(standing.id, held.id, standing.granted_until, standing.is_gone)
            if name.chat is None:
                states.applications[name.token] = state
            else:
                states.chats[standing.application, name.chat] = state
        return _Found(states, owners, taken)

    async def _find_keys(
        self, session: Session, owners: Mapping[str, Owner], entries: Sequence[Entry]
    ) -> dict[tuple[int, str, str], KeyState]:
        names = [(each.token, each.key.route, each.key.key) for each in entries if each.key is not None]
        since = self._clock.now_ms() - self._key_ttl_ms
        return {
            (owners[token].id, route, key): KeyState(fingerprint, number, Position(epoch, position))
            for place, fingerprint, number, epoch, position in await session.pick("find_keys", names, since)
            for token, route, key in [names[place - 1]]
        }

    async def _store(self, session: Session, held: HeldPartition, found: _Found, events: Sequence[Event]) -> None:
        await self._take_numbers(session, found)
        chats, messages, touched = list[Row](), list[Row](), list[tuple[int, int]]()
        counter = held.chat_counter
        for event in events:
            entry, what, owner = event.entry, event.entry.what, found.owners[event.entry.token]
            if isinstance(what, ChatCreated):
                counter += 1
                chats.append(_chat_row(event, owner, self._new_chat_id(held.id, counter), what.title))
            elif isinstance(what, MessagesPosted):
                chat_id = found.taken[ScopeName(entry.token, entry.chat)].standing.id
                messages += _message_rows(event, owner, chat_id, what)
                touched += ((chat_id, event.number + index) for index in range(len(what.messages)))
        if chats:
            await session.fill("insert_chats", chats)
            await session.run("settle_chats", held.id, tuple(chat[2] for chat in chats))
        await session.fill("insert_messages", messages)
        await held.move(session, Way(touched, counter), held.position, events[-1].position)

    async def _take_numbers(self, session: Session, found: _Found) -> None:
        """Move the rows of the scopes on, and explain what a log may have given below."""
        states = found.states
        grants: dict[bool, list[Row]] = {True: [], False: []}
        growth: dict[bool, list[Row]] = {True: [], False: []}
        gaps: list[Row] = []
        now = self._clock.now_ms()
        for name, (mine, void) in found.taken.items():
            is_chat = name.chat is not None
            of_chat = states.chats.get((mine.application, name.chat or 0))
            state = of_chat if is_chat and of_chat is not None else states.applications[name.token]
            if not state.changed:
                continue
            until = state.granted_until
            moved = mine._replace(granted_until=until, log_until=until, last_number=until)
            grants[is_chat].append((*moved[3:], mine.id))
            if void is not None:
                gaps.append((mine.application, mine.id if is_chat else 0, *void, b"standby", now))
            key = (mine.application, name.chat) if is_chat else (mine.id,)
            growth[is_chat].append((*key, state.live_change, until))
        await session.fill("insert_gaps", gaps)
        for is_chat, grant, grow in (
            (False, "grant_application", "grow_applications"),
            (True, "grant_chat", "grow_chats"),
        ):
            await session.each(grant, grants[is_chat])
            await session.put(grow, growth[is_chat])


def _chat_row(event: Event, owner: Owner, chat_id: int, title: str | None) -> Row:
    """Make the row of a new chat, of whose numbers no log was granted any."""
    (epoch, position), at = event.position, event.position.at
    return (owner.id, event.number, chat_id, title, hash_of(title), 0, 0, 0, epoch, 1, 0, epoch, position, at, at)


def _message_rows(event: Event, owner: Owner, chat_id: int, what: MessagesPosted) -> list[Row]:
    key, at = (owner.id, chat_id), event.position.at
    return [
        (*key, number, *event.position, each.body, each.sender, each.metadata, hash_of(each.body), at, None, None)
        for number, each in enumerate(what.messages, event.number)
    ]


if TYPE_CHECKING:
    _conforms: type[Numbering] = MySqlNumbering
