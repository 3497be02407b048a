"""Dead letters as an apply sees them: where each stands, and what has to wait behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from parley.database.mysql.session import Session
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Depth,
    Event,
    Logged,
    MessageDeleted,
    MessagesPosted,
    NumbersBurnt,
    Position,
)
from parley.domain.model import Draft

_TOKEN_BYTES: Final = 64
_REASON_CHARACTERS: Final = 1_000
_EVERY: Final = 2**62


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


def in_the_way(letters: Iterable[Letter], event: Event) -> Letter | None:
    """Give the first letter that an event must wait behind, so that nothing overtakes.

    A deletion waits for what gives its target the number alone: it takes the place of edits.
    """
    place = place_of(event)
    is_deletion = isinstance(event.entry.what, MessageDeleted | ChatDeleted)
    for letter in letters:
        other = letter.place
        if other is None or other.token != place.token:
            continue
        if other.gives_numbers and other.chat is None and other.first == place.chat:
            return letter
        if _overlap(place, other) and (other.gives_numbers or not is_deletion):
            return letter
    return None


def taken_over(letters: Iterable[Letter], event: Event) -> list[Letter]:
    """Give the letters that mean nothing once their target is deleted: changes of it, and all that is said in a chat.

    Those stay that give messages their numbers: see `blanked`.
    """
    deleted = place_of(event)
    is_meant = _is_of_chat if isinstance(event.entry.what, ChatDeleted) else _changes
    return [each for each in letters if each.place is not None and is_meant(each.place, deleted)]


def blanked(logged: Logged, number: int) -> Logged:
    """Give messages without what one of them said: it is deleted, and the others are not."""
    event = logged.event
    if event is None or not isinstance(event.entry.what, MessagesPosted):
        return logged
    messages = list(event.entry.what.messages)
    messages[number - event.number] = Draft("")
    entry = replace(event.entry, what=MessagesPosted(tuple(messages)))
    return logged._replace(event=replace(event, entry=entry), raw=msgspec.msgpack.encode(entry))


def _is_of_chat(place: Place, chat: Place) -> bool:
    return _overlap(place, chat) or (place.token, place.chat) == (chat.token, chat.first)


def _changes(place: Place, message: Place) -> bool:
    return _overlap(place, message) and not place.gives_numbers


def numbering(letters: Iterable[Letter], event: Event) -> list[Letter]:
    """Give the letters that give an event's target its number."""
    place = place_of(event)
    return [
        each for each in letters if each.place is not None and each.place.gives_numbers and _overlap(each.place, place)
    ]


def _overlap(one: Place, other: Place) -> bool:
    return (one.token, one.chat) == (other.token, other.chat) and one.first <= other.last and other.first <= one.last


async def load_letters(session: Session, tokens: Iterable[str], below: int = _EVERY) -> list[Letter]:
    """Give the places of the applications' letters, those with an id below ``below``."""
    rows = await session.pick("letters_of", sorted(set(tokens)), below)
    return [
        Letter(Place(token.decode(), chat, first, last, bool(gives_numbers)), id_, Position(*position))
        for id_, token, chat, first, last, gives_numbers, *position in rows
        if first is not None
    ]


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
