"""Removes what was deleted, a slice a transaction, so that writes are never held up for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parley.database.session import Session, scrub
from parley.database.sqlite import Database
from parley.domain.documents import WHOLE_CHAT
from parley.domain.events import Position, position_id
from parley.storage.port import Erasure
from parley.storage.sqlite.effects import change_row
from parley.storage.sqlite.rows import range_above
from parley.telemetry.clock import Clock


class SqliteErasure:
    """Closes the chats of deleted applications, then erases deleted chats, then says so."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Erase on ``database``."""
        self._database = database
        self._clock = clock
        self._sweep: tuple[int, str, str] = (0, "", "")

    async def erase(self, limit: int) -> int:
        """Erase up to ``limit`` rows of deleted applications and chats; 0 means nothing is left."""

        def work(session: Session) -> int:
            chats = session.rows("chat_to_erase")
            if chats:
                return self._erase_chat(session, chats[0][0], limit)
            applications = session.rows("application_to_erase")
            if applications:
                application, partition = applications[0]
                return self._erase_application(session, application, partition, limit)
            return 0

        return await self._database.write(work)

    async def scrub(self) -> None:
        """Empty the write-ahead file if something was edited, deleted or erased since the last time."""
        await self._database.maintain(scrub)

    async def expire_keys(self, before: int, limit: int) -> int:
        """Look at up to ``limit`` keys, forget those made before ``before``; 0 ends one sweep."""

        def work(session: Session) -> int:
            rows = session.rows("keys_from", *self._sweep, limit)
            expired = [row[:3] for row in rows if row[3] <= before]
            session.put("delete_keys", expired)
            session.overwrote |= bool(expired)
            self._sweep = rows[-1][:3] if rows else (0, "", "")
            return len(rows)

        return await self._database.write(work)

    def _erase_chat(self, session: Session, chat_id: int, limit: int) -> int:
        session.rows("erase_messages", *range_above(chat_id, 0), limit)
        session.overwrote = True
        erased = session.changes()
        if erased < limit:
            session.rows("mark_chat_erased", self._clock.now_ms(), chat_id)
        return erased or 1

    def _erase_application(self, session: Session, application: int, partition: int, limit: int) -> int:
        """Close some chats, as one change; with none left remove some keys; without keys the application is done."""
        chats = session.rows("next_live_chats", application, limit)
        now = self._clock.now_ms()
        if not chats:
            return self._erase_keys(session, application, limit)
        position = self._next_position(session, partition, now)
        effects = {
            "closings": [(row[0], *position, now) for row in chats],
            "moves": [(partition, *position)],
            "changes": [change_row(partition, position, [row[0] << 32 | WHOLE_CHAT for row in chats])],
        }
        session.put("append", effects)
        return len(chats)

    def _erase_keys(self, session: Session, application: int, limit: int) -> int:
        session.rows("erase_keys", application, limit)
        session.overwrote = True
        erased = session.changes()
        if erased < limit:
            session.rows("mark_application_erased", self._clock.now_ms(), application)
        return erased or 1

    def _next_position(self, session: Session, partition: int, now: int) -> Position:
        ends = {row[0]: Position(row[1], row[2]) for row in session.rows("partition_ends")}
        last = ends[partition]
        return Position(last.epoch, max(position_id(now), last.id + 1))


if TYPE_CHECKING:
    _conforms: type[Erasure] = SqliteErasure
