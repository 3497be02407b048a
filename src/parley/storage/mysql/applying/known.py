"""What the database knows of the things that some entries are about, read in the transaction that stores them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from parley.database.mysql.session import Session
from parley.domain.events import (
    NUMBER_LIMIT,
    ChatCreated,
    Event,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    Position,
)
from parley.storage.mysql.backlog import Backlog

MessageKey = tuple[int, int, int]
"""(application id, chat id, number)"""


class Application(msgspec.Struct):
    """An application that has a row."""

    id: int
    is_gone: bool


class Chat(msgspec.Struct):
    """A chat that has a row, or gets one here."""

    application: int
    number: int
    id: int
    is_gone: bool
    created_hash: bytes | None
    position: Position


class Stored(NamedTuple):
    """A message that has a row."""

    is_gone: bool
    created_hash: bytes | None
    position: Position


class Known(msgspec.Struct):
    """All that folding needs to know; kept up while it goes on."""

    applications: dict[str, Application]
    chats: dict[tuple[int, int], Chat]
    """By (application id, number)."""
    messages: dict[MessageKey, Stored]
    letters: Backlog


async def load_known(session: Session, events: Sequence[Event], letters: Backlog, *, all_messages: bool) -> Known:
    """Read what is known of the events' applications, chats and messages; ``letters`` are theirs.

    Of messages those that are to be changed; with ``all_messages`` those too that are to be created.
    """
    tokens = {event.entry.token for event in events}
    rows = await session.pick("known_applications", sorted(tokens))
    applications = {token.decode(): Application(id_, bool(is_gone)) for token, id_, is_gone in rows}
    chats = await _load_chats(session, events, applications)
    known = Known(applications, chats, {}, letters)
    wanted = sorted({key for event in events for key in _wanted(event, known, all_messages=all_messages)})
    for application, chat, number, is_gone, created_hash, *position in await session.pick("known_messages", wanted):
        known.messages[application, chat, number] = Stored(bool(is_gone), created_hash, Position(*position))
    return known


async def _load_chats(
    session: Session, events: Sequence[Event], applications: dict[str, Application]
) -> dict[tuple[int, int], Chat]:
    wanted = {
        (application.id, event.number if isinstance(event.entry.what, ChatCreated) else event.entry.chat)
        for event in events
        if (application := applications.get(event.entry.token)) is not None
    }
    named = sorted((id_, number) for id_, number in wanted if number is not None and number <= NUMBER_LIMIT)
    return {
        (application, number): Chat(application, number, id_, bool(is_gone), created_hash, Position(*position))
        for application, number, id_, is_gone, created_hash, *position in await session.pick("known_chats", named)
    }


def _wanted(event: Event, known: Known, *, all_messages: bool) -> Iterable[MessageKey]:
    what = event.entry.what
    if isinstance(what, MessageEdited | MessageDeleted):
        count = 1
    elif isinstance(what, MessagesPosted) and all_messages:
        count = len(what.messages)
    else:
        return ()
    application = known.applications.get(event.entry.token)
    chat = None if application is None else known.chats.get((application.id, event.entry.chat or 0))
    if chat is None:
        return ()
    last = min(event.number + count - 1, NUMBER_LIMIT)
    return ((chat.application, chat.id, number) for number in range(event.number, last + 1))
