"""Writing chats: create, retitle, delete."""

from __future__ import annotations

from msgspec.structs import replace

from parley.domain.errors import ParleyError
from parley.domain.events import ChatCreated, ChatDeleted, ChatRetitled, Entry, IdempotencyKey
from parley.domain.model import Chat
from parley.ingest.writes import Accepted, Reply, Writes
from parley.storage.port import Storage


class ChatWrites:
    """What can be done to chats."""

    def __init__(self, writes: Writes, storage: Storage) -> None:
        """Write through ``writes``; what is retitled is read from ``storage`` first."""
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

    async def retitle_chat(
        self, token: str, chat: int, title: str | None, wait_s: int | None = None
    ) -> tuple[Chat, Accepted]:
        """Give a live chat another title; give its new state, and how durable that is.

        Raises:
            NotFoundError: the chat or its application is not there.
        """
        found = await self._storage.get_chat(token, chat)  # afterwards a failure would be of a title that is on the log
        accepted = await self._writes.append(Entry(token, chat, ChatRetitled(title)), len(title or ""), wait_s)
        return replace(found, title=title, updated_at=accepted.at), accepted

    async def delete_chat(self, token: str, chat: int, wait_s: int | None = None) -> Accepted:
        """Close the chat's gate; its messages are unreachable from now on and erased later.

        Raises:
            NotFoundError: the chat or its application is not there.
        """
        accepted = await self._writes.append(Entry(token, chat, ChatDeleted()), 0, wait_s)
        self._writes.parents.forget(token, chat)
        return accepted
