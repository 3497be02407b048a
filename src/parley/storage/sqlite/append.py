"""The storage half of the embedded log: reads an append's states and stores its events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from parley.database.session import Session
from parley.database.sqlite import Database
from parley.domain.events import Entry, Event, Position
from parley.domain.numbering import KeyState, ScopeState, States
from parley.storage.sqlite.effects import effects_of
from parley.storage.sqlite.rows import Row, message_id, split_id
from parley.telemetry.clock import Clock

T = TypeVar("T")

_MAX_KEPT: Final = 10_000
"""Chats whose states are kept from one append to the next."""

DEFINITIONS: Final = ("define_append", "define_append_effects", "define_floors", "define_floors_raising")
"""Queries that the writer's connection runs before the first append."""

_IS_BELOW_FLOOR: Final = 8
_NUMBER: Final = 9
"""Places in a row of ``scopes``."""

_OVERWRITING: Final = frozenset({"edits", "deletions", "retitles", "closings"})


class SqliteAppend:
    """Loads and applies one append; everything runs on the database's writer thread.

    What an append left is kept for the next one, and holds if nothing was written in between, by
    this connection or another.
    """

    def __init__(self, database: Database, clock: Clock, key_ttl_ms: int, durability: str) -> None:
        """Work on ``database``, whose commits are ``durability``; keys older than ``key_ttl_ms`` count as unseen."""
        self.durability = durability
        self._database = database
        self._clock = clock
        self._key_ttl_ms = key_ttl_ms
        self._kept = _nothing()
        self._kept_at = (0, 0)

    def transact(self, work: Callable[[Session], T]) -> asyncio.Future[T]:
        """Run ``work``, whose one `apply` is a transaction, synced to disk before the future is done."""
        return self._database.write_once(work)

    async def ping(self) -> None:
        """Return if the database answers."""
        await self._database.read(lambda session: session.rows("partition_ends"))

    def load(self, session: Session, batch: Sequence[Entry]) -> States:
        """Give the states of the batch's scopes, messages and keys."""
        states = self._take_kept(session)
        for row in self._scopes(session, _unknown(batch, states)):
            _add_scope(states, row)
        states.messages.update(split_id(id_) for (id_,) in session.pick("live_messages", _targets(batch, states)))
        self._add_keys(session, batch, states)
        return states

    def apply(self, session: Session, events: Sequence[Event], states: States) -> None:
        """Store the events, what became of the scopes, and one change row a partition."""
        effects = effects_of(events, states)
        session.overwrote |= not _OVERWRITING.isdisjoint(effects)
        session.put("append", effects)
        self._keep(session, states)

    def _scopes(self, session: Session, names: Sequence[tuple[str, int | None]]) -> list[Row]:
        """Read where scopes stand; those that are used first since a restore go on above the numbers that it burnt.

        That is a transaction by itself: whatever becomes of the append, the floors are raised and the ledger says so.
        """
        rows = session.pick("scopes", names)
        if any(row[_IS_BELOW_FLOOR] for row in rows):
            session.put("raise_floors", [(row[0], row[_NUMBER]) for row in rows], self._clock.now_ms())
            rows = session.pick("scopes", names)
        return rows

    def _take_kept(self, session: Session) -> States:
        """Give what the last append left, once: only an append that is stored leaves something again."""
        states, self._kept = self._kept, _nothing()
        by_us, by_others = session.total_changes(), session.rows("data_version")[0][0]
        known, self._kept_at = self._kept_at, (by_us, by_others)
        return states if known == (by_us, by_others) else _nothing()

    def _keep(self, session: Session, states: States) -> None:
        if len(states.chats) <= _MAX_KEPT:
            self._kept = States(states.positions, states.applications, states.chats, messages=set(), keys={})
            self._kept_at = session.total_changes(), self._kept_at[1]  # others: as it was before we read

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


def _nothing() -> States:
    return States(positions={}, applications={}, chats={}, messages=set(), keys={})


def _unknown(batch: Sequence[Entry], states: States) -> list[tuple[str, int | None]]:
    """Give the (token, chat) of the batch that the states lack, each once."""
    names = {(entry.token, entry.chat) for entry in batch}
    return [(token, chat) for token, chat in names if not _has(states, token, chat)]


def _has(states: States, token: str, chat: int | None) -> bool:
    application = states.applications.get(token)
    return application is not None and (chat is None or (application.id, chat) in states.chats)


def _add_scope(states: States, row: Row) -> None:
    token, id_, partition, granted_until, closed, epoch, position_epoch, position_id, _, number, *chat = row
    states.positions.setdefault(partition, Position(epoch, position_id if position_epoch == epoch else 0))
    states.applications.setdefault(token, ScopeState(id_, partition, granted_until, bool(closed)))
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
