"""Compares counts with rows, and mends them while nobody can change either."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.storage.counting import QUERIES, Counted, read_counts, recounted
from parley.storage.mysql.partitions import lock_partition
from parley.storage.port import Counting, Counts, Recount


class MySqlCounts:
    """A comparison sees one state, as counts change with their rows; a repair holds the partition."""

    def __init__(self, database: Database) -> None:
        """Compare on ``database``."""
        self._database = database

    async def recount(self, what: Counting, after: int, limit: int, *, repair: bool) -> Recount:
        """Compare what up to ``limit`` of them above an id say with the rows."""
        look, mend = QUERIES[what]
        looked_at = read_counts(await self._database.read(lambda session: session.rows(look, after, limit)))
        for each in looked_at:
            if each.is_wrong and repair:
                await self._database.write(partial(_mend, mend, each))
        return recounted(looked_at)


async def _mend(mend: str, wrong: Counted, session: Session) -> None:
    await lock_partition(session, wrong.partition)
    await session.run(mend, wrong.id)


if TYPE_CHECKING:
    _conforms: type[Counts] = MySqlCounts
