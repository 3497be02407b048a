"""Broken builds of the embedded profile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

from parley.database import sqlite
from parley.database.session import File, Session, connect
from parley.domain.documents import WHOLE_CHAT, Document
from parley.domain.events import Entry, Position
from parley.domain.numbering import Outcome, States
from parley.log.port import Batch
from parley.log.sqlite import SqliteLog
from parley.queries.search import Search
from parley.queries.tail import Tail
from parley.storage.port import Scan
from parley.storage.sqlite.append import SqliteAppend
from parley.workers.feed import Feed
from tests.faults.builds.build import Build, Patch
from tests.support.pace import hold

_GROWN: Final = ("grown_applications", "grown_chats")
_APART_S: Final = 0.01
"""As long as a slow disk or a round trip takes: what must be one step may fall apart here."""
_append = SqliteLog._append
_put = Session.put
_feed = Feed.put
_indexed: set[tuple[int, int]] = set()
"""Messages, by chat id and number, that this process has fed to its index."""


def _answer_first(log: SqliteLog, batch: Batch) -> asyncio.Future[list[Outcome]]:
    """Answer when all is decided, and store it when its turn comes in a queue in memory."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[list[Outcome]] = loop.create_future()

    def work(session: Session) -> None:
        decided: list[Any] = []
        inline: Any = SimpleNamespace(durability="", load=log._inline.load, apply=lambda *what: decided.append(what))
        outcomes = _append(SqliteLog(inline, log._clock), batch, session)
        loop.call_soon_threadsafe(answered.set_result, outcomes)
        hold(_APART_S)
        for what in decided:
            log._inline.apply(*what)

    def hand_on(stored: asyncio.Future[None]) -> None:
        if (error := stored.exception()) is not None and not answered.done():
            answered.set_exception(error)

    log._inline.transact(work).add_done_callback(hand_on)
    return answered


def _number_first(session: Session, name: str, rows: Any, *bindings: object) -> None:  # noqa: ANN401 - as the product
    """Commit the numbers that an append gave, and what they number in a transaction of its own."""
    if name == "append":
        _put(session, name, {grown: [(id_, until, 0) for id_, until, _ in rows.get(grown, ())] for grown in _GROWN})
        hold(_APART_S)
    _put(session, name, rows, *bindings)


def _store_rest_later(session: Session, name: str, rows: Any, *bindings: object) -> None:  # noqa: ANN401 - as above
    """Store the first message of each bulk, and the others in a transaction of their own."""
    if name != "append":
        _put(session, name, rows, *bindings)
        return
    seen: set[tuple[int, int]] = set()
    first: list[Any] = []
    rest: list[Any] = []
    for row in rows.get("messages", ()):
        id_, _, position, *_ = row
        place = id_ >> 32, position
        (rest if place in seen else first).append(row)
        seen.add(place)
    _put(session, name, {**rows, "messages": first}, *bindings)
    if rest:
        hold(_APART_S)
        _put(session, name, {"messages": rest}, *bindings)


def _know_no_keys(append: SqliteAppend, session: Session, batch: Sequence[Entry], states: States) -> None:
    """Take every key for a new one."""
    del append, session, batch, states


def _without_tenant(method: Callable[..., Any]) -> Callable[..., Any]:
    """Name a chat by its number alone."""
    return lambda tail, place, *rest: method(tail, ("", place[1]), *rest)


async def _forget_tombstones(feed: Feed, documents: Sequence[Document], positions: Mapping[int, Position]) -> None:
    """Index what is there, and take nothing out but whole chats."""
    kept = [document for document in documents if document.body is not None or document.number == WHOLE_CHAT]
    await _feed(feed, kept, positions)


async def _forget_edits(feed: Feed, documents: Sequence[Document], positions: Mapping[int, Position]) -> None:
    """Index the first state of each message, and take out what is deleted."""
    places = {(document.chat_id, document.number) for document in documents if document.body is not None}
    fresh = places - _indexed
    _indexed.update(places)
    kept = [each for each in documents if each.body is None or (each.chat_id, each.number) in fresh]
    await _feed(feed, kept, positions)


async def _find_nothing(  # noqa: PLR0913, PLR0917 - as the product
    search: Search, token: str, chat: int, text: str, after: int, limit: int
) -> Scan:
    """Look whether the chat is there, and for nothing in it."""
    del text, after, limit
    await search._storage.find_chat(token, chat)
    return Scan([], None)


def _connect_unsynced(file: File, *given: Any, **named: Any) -> Session:  # noqa: ANN401 - as the product
    """Say that commits are synced, and sync them when the log is moved into the database."""
    return connect(file._replace(synchronous="normal"), *given, **named)


ACK_FIRST: Final = Build(
    "ack-before-enqueue",
    "a create is answered when it is decided, and stored after that",
    (Patch(SqliteLog, "append", _answer_first),),
)
NUMBER_APART: Final = Build(
    "number-and-enqueue-apart",
    "numbers are counted on in one transaction, and what they number is stored in the next",
    (Patch(Session, "put", _number_first),),
)
NO_KEY: Final = Build(
    "no-unique-key",
    "a key that is there already is not looked for",
    (Patch(SqliteAppend, "_add_keys", _know_no_keys),),
)
NO_TENANT: Final = Build(
    "cache-without-tenant",
    "the ends of chats in memory are named by the chat's number, without the application",
    tuple(
        Patch(Tail, name, _without_tenant(getattr(Tail, name))) for name in ("has", "page", "watch", "keep", "_change")
    ),
)
NO_SYNC: Final = Build(
    "answer-before-sync-embedded",
    "a commit is not synced before its answer",
    (Patch(sqlite, "connect", _connect_unsynced),),
)
NO_TOMBSTONE: Final = Build(
    "tombstone-forgotten",
    "a deleted message stays in the search index",
    (Patch(Feed, "put", _forget_tombstones),),
)
HALF_BULK: Final = Build(
    "bulk-not-atomic",
    "a bulk's first message is stored in one transaction, the others in the next",
    (Patch(Session, "put", _store_rest_later),),
)
NO_EDIT: Final = Build(
    "edit-forgotten-in-index",
    "an edited message stays in the search index as it was",
    (Patch(Feed, "put", _forget_edits),),
)
NO_HITS: Final = Build(
    "search-empty",
    "a search of a chat that is there finds nothing, whatever is looked for",
    (Patch(Search, "search_messages", _find_nothing),),
)
BUILDS: Final = (
    ACK_FIRST, NUMBER_APART, NO_KEY, NO_TENANT, NO_SYNC, NO_TOMBSTONE, HALF_BULK, NO_EDIT, NO_HITS,
)  # fmt: skip
