"""A bounded number of sessions, each made when it is first needed and again when it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from parley.database.mysql.address import Address
from parley.database.mysql.session import Session, connect


class Pool:
    """Lends sessions; whoever comes while all are lent waits in order."""

    def __init__(self, address: Address, queries: Mapping[str, str], size: int) -> None:
        """Lend up to ``size`` sessions at the same time."""
        self._address = address
        self._queries = queries
        self._free = asyncio.Semaphore(size)
        self._idle: list[Session] = []

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Session]:
        """Lend a session; one that comes back inside a transaction, or closed, is not lent again.

        Raises:
            FailedError: there is no connection to be had.
        """
        async with self._free:
            session = self._take() or await connect(self._address, self._queries)
            try:
                yield session
            finally:
                self._give_back(session)

    async def forget_idle(self) -> None:
        """Close what is not lent: after one connection was lost, the others may be just as dead."""
        idle, self._idle = self._idle, []
        for session in idle:
            await session.close()

    async def close(self) -> None:
        """Close what is not lent; nobody may ask again."""
        await self.forget_idle()

    def _take(self) -> Session | None:
        while self._idle:
            session = self._idle.pop()
            if session.is_open:
                return session
        return None

    def _give_back(self, session: Session) -> None:
        if session.in_transaction:
            session.drop()
        elif session.is_open:
            self._idle.append(session)
