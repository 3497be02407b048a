"""What a client reads while others write: messages, pages, counts, and what a search finds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from tests.faults import reads
from tests.faults.client import Door, Doors, RecordedClient, Said
from tests.faults.world import KnownApplication, KnownChat


class Readers:
    """One client's reads, through the full API. Each says whether it was answered."""

    def __init__(self, client: RecordedClient, doors: Doors, rng: Random) -> None:
        """Read through any of the doors."""
        self._client, self._doors, self._rng = client, doors, rng

    async def get(self, application: KnownApplication) -> bool:
        """Read one message."""
        chat = application.pick_chat(self._rng)
        if chat is None or not chat.messages:
            return True
        number, path = self._rng.choice(chat.messages), application.path_of(chat)
        return await self._read(
            application,
            chat,
            {"f": "get", "n": number},
            lambda door: reads.get_message(self._client, door, path, number),
        )

    async def walk(self, application: KnownApplication) -> bool:
        """Read all pages of a chat."""
        chat = application.pick_chat(self._rng)
        if chat is None:
            return True
        path = application.path_of(chat)
        return await self._read(
            application, chat, {"f": "list"}, lambda door: reads.walk_messages(self._client, door, path)
        )

    async def count(self, application: KnownApplication) -> bool:
        """Read how many messages a chat says that it has."""
        chat = application.pick_chat(self._rng)
        if chat is None:
            return True
        path = application.path_of(chat)
        return await self._read(
            application, chat, {"f": "count"}, lambda door: reads.find_count(self._client, door, path)
        )

    async def search(self, application: KnownApplication) -> bool:
        """Search a chat for a word that was written there lately."""
        chat = application.pick_chat(self._rng)
        if chat is None or not chat.words:
            return True
        word, path = self._rng.choice(chat.words), application.path_of(chat)
        return await self._read(
            application, chat, {"f": "search", "v": (word,)}, lambda door: reads.search(self._client, door, path, word)
        )

    async def get_chat(self, application: KnownApplication) -> bool:
        """Read one chat."""
        chat = application.pick_chat(self._rng)
        if chat is None:
            return True
        number, path = chat.number, application.path
        return await self._read(
            application, None, {"f": "get", "n": number}, lambda door: reads.get_chat(self._client, door, path, number)
        )

    async def walk_chats(self, application: KnownApplication) -> bool:
        """Read all pages of an application's chats."""
        path = application.path
        return await self._read(
            application, None, {"f": "list"}, lambda door: reads.walk_chats(self._client, door, path)
        )

    async def _read(
        self,
        application: KnownApplication,
        chat: KnownChat | None,
        said: dict[str, Any],
        find: Callable[[Door], Awaitable[Said]],
    ) -> bool:
        door = self._rng.choice(self._doors.api)
        about = {"app": application.token, "chat": chat.number if chat else 0, "svc": door.svc, **said}
        return (await self._client.read(about, lambda: find(door))).t == "ok"
