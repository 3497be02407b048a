"""Writes what people decide of numbers, while nobody can give any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parley.database.session import Session
from parley.database.sqlite import Database
from parley.storage.port import Ledger, Missing, Scope
from parley.telemetry.clock import Clock


class SqliteLedger:
    """The ``gap`` table, and ``granted_until`` of scopes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Write to ``database``."""
        self._database = database
        self._clock = clock

    async def explain(self, missing: Missing) -> bool:
        """Write numbers that nothing has into the gap ledger; ``False``: one has something by now."""
        (_, application, chat), first, last = missing
        query = "explain_messages" if chat else "explain_chats"

        def work(session: Session) -> bool:
            session.rows(query, application, chat, first, last, self._clock.now_ms())
            return session.changes() == 1

        return await self._database.write(work)

    async def settle(self, scope: Scope) -> None:
        """Raise what a scope says of its numbers to what was used of them."""
        query, id_ = ("settle_chat", scope.chat) if scope.chat else ("settle_application", scope.application)
        await self._database.write(lambda session: session.rows(query, id_))


if TYPE_CHECKING:
    _conforms: type[Ledger] = SqliteLedger
