"""Backs up a MySQL or MariaDB database as SQL text, and restores it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from parley.database.mysql.address import Address, parse_address
from parley.database.mysql.dump import dump, finish, load, refuse_unfinished, tables_of
from parley.database.mysql.errors import FailedError, LostError
from parley.database.mysql.migrations import migrate, migrating, pending
from parley.database.mysql.server import examine_server, refusal
from parley.database.mysql.session import Session, connect
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.storage.archive import Archive, History, Holdings, Show
from parley.storage.holding import FOLLOWER, QUERIES, read_holdings
from parley.storage.mysql import migrations, queries

T = TypeVar("T")

_TABLES: Final = ("schema_migration", "partition", "application", "chat", "message", "gap", "dead_letter")
_EMPTY: Final = ("idempotency_key", "change", "follower", "lease", "worker")
"""A restore lets keys expire, followers begin anew, and knows no process."""


class MySqlArchive:
    """One database on a server; each method has a connection of its own."""

    kind = "mysql"
    file = "database.sql"

    def __init__(self, address: Address) -> None:
        """Name the database."""
        self._address = address
        self.newest = migrations()[-1].version

    def save(self, file: Path, show: Show) -> Holdings:
        """Write one state of the database, while others write on, and say what it holds."""

        async def work(session: Session) -> Holdings:
            await _refuse_unmigrated(session, self._address)
            await session.run("audit_isolation")
            await session.run("audit_snapshot")
            holdings = await _holdings(session)
            newer = sorted({*await tables_of(session)} - {*_TABLES, *_EMPTY})
            with file.open("xb") as written:
                await dump(session, (*_TABLES, *newer), _EMPTY, written.write, lambda done: show(done, None))
            return holdings

        return self._run(work)

    def load(self, file: Path, history: History, show: Show) -> Holdings:
        """Make the tables of a copy; a table that goes last says until then that they are not complete."""

        async def work(session: Session) -> Holdings:
            (await examine_server(session)).check(self._address.database)
            async with migrating(session, self._address.database):
                await self._load(session, lines, lambda done: show(done, total))
                await migrate(session, migrations(), history.now_ms)
                holdings = await _begin(session, history)
                await finish(session)
            return holdings

        total = file.stat().st_size
        with file.open("rb") as lines:
            return self._run(work)

    def begin(self, history: History) -> Holdings:
        """Begin a history in the database, whose processes have been stopped."""

        async def work(session: Session) -> Holdings:
            await _refuse_unmigrated(session, self._address)
            workers = (await session.rows("count_present"))[0][0]
            if workers:
                raise ConfigurationError(
                    f"{workers} workers use the database {self._address!r}: stop every process of Parley first "
                    "(one that was killed counts for 10 s)"
                )
            async with migrating(session, self._address.database):
                return await _begin(session, history)

        return self._run(work)

    def holdings(self) -> Holdings:
        """Say what the database holds at present."""

        async def work(session: Session) -> Holdings:
            await _refuse_unmigrated(session, self._address)
            return await _holdings(session)

        return self._run(work)

    async def _load(self, session: Session, lines: Iterable[bytes], show: Callable[[int], None]) -> None:
        try:
            await load(session, lines, show)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"the database {self._address!r} is not empty, and a restore goes into an empty one: "
                f"{error.detail}; name another, or drop it and create it again"
            ) from error

    def _run(self, work: Callable[[Session], Awaitable[T]]) -> T:
        try:
            return asyncio.run(self._work(work))
        except LostError as error:
            raise UnavailableError(f"the database {self._address!r} does not answer: {error.text}") from error
        except FailedError as error:
            raise refusal(error, self._address) from error

    async def _work(self, work: Callable[[Session], Awaitable[T]]) -> T:
        session = await connect(self._address, queries())
        try:
            return await work(session)
        finally:
            await session.close()


def open_archive(url: str) -> MySqlArchive:
    """Name ``mysql://user:password@host:port/database``.

    Raises:
        ConfigurationError: the URL is not one.
    """
    return MySqlArchive(parse_address(url))


async def _holdings(session: Session) -> Holdings:
    found = {name: await session.run_slowly(name) for name in QUERIES}
    return read_holdings(found.__getitem__)


async def _begin(session: Session, history: History) -> Holdings:
    """Begin it in one transaction, then forget what it makes void; no process starts meanwhile."""
    holdings = await _holdings(session)
    await session.begin()
    await session.run("forget_followers")
    for place in holdings.partitions:
        floor = place.floor(history.epochs[place.id], history.now_ms)
        await session.run("begin_partition", floor.epoch, *floor, history.burn, place.id)
        await session.run("record_follower", FOLLOWER.encode(), place.id, *floor)
    await session.commit()
    await session.run_slowly("forget_keys")
    await session.run_slowly("forget_changes")
    return holdings


async def _refuse_unmigrated(session: Session, address: Address) -> None:
    await refuse_unfinished(session)
    todo = await pending(session, migrations())
    if todo:
        raise ConfigurationError(f"the database {address!r} lacks {len(todo)} migrations; run parley migrate first")


if TYPE_CHECKING:
    _conforms: type[Archive] = MySqlArchive
