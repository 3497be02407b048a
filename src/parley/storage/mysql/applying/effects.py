"""What entries do to the database, as the rows that a few statements write."""

from __future__ import annotations

from typing import Any

import msgspec

from parley.database.mysql.session import Session
from parley.domain.events import Position
from parley.domain.grants import FIRST_GRANT
from parley.storage.mysql.applying.known import Chat, MessageKey
from parley.storage.mysql.letters import NewLetter, blank_letter, store_letter
from parley.storage.mysql.rows import Row


class NewMessage(msgspec.Struct):
    """A message's row, as it is after all entries."""

    epoch: int
    position: int
    body: str | None
    sender: str | None
    metadata: str | None
    created_hash: bytes | None
    created_at: int
    updated_at: int | None = None
    deleted_at: int | None = None


class Growth(msgspec.Struct):
    """By how many a scope's live rows change, and the highest number that is explained."""

    live: int = 0
    last: int = 0


class Effects(msgspec.Struct):
    """Of several edits of a message, or titles of a chat, the last one counts."""

    chat_counter: int
    chats: dict[tuple[int, int], tuple[Chat, str | None, Position]] = msgspec.field(default_factory=dict)
    """New ones with their first title and the position of their creation, by (application id, number)."""
    messages: dict[MessageKey, NewMessage] = msgspec.field(default_factory=dict)
    edits: dict[MessageKey, tuple[Position, str, int]] = msgspec.field(default_factory=dict)
    deletions: dict[MessageKey, tuple[Position, int]] = msgspec.field(default_factory=dict)
    retitles: dict[tuple[int, int], tuple[Position, str | None, int]] = msgspec.field(default_factory=dict)
    closings: dict[tuple[int, int], tuple[Position, int]] = msgspec.field(default_factory=dict)
    closed_applications: dict[int, int] = msgspec.field(default_factory=dict)
    application_growth: dict[int, Growth] = msgspec.field(default_factory=dict)
    chat_growth: dict[tuple[int, int], Growth] = msgspec.field(default_factory=dict)
    keys: dict[tuple[int, bytes, bytes], Row] = msgspec.field(default_factory=dict)
    gaps: list[Row] = msgspec.field(default_factory=list)
    letters: list[NewLetter] = msgspec.field(default_factory=list)
    moot_letters: list[int] = msgspec.field(default_factory=list)
    """Changes of messages that are deleted."""
    blank_letters: list[tuple[int, int]] = msgspec.field(default_factory=list)
    """Of which letter which message is deleted."""
    touched: list[tuple[int, int]] = msgspec.field(default_factory=list)
    fates: list[bool] = msgspec.field(default_factory=list)
    """For each entry that did not have to wait: whether it was stored, or could not be."""
    dropped: int = 0
    last_key_at: int = 0


async def write_effects(session: Session, effects: Effects, partition: int, now: int, *, is_letter: bool) -> None:
    """Write the rows: messages first, because applications and chats are what others wait for.

    What a dead letter had to say may be old: its key may be another's by now.
    """
    if effects.chats:
        await session.fill("insert_chats", [_chat_row(*each) for each in effects.chats.values()])
        await session.run("settle_chats", partition, tuple(chat.id for chat, *_ in effects.chats.values()))
    await session.fill("insert_messages", _message_rows(effects.messages))
    await session.each("edit_message", [(*at, *rest, *key) for key, (at, *rest) in sorted(effects.edits.items())])
    deletions = [(*key, *at, *rest) for key, (at, *rest) in sorted(effects.deletions.items())]
    await session.put("delete_messages", deletions)
    keys = [(*key, *row) for key, row in sorted(effects.keys.items())]
    await (session.each("keep_key", keys) if is_letter else session.fill("put_keys", keys))
    await session.fill("insert_gaps", effects.gaps)
    if effects.moot_letters:
        await session.run("delete_letters", tuple(effects.moot_letters))
    for id_, number in effects.blank_letters:
        await blank_letter(session, id_, number)
    for letter in effects.letters:
        await store_letter(session, partition, letter, now)
    await _write_scopes(session, effects)


async def take_out_of_ledger(session: Session, effects: Effects) -> None:
    """Have the standby's gaps begin behind the numbers that a log has brought after all: it brings them in order."""
    chats, messages = _application_rows(effects), _chat_rows(effects)
    await session.put("heard_all_chats", chats)
    await session.put("heard_some_chats", chats)
    await session.put("heard_all_messages", messages)
    await session.put("heard_some_messages", messages)


async def _write_scopes(session: Session, effects: Effects) -> None:
    await session.put("grow_applications", _application_rows(effects))
    await session.put("close_applications", sorted(effects.closed_applications.items()))
    await session.put("grow_chats", _chat_rows(effects))
    await session.each("retitle_chat", [(*at, *rest, *key) for key, (at, *rest) in sorted(effects.retitles.items())])
    await session.put("close_chats", [(*key, *at, *rest) for key, (at, *rest) in sorted(effects.closings.items())])


def _application_rows(effects: Effects) -> list[Row]:
    return [(id_, grown.live, grown.last) for id_, grown in sorted(effects.application_growth.items())]


def _chat_rows(effects: Effects) -> list[Row]:
    return [(*key, grown.live, grown.last) for key, grown in sorted(effects.chat_growth.items())]


def _message_rows(messages: dict[MessageKey, NewMessage]) -> list[Row]:
    as_row: Any = msgspec.structs.astuple
    return [key + as_row(messages[key]) for key in sorted(messages)]


def _chat_row(chat: Chat, title: str | None, created: Position) -> Row:
    """Make the row of a new chat, whose first numbers need no grant; what became of it since is written over it."""
    grant = (FIRST_GRANT, created.at, FIRST_GRANT, created.epoch, 1, FIRST_GRANT)
    name = (chat.application, chat.number, chat.id, title, chat.created_hash)
    return (*name, *grant, *created, created.at, created.at)
