"""Writing messages: post one or many, edit, delete."""

from __future__ import annotations

from parley.domain.events import Entry, IdempotencyKey, MessageDeleted, MessageEdited, MessagesPosted
from parley.domain.model import Draft, Message
from parley.ingest.writes import Reply, Writes
from parley.storage.port import Storage


class MessageWrites:
    """What can be done to messages. Numbers are given by the log, never here."""

    def __init__(self, writes: Writes, storage: Storage) -> None:
        """Write through ``writes``; an edit's answer is read back from ``storage``."""
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

    async def edit_message(self, token: str, chat: int, number: int, body: str, wait_s: int | None = None) -> Message:
        """Give a live message another body and give its new state.

        Raises:
            NotFoundError: the message, its chat or its application is not there.
        """
        await self._writes.append(Entry(token, chat, MessageEdited(body), number), _bytes(body), wait_s)
        return await self._storage.get_message(token, chat, number)

    async def delete_message(self, token: str, chat: int, number: int, wait_s: int | None = None) -> None:
        """Turn a live message into a tombstone.

        Raises:
            NotFoundError: the message, its chat or its application is not there.
        """
        await self._writes.append(Entry(token, chat, MessageDeleted(), number), 0, wait_s)


def _size(draft: Draft) -> int:
    size = _bytes(draft.body)
    if draft.sender is not None:
        size += _bytes(draft.sender)
    if draft.metadata is not None:
        size += _bytes(draft.metadata)
    return size


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
