"""The end of a run: everything is read five ways and written down, for the checker to compare."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from parley.verify.history import Row
from tests.faults import reads
from tests.faults.client import RecordedClient, Said
from tests.faults.recorder import Recorder
from tests.faults.site import Site
from tests.faults.stored import StoredChat
from tests.faults.words import sha_of, value_of
from tests.faults.world import KnownApplication

_READERS: Final = 8
_UNKNOWN_ROW: Final = "?"
"""What stands for the word of a document that no row has."""


async def read_everything(site: Site, applications: Sequence[KnownApplication], recorder: Recorder) -> None:
    """Read what is there of each application, through the API and behind its back."""
    behind = _Reader(site, recorder)
    indexed = await asyncio.to_thread(site.indexed)
    waiting: list[tuple[KnownApplication, StoredChat]] = []
    for application in applications:
        stored = await asyncio.to_thread(_stored, site, application)
        live = [chat for chat in stored if not chat.is_gone]
        logged = await asyncio.to_thread(site.logged, application.token)
        for chat in live:
            await behind.read("sql", application, chat.number, _saying(_sql(chat)))
            await behind.read("index", application, chat.number, _saying({"rows": _indexed(chat, indexed)}))
            if "log" in site.sources:
                rows = [
                    Row(one.number, value_of(one.body), sha_of(one.body)) for one in logged if one.chat == chat.number
                ]
                await behind.read("log", application, chat.number, _saying({"rows": tuple(rows)}))
        waiting += [(application, chat) for chat in live]
    behind.close()
    await _read_through_api(site, waiting, recorder)


class _Reader:
    """One client that reads for the end of the recording."""

    def __init__(self, site: Site, recorder: Recorder) -> None:
        self.client = RecordedClient(recorder)
        self._recorder = recorder
        self._door = site.doors.api[0]

    def close(self) -> None:
        self.client.close()

    async def read(
        self, source: str, application: KnownApplication, chat: int, find: Callable[[], Awaitable[Said]]
    ) -> None:
        said: dict[str, Any] = {"f": "final", "svc": source, "app": application.token, "chat": chat}
        event = await self.client.read(said, find)
        assert event.t == "ok", event

    async def read_through_api(self, application: KnownApplication, chat: StoredChat) -> None:
        """Read a scope's pages, then each number that has a row or had one."""
        await self.read("pages", application, chat.number, lambda: self._pages(application, chat))
        if chat.number:
            await self.read("singles", application, chat.number, lambda: self._singles(application, chat))
        else:
            await self.read("singles", application, 0, lambda: self._chats(application, chat))

    async def _pages(self, application: KnownApplication, chat: StoredChat) -> Said:
        if not chat.number:
            count = await reads.find_chats_count(self.client, self._door, application.path)
            return {**await reads.walk_chats(self.client, self._door, application.path), "count": count}
        path = f"{application.path}/chats/{chat.number}"
        counted = await reads.find_count(self.client, self._door, path)
        return {**await reads.walk_messages(self.client, self._door, path), "count": counted["count"]}

    async def _singles(self, application: KnownApplication, chat: StoredChat) -> Said:
        path = f"{application.path}/chats/{chat.number}"
        numbers = sorted([*(row.number for row in chat.rows), *chat.tombstones])
        found = [await reads.get_message(self.client, self._door, path, number) for number in numbers]
        return {"rows": tuple(row for said in found for row in said.get("rows", ()))}

    async def _chats(self, application: KnownApplication, chat: StoredChat) -> Said:
        numbers = sorted([*(row.number for row in chat.rows), *chat.tombstones])
        found = [await reads.get_chat(self.client, self._door, application.path, number) for number in numbers]
        return {"rows": tuple(row for said in found for row in said.get("rows", ()))}


async def _read_through_api(site: Site, waiting: list[tuple[KnownApplication, StoredChat]], recorder: Recorder) -> None:
    """Read some scopes at a time."""

    async def read() -> None:
        reader = _Reader(site, recorder)
        try:
            while waiting:
                await reader.read_through_api(*waiting.pop())
        finally:
            reader.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(_READERS):
            group.create_task(read())


def _stored(site: Site, application: KnownApplication) -> list[StoredChat]:
    return list(site.stored(application.token))


def _saying(said: Said) -> Callable[[], Awaitable[Said]]:
    async def say() -> Said:
        return said

    return say


def _sql(chat: StoredChat) -> Said:
    return {
        "rows": chat.rows, "tombstones": chat.tombstones, "gaps": chat.gaps, "letters": chat.letters,
        "count": chat.live,
    }  # fmt: skip


def _indexed(chat: StoredChat, indexed: set[tuple[int, int]]) -> tuple[Row, ...]:
    """Give the rows that are in the index, and a nameless one for each document without a row; it knows no chats."""
    if not chat.number:
        return chat.rows
    by_number = {row.number: row for row in chat.rows}
    numbers = sorted(number for chat_id, number in indexed if chat_id == chat.id)
    return tuple(by_number.get(number, Row(number, _UNKNOWN_ROW, "")) for number in numbers)
