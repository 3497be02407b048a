"""The ports that an operator's command needs beside a log of its own, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from parley.bootstrap.ports import Beside, build_log, opening
from parley.config import Settings, mask, variable_of
from parley.domain.errors import ConfigurationError
from parley.log.port import Log
from parley.storage import open_storage, plan_storage
from parley.storage.port import Opened as OpenedStorage
from parley.storage.sharing import Shared
from parley.telemetry.clock import Clock


def refuse_embedded(settings: Settings, why: str) -> None:
    """Refuse a database that carries the log itself; ``why`` says what it has none of.

    Raises:
        ConfigurationError: it is one.
    """
    if settings.database_url.startswith("sqlite:"):
        raise ConfigurationError(f"{variable_of('database_url')} is {mask(settings.database_url)}: {why}")


def refuse_old_schema(settings: Settings) -> None:
    """Refuse a database that a start would migrate: a command that looks changes no schema. Not under an event loop.

    Raises:
        ConfigurationError: migrations are outstanding, or the database cannot be used.
    """
    todo = plan_storage(settings.database_url)
    if todo:
        names = ", ".join(f"{migration.version:04} {migration.name}" for migration in todo)
        raise ConfigurationError(f"the database lacks {names}; run parley migrate first")


@asynccontextmanager
async def open_shared(settings: Settings, clock: Clock) -> AsyncIterator[Shared]:
    """Open the database as several processes use it.

    Raises:
        ConfigurationError: it cannot be opened as configured.
    """
    async with open_database(settings, clock) as storage:
        yield shared_of(storage)


@asynccontextmanager
async def open_beside(settings: Settings, clock: Clock) -> AsyncIterator[Beside]:
    """Open the database and the log beside it; the search index may be away.

    Raises:
        ConfigurationError: one of them cannot be opened as configured.
    """
    async with open_appending(settings, clock) as (_, beside):
        yield beside


@asynccontextmanager
async def open_appending(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Log, Beside]]:
    """Open the same, to append to the log.

    Raises:
        ConfigurationError: one of them cannot be opened as configured.
    """
    async with AsyncExitStack() as stack:
        shared = shared_of(await stack.enter_async_context(open_database(settings, clock)))
        log = build_log(settings, clock, len(await shared.scopes.partitions()))
        stack.push_async_callback(log.close)
        await log.start()
        if log.apart is None:
            raise ConfigurationError(f"{variable_of('log_url')} is {mask(settings.log_url)}, not a log of its own")
        yield log.log, Beside(log.apart, shared)


@asynccontextmanager
async def open_database(settings: Settings, clock: Clock) -> AsyncIterator[OpenedStorage]:
    """Open the database, an embedded one as its only process.

    Raises:
        ConfigurationError: it cannot be opened as configured.
    """
    storage = open_storage(settings.database_url, opening(settings, clock))
    try:
        await storage.start()
        yield storage
    finally:
        await storage.close()


def shared_of(storage: OpenedStorage) -> Shared:
    """Give what a database has for several processes.

    Raises:
        ConfigurationError: it is one of one process.
    """
    if storage.shared is None:
        raise ConfigurationError(f"{variable_of('database_url')} names a database of one process")
    return storage.shared
