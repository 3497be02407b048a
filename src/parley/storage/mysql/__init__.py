"""The MySQL and MariaDB storage: one database, used by any number of processes beside a log of its own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from parley.database.migrations import Migration, read_migrations
from parley.database.mysql.address import Address, parse_address
from parley.database.mysql.dump import refuse_unfinished
from parley.database.mysql.errors import FailedError
from parley.database.mysql.migrations import migrate, migrating, pending
from parley.database.mysql.server import examine_server, refusal
from parley.database.mysql.session import Session, connect
from parley.database.mysql.transactions import Database
from parley.database.named import load_queries
from parley.domain.errors import ConfigurationError
from parley.storage.mysql.applying.persisting import MySqlPersisting
from parley.storage.mysql.changes import MySqlChanges
from parley.storage.mysql.counts import MySqlCounts
from parley.storage.mysql.dead_letters import MySqlDeadLetters
from parley.storage.mysql.erasure import MySqlErasure
from parley.storage.mysql.leases import MySqlLeases
from parley.storage.mysql.ledger import MySqlLedger
from parley.storage.mysql.numbering import MySqlNumbering
from parley.storage.mysql.reads import MySqlStorage
from parley.storage.mysql.scopes import MySqlScopes
from parley.storage.mysql.tenants import MySqlTenants
from parley.storage.port import Opened, Opening
from parley.storage.sharing import Shared

_MS: Final = 1_000
_WRITERS: Final = 2
"""Connections of the pool beside those of the readers."""


def queries() -> dict[str, str]:
    """Give the dialect's named queries."""
    return load_queries("parley.storage", "sql", "mysql")


def migrations() -> list[Migration]:
    """Give the dialect's migrations, in order."""
    return read_migrations("parley.storage", "sql", "mysql", "migrations")


def plan(url: str) -> Sequence[Migration]:
    """Give what `open_` would apply, without writing anything; not to be called where an event loop runs.

    Raises:
        ConfigurationError: the schema is newer than this code, or the database cannot be used.
    """
    return asyncio.run(_plan(parse_address(url)))


def open_(url: str, opening: Opening) -> Opened:
    """Name the database; starting connects to it.

    Raises:
        ConfigurationError: the URL is not one.
    """
    address = parse_address(url)
    database = Database(address, queries(), sessions=opening.readers + _WRITERS, jitter=random.random)
    clock, key_ttl_ms = opening.clock, opening.key_ttl_s * _MS
    partitions = opening.partitions

    def new_chat_id(partition: int, counter: int) -> int:
        """Give an id that no other partition gives; search indexes pack it with a number, so it stays small."""
        return counter * partitions + partition

    async def start() -> None:
        nonlocal partitions
        partitions = await _start(address, opening)

    async def close() -> None:
        await persisting.close()
        await database.close()

    persisting = MySqlPersisting(database, clock, new_chat_id, opening.dead_letter_run)
    return Opened(
        storage=MySqlStorage(database, clock, opening.scan_max_messages, opening.scan_max_s),
        tenants=MySqlTenants(database, clock, opening.new_token, key_ttl_ms),
        changes=MySqlChanges(database),
        erasure=MySqlErasure(database, clock),
        counts=MySqlCounts(database),
        ledger=MySqlLedger(database, clock),
        inline=None,
        shared=Shared(
            scopes=MySqlScopes(database, clock, key_ttl_ms),
            persisting=persisting,
            leases=MySqlLeases(database),
            dead_letters=MySqlDeadLetters(database, clock, new_chat_id, opening.read_again),
            numbering=MySqlNumbering(database, clock, key_ttl_ms, new_chat_id),
        ),
        start=start,
        close=close,
    )


async def _plan(address: Address) -> list[Migration]:
    try:
        session = await connect(address, {})
        try:
            await refuse_unfinished(session)
            return await pending(session, migrations())
        finally:
            await session.close()
    except FailedError as error:
        raise refusal(error, address) from error


async def _start(address: Address, opening: Opening) -> int:
    """Check the server, bring the schema up to date, and give the number of partitions, which is fixed for ever."""
    try:
        session = await connect(address, queries())
        try:
            await _check(session, address, opening)
            async with migrating(session, address.database):
                await refuse_unfinished(session)
                await migrate(session, migrations(), opening.clock.now_ms())
                if not await session.rows("partition_ends"):
                    await session.fill("insert_partition", [(index,) for index in range(opening.partitions)])
            for probe in ("probe_insert", "probe_update", "probe_delete"):
                await session.run(probe)
            return len(await session.rows("partition_ends"))
        finally:
            await session.close()
    except FailedError as error:
        raise refusal(error, address) from error


async def _check(session: Session, address: Address, opening: Opening) -> None:
    server = await examine_server(session)
    server.check(address.database)
    if not (server.is_synced or opening.accepts_relaxed):
        raise ConfigurationError(
            "the database answers before the disk has the write: set innodb_flush_log_at_trx_commit = 1, and "
            "sync_binlog = 1 if it has a binary log, or accept the loss with PARLEY_LOG_DURABILITY=relaxed"
        )
