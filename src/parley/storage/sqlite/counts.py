"""Compares counts with rows, and mends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parley.database.session import Session
from parley.database.sqlite import Database
from parley.storage.counting import read_counts, recounted
from parley.storage.port import Counts, Recount


class SqliteCounts:
    """One writer at a time: what is mended cannot change on the way."""

    def __init__(self, database: Database) -> None:
        """Compare on ``database``."""
        self._database = database

    async def applications(self, after: int, limit: int, *, repair: bool) -> Recount:
        """Compare the chats of up to ``limit`` applications above an id."""
        return await self._recount("application_counts", "recount_chats" if repair else None, after, limit)

    async def chats(self, after: int, limit: int, *, repair: bool) -> Recount:
        """Compare the messages of up to ``limit`` chats above an id."""
        return await self._recount("chat_counts", "recount_messages" if repair else None, after, limit)

    async def _recount(self, look: str, mend: str | None, after: int, limit: int) -> Recount:
        def work(session: Session) -> Recount:
            looked_at = read_counts(session.rows(look, after, limit))
            for each in looked_at:
                if each.is_wrong and mend is not None:
                    session.rows(mend, each.id)
            return recounted(looked_at)

        return await (self._database.read(work) if mend is None else self._database.write(work))


if TYPE_CHECKING:
    _conforms: type[Counts] = SqliteCounts
