"""Compares counts with rows, and mends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parley.database.session import Session
from parley.database.sqlite import Database
from parley.storage.counting import QUERIES, read_counts, recounted
from parley.storage.port import Counting, Counts, Recount


class SqliteCounts:
    """One writer at a time: what is mended cannot change on the way."""

    def __init__(self, database: Database) -> None:
        """Compare on ``database``."""
        self._database = database

    async def recount(self, what: Counting, after: int, limit: int, *, repair: bool) -> Recount:
        """Compare what up to ``limit`` of them above an id say with the rows."""
        look, mend = QUERIES[what]

        def work(session: Session) -> Recount:
            looked_at = read_counts(session.rows(look, after, limit))
            for each in looked_at:
                if each.is_wrong and repair:
                    session.rows(mend, each.id)
            return recounted(looked_at)

        return await (self._database.write(work) if repair else self._database.read(work))


if TYPE_CHECKING:
    _conforms: type[Counts] = SqliteCounts
