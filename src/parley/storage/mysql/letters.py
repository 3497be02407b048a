"""Dead letters as an apply sees them: where each stands, and what has to wait behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from parley.database.mysql.session import Session
from parley.domain.events import (
    NUMBER_LIMIT,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Depth,
    Event,
    Logged,
    MessagesPosted,
    NumbersBurnt,
    Position,
)
from parley.domain.model import Draft

_TOKEN_BYTES: Final = 64
_REASON_CHARACTERS: Final = 1_000

EVERY: Final = 2**62
"""An id above that of all letters."""


class Place(NamedTuple):
    """Which numbers of which scope an event is about, and whether it gives them their meaning."""

    token: str
    chat: int | None
    first: int
    last: int
    gives_numbers: bool


class Letter(msgspec.Struct):
    """A letter's place, and its event's on the log; ``id`` is 0 until it is stored."""

    place: Place | None
    id: int = 0
    position: Position = Position(0, 0)


class NewLetter(NamedTuple):
    """An event that is to be set aside, and why; ``behind`` is the letter that it waits for."""

    logged: Logged
    letter: Letter
    reason: str
    behind: Letter | None = None


def place_of(event: Event) -> Place:
    """Say which numbers an event is about: of a chat's own events, the chat's among the application's."""
    entry, what = event.entry, event.entry.what
    if isinstance(what, ChatCreated):
        return Place(entry.token, None, event.number, event.number, gives_numbers=True)
    if isinstance(what, MessagesPosted):
        return Place(entry.token, entry.chat, event.number, event.number + len(what.messages) - 1, gives_numbers=True)
    if isinstance(what, NumbersBurnt):
        return Place(entry.token, entry.chat, event.number, what.last, gives_numbers=True)
    if isinstance(what, ChatRetitled | ChatDeleted):
        return Place(entry.token, None, entry.chat or 0, entry.chat or 0, gives_numbers=False)
    return Place(entry.token, entry.chat, event.number, event.number, gives_numbers=False)


def blanked(logged: Logged, number: int) -> Logged:
    """Give messages without what one of them said: it is deleted, and the others are not."""
    event = logged.event
    if event is None or not isinstance(event.entry.what, MessagesPosted):
        return logged
    messages = list(event.entry.what.messages)
    messages[number - event.number] = Draft("")
    entry = replace(event.entry, what=MessagesPosted(tuple(messages)))
    return logged._replace(event=replace(event, entry=entry), raw=msgspec.msgpack.encode(entry))


async def load_letters(session: Session, events: Iterable[Event], below: int = EVERY) -> list[Letter]:
    """Give the places of the letters that may concern some events, those with an id below ``below``."""
    spans: dict[tuple[str, int], tuple[int, int]] = {}
    for token, chat, first, last in (span for event in events for span in _spans(event)):
        low, high = spans.get((token, chat), (first, last))
        spans[token, chat] = min(low, first), min(max(high, last), EVERY)
    rows = await session.pick("letters_of", [(*scope, *span) for scope, span in sorted(spans.items())], below)
    return [
        Letter(Place(token.decode(), chat, first, last, bool(gives_numbers)), id_, Position(*position))
        for id_, token, chat, first, last, gives_numbers, *position in rows
    ]


def _spans(event: Event) -> Iterator[tuple[str, int, int, int]]:
    """Give the numbers that an event is about: its own, its chat's creation, and all of a chat that is deleted."""
    token, chat, first, last, _ = place_of(event)
    yield token, chat or 0, first, last
    if chat is not None:
        yield token, 0, chat, chat
    elif isinstance(event.entry.what, ChatDeleted):
        yield token, first, 0, NUMBER_LIMIT


async def store_letter(session: Session, partition: int, new: NewLetter, now: int) -> None:
    """Set an event aside; its letter has an id then."""
    event, place = new.logged.event, new.letter.place
    numbers = (None, None, None, False) if place is None else place[1:]
    token = b"" if event is None else event.entry.token.encode()[:_TOKEN_BYTES]
    new.letter.id = await session.insert(
        "insert_letter",
        partition,
        *new.logged.position,
        token,
        *numbers,
        None if new.behind is None else new.behind.id,
        reason_of(new),
        None if event is None else msgspec.msgpack.encode(event),
        new.logged.raw,
        now,
        now,
    )


async def blank_letter(session: Session, id_: int, number: int) -> None:
    """Take out of a letter what one of its messages said."""
    _, epoch, position, event, raw, *_ = (await session.rows("open_letter", id_))[0]
    left = blanked(logged_of(epoch, position, open_event(event), raw), number)
    if left.event is not None:
        await rewrite_letter(session, id_, left.event, left.raw)


async def rewrite_letter(session: Session, id_: int, event: Event, raw: bytes) -> None:
    """Give a letter another event, as one that could not be read before."""
    token = event.entry.token.encode()[:_TOKEN_BYTES]
    await session.run("rewrite_letter", token, *place_of(event)[1:], msgspec.msgpack.encode(event), raw, id_)


def reason_of(new: NewLetter) -> str:
    """Write why, for people."""
    return new.reason[:_REASON_CHARACTERS] if new.behind is None else f"waits behind {new.behind.id}"


def open_event(encoded: bytes | None) -> Event | None:
    """Read back a letter's event; ``None`` if it never was one, or is one of another version."""
    try:
        return None if encoded is None else msgspec.msgpack.decode(encoded, type=Event)
    except msgspec.MsgspecError:
        return None


def logged_of(epoch: int, position: int, event: Event | None, raw: bytes) -> Logged:
    """Make of a letter what lay on the log."""
    return Logged(Position(epoch, position), event, raw, Depth())
