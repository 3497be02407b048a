"""Writing chats: create, retitle, delete."""

from __future__ import annotations

from parley.domain.errors import ParleyError
from parley.domain.events import ChatCreated, ChatDeleted, ChatRetitled, Entry, IdempotencyKey
from parley.domain.model import Chat
from parley.ingest.writes import Accepted, Reply, Writes
from parley.storage.port import Storage


class ChatWrites:
    """What can be done to chats."""

    def __init__(self, writes: Writes, storage: Storage) -> None:
        """Write through ``writes``; a retitle's answer is read back from ``storage``."""
        self._writes = writes
        self._storage = storage

    def create_chat(
        self, token: str, title: str | None, key: IdempotencyKey | None, wait_s: int | None, reply: Reply
    ) -> None:
        """Make a chat under the application's next number; ``reply`` once."""

        def made(result: Accepted | ParleyError) -> None:
            if isinstance(result, Accepted):
                self._writes.parents.add(token, result.number)
            reply(result)

        self._writes.send(Entry(token, None, ChatCreated(title), None, key), len(title or ""), wait_s, made)

    async def retitle_chat(self, token: str, chat: int, title: str | None, wait_s: int | None = None) -> Chat:
        """Give a live chat another title and give its new state.

        Raises:
            NotFoundError: the chat or its application is not there.
        """
        await self._writes.append(Entry(token, chat, ChatRetitled(title)), len(title or ""), wait_s)
        return await self._storage.get_chat(token, chat)

    async def delete_chat(self, token: str, chat: int, wait_s: int | None = None) -> None:
        """Close the chat's gate; its messages are unreachable from now on and erased later.

        Raises:
            NotFoundError: the chat or its application is not there.
        """
        await self._writes.append(Entry(token, chat, ChatDeleted()), 0, wait_s)
        self._writes.parents.forget(token, chat)
