"""Writes what people decide of numbers, while nobody stores anything in the partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.storage.mysql.partitions import lock_partition
from parley.storage.port import Ledger, Missing, Scope
from parley.telemetry.clock import Clock


class MySqlLedger:
    """The ``gap`` table, and what scopes say of their numbers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Write to ``database``."""
        self._database = database
        self._clock = clock

    async def explain(self, missing: Missing) -> bool:
        """Write numbers that nothing has into the gap ledger; ``False``: one has something by now."""
        (partition, application, chat), first, last = missing
        now = self._clock.now_ms()

        async def work(session: Session) -> int:
            await lock_partition(session, partition)
            if chat:
                return await session.run("explain_messages", now, application, chat, first, last)
            return await session.run("explain_chats", now, application, first, last)

        return await self._database.write(work) == 1

    async def settle(self, scope: Scope) -> None:
        """Raise what a scope says of its numbers to what was used of them."""
        partition, application, chat = scope

        async def work(session: Session) -> None:
            await lock_partition(session, partition)
            if chat:
                await session.run("settle_chat", application, chat, partition, chat)
            else:
                await session.run("settle_application", application, partition, application)

        await self._database.write(work)


if TYPE_CHECKING:
    _conforms: type[Ledger] = MySqlLedger
