"""Writing messages: post one or many, edit, delete."""

from __future__ import annotations

from msgspec.structs import replace

from parley.domain.events import Entry, IdempotencyKey, MessageDeleted, MessageEdited, MessagesPosted
from parley.domain.model import Draft, Message
from parley.ingest.writes import Accepted, Reply, Writes
from parley.storage.port import Storage


class MessageWrites:
    """What can be done to messages. Numbers are given by the log, never here."""

    def __init__(self, writes: Writes, storage: Storage) -> None:
        """Write through ``writes``; what is changed is read from ``storage`` first."""
        self._writes = writes
        self._storage = storage

    def create_messages(
        self,
        parent: tuple[str, int],
        drafts: tuple[Draft, ...],
        key: IdempotencyKey | None,
        wait_s: int | None,
        reply: Reply,
    ) -> None:
        """Post ``drafts`` into the chat ``parent`` (token, number), all or none; ``reply`` once."""
        token, chat = parent
        size = sum(map(_size, drafts))
        self._writes.send(Entry(token, chat, MessagesPosted(drafts), None, key), size, wait_s, reply)

    async def edit_message(
        self, token: str, chat: int, number: int, body: str, wait_s: int | None = None
    ) -> tuple[Message, Accepted]:
        """Give a live message another body; give its new state, and how durable that is.

        A log of its own knows numbers, not messages: whether this one is there is asked first. Afterwards nobody is
        asked: a database that is away then would make a failure of an edit that is on the log.

        Raises:
            NotFoundError: the message, its chat or its application is not there.
        """
        message = await self._storage.get_message(token, chat, number)
        accepted = await self._writes.append(Entry(token, chat, MessageEdited(body), number), _bytes(body), wait_s)
        return replace(message, body=body, updated_at=accepted.at, edited=True), accepted

    async def delete_message(self, token: str, chat: int, number: int, wait_s: int | None = None) -> Accepted:
        """Turn a live message into a tombstone.

        Whether it is there is asked first, as for an edit.

        Raises:
            NotFoundError: the message, its chat or its application is not there.
        """
        await self._storage.get_message(token, chat, number)
        return await self._writes.append(Entry(token, chat, MessageDeleted(), number), 0, wait_s)


def _size(draft: Draft) -> int:
    size = _bytes(draft.body)
    if draft.sender is not None:
        size += _bytes(draft.sender)
    if draft.metadata is not None:
        size += _bytes(draft.metadata)
    return size


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
