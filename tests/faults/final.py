"""The end of a run: everything is read four ways, and searched, and written down for the checker to compare."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import cycle
from typing import Any, Final

from parley.verify.history import Row, Source
from tests.faults import reads
from tests.faults.client import Door, RecordedClient, Said
from tests.faults.recorder import Recorder
from tests.faults.site import Site
from tests.faults.stored import StoredChat
from tests.faults.world import KnownApplication
from tests.faults.written import Written, numbers_to_ask_for, read_written, words_to_seek

_READERS: Final = 8
Find = Callable[[], Awaitable[Said]]


async def read_everything(site: Site, applications: Sequence[KnownApplication], recorder: Recorder) -> None:
    """Read what is there of each application, through every API and behind its back, and look for what is not."""
    behind = _Reader(site, recorder, {})
    indexed = await asyncio.to_thread(site.indexed)
    waiting: list[tuple[KnownApplication, StoredChat]] = []
    for application in applications:
        stored = await asyncio.to_thread(_stored, site, application)
        for chat in stored:
            if not chat.is_gone:
                await behind.read("sql", application, chat.number, _saying(_sql(chat)))
                if chat.number:
                    await behind.read("index", application, chat.number, _saying(_indexed(chat, indexed)))
        waiting += [(application, chat) for chat in stored]
    behind.close()
    written = await asyncio.to_thread(read_written, recorder.read())
    await _read_through_api(site, waiting, recorder, written)


class _Reader:
    """One client that reads for the end of the recording."""

    def __init__(self, site: Site, recorder: Recorder, written: Mapping[tuple[str, int], Written]) -> None:
        self.client = RecordedClient(recorder)
        self._doors = site.doors.api
        self._written = written

    def close(self) -> None:
        self.client.close()

    async def read(self, source: Source, application: KnownApplication, chat: int, find: Find, at: str = "") -> None:
        """Write down what one source says of a scope."""
        said: dict[str, Any] = {"f": "final", "svc": source, "app": application.token, "chat": chat}
        event = await self.client.read(said | ({"at": at} if at else {}), find)
        assert event.t == "ok", event

    async def read_through_api(self, application: KnownApplication, chat: StoredChat) -> None:
        """Read a scope's pages at every door and each of its numbers at one or another, and search at every door."""
        for at, door in enumerate(self._doors, start=1):
            await self.read(
                "pages", application, chat.number, partial(self._pages, application, chat, door), f"api {at}"
            )
        await self.read("singles", application, chat.number, partial(self._singles, application, chat))
        written = self._written.get((application.token, chat.number), {})
        for word in words_to_seek(chat, written) if chat.number else ():
            for door in self._doors:
                await self._ask("search", application, chat, partial(reads.search, door=door, word=word), v=(word,))

    async def knock(self, application: KnownApplication, chat: StoredChat) -> None:
        """Ask every door for a chat that is deleted, and for what was in it."""
        number = next((row.number for row in chat.rows), next(iter(chat.tombstones), 1))
        written = self._written.get((application.token, chat.number), {})
        word = next((word for words in written.values() for word in words), "nothing")
        for door in self._doors:
            await self._ask("count", application, chat, partial(reads.find_count, door=door))
            await self._ask("list", application, chat, partial(reads.walk_messages, door=door))
            await self._ask("get", application, chat, partial(reads.get_message, door=door, number=number), n=number)
            await self._ask("search", application, chat, partial(reads.search, door=door, word=word), v=(word,))

    async def _pages(self, application: KnownApplication, chat: StoredChat, door: Door) -> Said:
        if not chat.number:
            count = await reads.find_chats_count(self.client, door, application.path)
            return {**await reads.walk_chats(self.client, door, application.path), "count": count}
        path = f"{application.path}/chats/{chat.number}"
        counted = await reads.find_count(self.client, door, path)
        return {**await reads.walk_messages(self.client, door, path), "count": counted["count"]}

    async def _singles(self, application: KnownApplication, chat: StoredChat) -> Said:
        """Ask for every number that is a row, was one, or ought to be none."""
        get = reads.get_message if chat.number else reads.get_chat
        path = f"{application.path}/chats/{chat.number}" if chat.number else application.path
        asked = zip(numbers_to_ask_for(chat), cycle(self._doors))
        found = [await get(self.client, door, path, number) for number, door in asked]
        return {"rows": tuple(row for said in found for row in said.get("rows", ()))}

    async def _ask(
        self,
        f: str,
        application: KnownApplication,
        chat: StoredChat,
        find: Callable[..., Awaitable[Said]],
        **asked: Any,  # noqa: ANN401 - an event's fields
    ) -> None:
        """Do what clients do, too, and what has an answer by now, be it that there is no such thing."""
        said = {"f": f, "svc": "api", "app": application.token, "chat": chat.number, **asked}
        path = f"{application.path}/chats/{chat.number}"
        event = await self.client.read(said, lambda: find(self.client, chat=path))
        assert event.t == "ok" or event.http in reads.NOT_THERE, event


async def _read_through_api(
    site: Site,
    waiting: list[tuple[KnownApplication, StoredChat]],
    recorder: Recorder,
    written: Mapping[tuple[str, int], Written],
) -> None:
    """Read some scopes at a time."""

    async def read() -> None:
        reader = _Reader(site, recorder, written)
        try:
            while waiting:
                application, chat = waiting.pop()
                await (reader.knock if chat.is_gone else reader.read_through_api)(application, chat)
        finally:
            reader.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(_READERS):
            group.create_task(read())


def _stored(site: Site, application: KnownApplication) -> list[StoredChat]:
    return list(site.stored(application.token))


def _saying(said: Said) -> Find:
    async def say() -> Said:
        return said

    return say


def _sql(chat: StoredChat) -> Said:
    return {
        "rows": chat.rows, "tombstones": chat.tombstones, "gaps": chat.gaps, "letters": chat.letters,
        "count": chat.live,
    }  # fmt: skip


def _indexed(chat: StoredChat, indexed: set[tuple[int, int]]) -> Said:
    """Give the numbers that the index has: it holds no texts, so what it knows of these the searches show."""
    return {"rows": tuple(Row(number, "", "") for chat_id, number in sorted(indexed) if chat_id == chat.id)}
