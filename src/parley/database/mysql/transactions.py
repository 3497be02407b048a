"""Reads and transactions, repeated where a repeat is safe, with the errors that ports raise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, TypeVar

from parley.database.mysql.address import Address
from parley.database.mysql.errors import ContendedError, FailedError, LostError
from parley.database.mysql.pool import Pool
from parley.database.mysql.session import Session, connect
from parley.domain.errors import OutcomeUnknownError, UnavailableError

T = TypeVar("T")
Work = Callable[[Session], Awaitable[T]]
Lend = Callable[[], AbstractAsyncContextManager[Session]]

_LOST_TRIES: Final = 2
"""The first try may meet a connection that died while it was idle."""
_CONTENDED_TRIES: Final = 6
_FIRST_PAUSE_S: Final = 0.01


class CommitLostError(LostError):
    """The connection broke during the commit: the transaction may be there."""


class Database:
    """One database. Work may be run more than once, so all that it changes must be in the database."""

    def __init__(
        self, address: Address, queries: Mapping[str, str], *, sessions: int, jitter: Callable[[], float]
    ) -> None:
        """Use up to ``sessions`` connections; ``jitter`` gives random numbers below 1."""
        self.address = address
        self._queries = queries
        self._pool = Pool(address, queries, sessions)
        self._jitter = jitter

    async def read(self, work: Work[T]) -> T:
        """Run ``work(session)``, each of whose statements sees what is committed at its start.

        Raises:
            UnavailableError: the database does not answer.
        """
        try:
            return await self._repeat(self._pool.lend, _directly, work)
        except FailedError as error:
            raise unavailable(error) from error

    async def write(self, work: Work[T]) -> T:
        """Run ``work(session)`` in one transaction.

        Raises:
            UnavailableError: certainly nothing was written.
            OutcomeUnknownError: the commit itself was not answered.
        """
        try:
            return await self._repeat(self._pool.lend, _transact, work)
        except CommitLostError as error:
            raise OutcomeUnknownError("The commit was not answered; the write may exist") from error
        except FailedError as error:
            raise unavailable(error) from error

    async def transact(self, line: Line, work: Work[T]) -> T:
        """Run ``work(session)`` in one transaction on a line of its own.

        Raises:
            CommitLostError: the commit itself was not answered; the caller can find out.
            UnavailableError: certainly nothing was written.
        """
        try:
            return await self._repeat(line.lend, _transact, work)
        except CommitLostError:
            raise
        except FailedError as error:
            raise unavailable(error) from error

    def line(self, greet: Work[None]) -> Line:
        """Give a connection apart from the pool, for one user at a time; ``greet`` runs on each new one."""
        return Line(self.address, self._queries, greet)

    async def connect(self) -> Session:
        """Open a session that the caller closes.

        Raises:
            FailedError: there is no connection to be had.
        """
        return await connect(self.address, self._queries)

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def _repeat(self, lend: Lend, run: Callable[[Session, Work[T]], Awaitable[T]], work: Work[T]) -> T:
        lost = contended = 0
        while True:
            try:
                async with lend() as session:
                    return await run(session, work)
            except CommitLostError:
                raise
            except LostError:
                lost += 1
                if lost == _LOST_TRIES:
                    raise
                await self._pool.forget_idle()
            except ContendedError:
                contended += 1
                if contended == _CONTENDED_TRIES:
                    raise
                await asyncio.sleep(_FIRST_PAUSE_S * (1 << contended) * (0.5 + self._jitter() / 2))


class Line:
    """A connection for one purpose, made when it is needed and again after it was lost."""

    def __init__(self, address: Address, queries: Mapping[str, str], greet: Work[None]) -> None:
        """Connect to ``address``, later."""
        self._address = address
        self._queries = queries
        self._greet = greet
        self._session: Session | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Session]:
        """Lend the session.

        Raises:
            FailedError: there is no connection to be had.
        """
        async with self._turn:
            session, self._session = self._session, None
            if session is None or not session.is_open:
                session = await connect(self._address, self._queries)
                await self._introduce(session)
            try:
                yield session
            finally:
                if session.in_transaction:
                    session.drop()
                else:
                    self._session = session

    async def _introduce(self, session: Session) -> None:
        try:
            await self._greet(session)
        except BaseException:
            session.drop()
            raise

    async def close(self) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def unavailable(error: FailedError) -> UnavailableError:
    """Say to those above that nothing was written; the cause is for the log."""
    unavailable = UnavailableError("The database does not answer", code="database_unavailable")
    unavailable.__cause__ = error
    return unavailable


async def _directly(session: Session, work: Work[T]) -> T:
    return await work(session)


async def _transact(session: Session, work: Work[T]) -> T:
    await session.begin()
    try:
        result = await work(session)
    except BaseException:
        if session.is_open:
            await session.roll_back()
        raise
    try:
        await session.commit()
    except LostError as error:
        raise CommitLostError(error.code, error.text) from error
    return result
