"""Removes what was deleted, a slice a transaction, so that writes are never held up for long.

InnoDB overwrites nothing at once: a purged row's bytes may stay in free space of its pages until that is used again,
and the binary log keeps what was written for as long as the operator keeps the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.domain.documents import WHOLE_CHAT
from parley.storage.mysql.partitions import Way, lock_partition
from parley.storage.mysql.rows import Row
from parley.storage.port import Erasure
from parley.telemetry.clock import Clock

_BEGINNING: Final[Row] = (0, b"", b"")

_LETTERS: Final = 16
"""Dead letters that a slice takes at most: each may be a bulk, of about 2 MiB in its row."""


class MySqlErasure:
    """Erases deleted chats; closes the chats of deleted applications, whose gate the log has closed, and says so."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Erase on ``database``."""
        self._database = database
        self._clock = clock
        self._sweep = _BEGINNING

    async def erase(self, limit: int) -> int:
        """Erase up to ``limit`` rows of deleted applications and chats; 0 means nothing is left."""

        async def work(session: Session) -> int:
            chats = await session.rows("chat_to_erase")
            if chats:
                return await self._erase_chat(session, chats[0], limit)
            applications = await session.rows("application_to_erase")
            if applications:
                return await self._erase_application(session, applications[0], limit)
            return 0

        return await self._database.write(work)

    async def scrub(self) -> None:
        """Have nothing to do: the server's purge runs by itself."""

    async def expire_keys(self, before: int, limit: int) -> int:
        """Look at up to ``limit`` keys, forget those made before ``before``; 0 ends one sweep."""
        application, route, _ = above = self._sweep

        async def work(session: Session) -> list[Row]:
            found = await session.rows("keys_from", application, application, route, route, above[2], limit)
            expired = [(id_, route.decode(), key.decode()) for id_, route, key, made in found if made <= before]
            await session.put("delete_keys", expired, before)
            return found

        rows = await self._database.write(work)
        self._sweep = rows[-1][:3] if rows else _BEGINNING
        return len(rows)

    async def _erase_chat(self, session: Session, chat: Row, limit: int) -> int:
        """Remove some messages; with none left some dead letters; without letters the chat is done."""
        application_id, number, chat_id, token, partition = chat
        erased = await session.run("erase_messages", application_id, chat_id, limit)
        if erased < limit:
            await lock_partition(session, partition)
            room = min(limit - erased, _LETTERS)
            letters = await session.run("erase_chat_letters", token, number, number, room)
            if letters < room:
                await session.run("mark_chat_erased", self._clock.now_ms(), application_id, number)
            erased += letters
        return erased or 1

    async def _erase_application(self, session: Session, application: Row, limit: int) -> int:
        """Close some chats, as one change; then remove some keys, then some dead letters, then be done."""
        id_, partition, token = application
        now = self._clock.now_ms()
        place = await lock_partition(session, partition)
        chats = await session.rows("next_live_chats", id_, limit)
        if chats:
            position = place.next_change(now)
            closings = [(id_, number, *position, now) for number, _ in chats]
            await session.put("close_chats", closings)
            way = Way([(chat_id, WHOLE_CHAT) for _, chat_id in chats], place.chat_counter)
            await place.move(session, way, place.position, position)
            return len(chats)
        erased = await session.run("erase_keys", id_, limit)
        if erased < limit:
            room = min(limit - erased, _LETTERS)
            letters = await session.run("erase_letters", token, room)
            if letters < room:
                await session.run("mark_application_erased", now, id_)
            erased += letters
        return erased or 1


if TYPE_CHECKING:
    _conforms: type[Erasure] = MySqlErasure
