"""The storage half of the embedded log: reads an append's states and stores its events."""

from __future__ import annotations

import asyncio
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from parley.database.session import Session
from parley.database.sqlite import Database
from parley.domain.documents import WHOLE_CHAT
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    Event,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    Position,
)
from parley.domain.numbering import KeyState, ScopeState, States
from parley.storage.sqlite.rows import Row, message_id, split_id
from parley.telemetry.clock import Clock

T = TypeVar("T")


class SqliteAppend:
    """Loads and applies one append; everything runs on the database's writer thread."""

    def __init__(self, database: Database, clock: Clock, key_ttl_ms: int, durability: str) -> None:
        """Work on ``database``, whose commits are ``durability``; keys older than ``key_ttl_ms`` count as unseen."""
        self.durability = durability
        self._database = database
        self._clock = clock
        self._key_ttl_ms = key_ttl_ms

    def transact(self, work: Callable[[Session], T]) -> asyncio.Future[T]:
        """Run ``work`` in one transaction, synced to disk before the future is done."""
        return self._database.write(work)

    async def ping(self) -> None:
        """Return if the database answers."""
        await self._database.read(lambda session: session.rows("partition_ends"))

    def load(self, session: Session, batch: Sequence[Entry]) -> States:
        """Read the states of the batch's scopes, messages and keys."""
        states = States(positions={}, applications={}, chats={}, messages=set(), keys={})
        names = list({(entry.token, entry.chat) for entry in batch})
        for row in session.pick("scopes", names):
            _add_scope(states, row)
        states.messages.update(split_id(id_) for (id_,) in session.pick("live_messages", _targets(batch, states)))
        self._add_keys(session, batch, states)
        return states

    def _add_keys(self, session: Session, batch: Sequence[Entry], states: States) -> None:
        fresh_since = self._clock.now_ms() - self._key_ttl_ms
        wanted = [
            (states.applications[entry.token].id, entry.key.route, entry.key.key)
            for entry in batch
            if entry.key is not None and entry.token in states.applications
        ]
        for application_id, route, key, fingerprint, number, epoch, position in session.pick(
            "keys", wanted, fresh_since
        ):
            known = KeyState(bytes.fromhex(fingerprint), number, Position(epoch, position))
            states.keys[application_id, route, key] = known

    def apply(self, session: Session, events: Sequence[Event], states: States) -> None:
        """Store the events, what became of the scopes, and one change row a partition."""
        _Apply(session, states).store(events)


class _Apply:
    """One append's rows, collected by statement so that each statement runs once for all."""

    def __init__(self, session: Session, states: States) -> None:
        self._session = session
        self._states = states
        self._inserts: dict[str, list[Row]] = defaultdict(list)
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._touched: dict[int, array[int]] = defaultdict(lambda: array("q"))

    def store(self, events: Sequence[Event]) -> None:
        for event in events:
            self._collect(event)
        self._collect_scopes()
        for query, rows in self._inserts.items():
            self._session.each(query, rows)
        for query, rows in self._rows.items():
            self._session.put(query, rows)

    def _collect(self, event: Event) -> None:
        entry = event.entry
        application = self._states.applications[entry.token]
        if isinstance(entry.what, ChatCreated):
            at = event.position.at
            row = (application.id, event.number, entry.what.title, *event.position, at, at)
            self._rows["insert_chats"].append(row)
        else:
            chat = self._states.chats[application.id, entry.chat or 0]
            self._touched[application.partition].extend(self._collect_in_chat(event, chat.id))
        if entry.key is not None:
            count = len(entry.what.messages) if isinstance(entry.what, MessagesPosted) else 1
            name = (application.id, entry.key.route, entry.key.key)
            told = (entry.key.fingerprint, event.number, count)
            self._inserts["insert_key"].append((*name, *told, *event.position, event.position.at))

    def _collect_in_chat(self, event: Event, chat_id: int) -> Iterable[int]:
        """Collect the rows of an event inside a chat and give the message ids that it touches."""
        what, position, at = event.entry.what, event.position, event.position.at
        if isinstance(what, MessagesPosted):
            first = message_id(chat_id, event.number)
            self._inserts["insert_message"].extend(
                (first + index, *position, draft.body, draft.sender, draft.metadata, at)
                for index, draft in enumerate(what.messages)
            )
            return range(first, first + len(what.messages))
        self._session.overwrote = True
        if isinstance(what, ChatRetitled):
            self._session.rows("retitle_chat", what.title, *position, at, chat_id)
            return ()
        if isinstance(what, ChatDeleted):
            self._session.rows("delete_chat", at, *position, chat_id)
            return (chat_id << 32 | WHOLE_CHAT,)
        id_ = message_id(chat_id, event.number)
        if isinstance(what, MessageEdited):
            self._session.rows("edit_message", what.body, *position, at, id_)
        elif isinstance(what, MessageDeleted):
            self._session.rows("delete_message", *position, at, id_)
        return (id_,)

    def _collect_scopes(self) -> None:
        grow = ("grow_applications", self._states.applications), ("grow_chats", self._states.chats)
        for query, scopes in grow:
            self._rows[query].extend(
                (scope.id, scope.granted_until, scope.live_change) for scope in scopes.values() if scope.changed
            )
        for partition in {application.partition for application in self._states.applications.values()}:
            position = self._states.positions[partition]
            self._rows["move_partitions"].append((partition, *position))
            if self._touched[partition]:
                self._rows["insert_changes"].append((partition, *position, self._touched[partition].tobytes().hex()))


def _add_scope(states: States, row: Row) -> None:
    token, id_, partition, granted_until, closed, epoch, position_epoch, position_id, number, *chat = row
    states.positions[partition] = Position(epoch, position_id if position_epoch == epoch else 0)
    states.applications[token] = ScopeState(id_, partition, granted_until, bool(closed))
    if number is not None:
        chat_id, chat_granted_until, chat_closed = chat
        states.chats[id_, number] = ScopeState(chat_id, partition, chat_granted_until, bool(chat_closed))


def _targets(batch: Sequence[Entry], states: States) -> list[int]:
    """Give the ids of the messages that the batch wants to edit or delete."""
    ids = []
    for entry in batch:
        application = states.applications.get(entry.token)
        if entry.number is not None and application is not None:
            chat = states.chats.get((application.id, entry.chat or 0))
            if chat is not None:
                ids.append(message_id(chat.id, entry.number))
    return ids
