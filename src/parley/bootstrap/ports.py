"""Every adapter, opened by its URL."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, NamedTuple

import structlog

from parley.config import Settings, mask, variable_of
from parley.database.ownership import Ownership
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.ingest.lives import PresentLives
from parley.log import ADAPTERS as LOGS
from parley.log import find_reader, open_log
from parley.log.breaker import Breaker
from parley.log.port import Apart, Inline
from parley.log.port import Opened as OpenedLog
from parley.log.standby import Standby
from parley.log.switch import Switch
from parley.opening import load_opener
from parley.pubsub import ADAPTERS as PUBSUBS
from parley.search import ADAPTERS as INDEXES
from parley.search import open_search
from parley.search.port import SearchIndex
from parley.storage import ADAPTERS as STORAGES
from parley.storage import open_storage
from parley.storage.port import Opened as OpenedStorage
from parley.storage.port import Opening
from parley.storage.sharing import Shared
from parley.telemetry.clock import Clock
from parley.telemetry.files import file_behind

_log = structlog.get_logger(__name__)

_ADAPTERS: Final = {"database_url": STORAGES, "log_url": LOGS, "search_url": INDEXES, "pubsub_url": PUBSUBS}
"""Asked for before the first file is made, so that a wrong URL changes nothing."""


class Beside(NamedTuple):
    """A log that is not the database, and what the database has for it."""

    log: Apart
    database: Shared


class Guard(NamedTuple):
    """What stands in front of such a log, and knows whether it can be reached."""

    switch: Switch
    breaker: Breaker


class Ports(NamedTuple):
    """Every port of this process; ``beside`` is set where the log is not the database, and with it the rest."""

    storage: OpenedStorage
    log: OpenedLog
    search: SearchIndex
    beside: Beside | None
    lives: PresentLives | None
    """Of that log, kept up to date while the ports are open."""
    guard: Guard | None


@asynccontextmanager
async def open_ports(settings: Settings, clock: Clock) -> AsyncIterator[Ports]:
    """Open every adapter, the database first, and close them in the opposite order.

    Raises:
        ConfigurationError: one cannot be opened as configured, or two do not go together.
    """
    if settings.log_url == settings.database_url and not settings.database_url.startswith("sqlite:"):
        raise ConfigurationError(
            f"{variable_of('database_url')} is {mask(settings.database_url)}, which gives no numbers by itself: "
            f"set {variable_of('log_url')} to redis://…"
        )
    for name, adapters in _ADAPTERS.items():
        load_opener(getattr(settings, name), adapters, variable_of(name))
    async with AsyncExitStack() as stack:
        storage = open_storage(settings.database_url, opening(settings, clock))
        stack.push_async_callback(storage.close)
        await storage.start()
        shared = storage.shared
        partitions = settings.partitions if shared is None else len(await shared.scopes.partitions())
        log = build_log(settings, clock, partitions, inline=storage.inline)
        stack.push_async_callback(log.close)
        await log.start()
        _own_index(settings, stack)
        search = open_search(settings.search_url)
        stack.push_async_callback(search.close)
        await _start_search(search)
        beside = _pair(storage, log)
        if beside is None:
            yield Ports(storage, log, search, None, None, None)
            return
        guard = _guard(log, beside, partitions, clock)
        lives = await _watch(beside, guard, stack)
        yield Ports(storage, log._replace(log=guard.switch), search, beside, lives, guard)


def _own_index(settings: Settings, stack: AsyncExitStack) -> None:
    """Own an index file that lies beside no database file, which would be owned with it."""
    file = file_behind(settings.search_url)
    if file is not None and file_behind(settings.database_url) is None:
        stack.callback(Ownership.take(file).release)


async def _start_search(search: SearchIndex) -> None:
    """Start it if it is there: without it, all but searching goes on, and it is looked for again."""
    try:
        await search.start()
    except UnavailableError as error:
        _log.warning("search away at the start", error=error.detail)


def opening(settings: Settings, clock: Clock) -> Opening:
    """Give what a storage needs besides its URL."""
    return Opening(
        clock=clock,
        new_token=lambda: secrets.token_hex(16),
        partitions=settings.partitions,
        key_ttl_s=settings.key_ttl_s,
        readers=settings.readers,
        scan_max_messages=settings.scan_max_messages,
        scan_max_s=settings.scan_max_s,
        accepts_relaxed=settings.log_durability == "relaxed",
        read_again=find_reader(settings.log_url),
        dead_letter_run=settings.dead_letter_run,
    )


def build_log(
    settings: Settings,
    clock: Clock,
    partitions: int,
    *,
    inline: Inline | None = None,
    accepts_relaxed: bool | None = None,
) -> OpenedLog:
    """Name the log; starting connects to it. ``accepts_relaxed`` is for those who only look, whatever is configured.

    Raises:
        ConfigurationError: the URL cannot be understood, or does not go with the database.
    """
    return open_log(
        settings.log_url,
        inline=inline,
        clock=clock,
        writer_id=secrets.token_hex(8),
        partitions=partitions,
        accepts_relaxed=settings.log_durability == "relaxed" if accepts_relaxed is None else accepts_relaxed,
        unsettled_s=settings.answer_timeout_s,
        key_ttl_s=settings.key_ttl_s,
    )


def _pair(storage: OpenedStorage, log: OpenedLog) -> Beside | None:
    if log.apart is None:
        return None
    if storage.shared is None:
        raise ConfigurationError(
            f"{variable_of('log_url')} is a log of its own, which needs a database that several processes can use: "
            f"set {variable_of('database_url')} to mysql://…, or leave {variable_of('log_url')} out"
        )
    return Beside(log.apart, storage.shared)


def _guard(log: OpenedLog, beside: Beside, partitions: int, clock: Clock) -> Guard:
    reach = beside.log.reach
    switch = Switch(log.log, reach, Standby(beside.database.numbering, clock), partitions, clock)
    return Guard(switch, Breaker(reach.away, clock, random.random, switch.lose))


async def _watch(beside: Beside, guard: Guard, stack: AsyncExitStack) -> PresentLives:
    """Let the log know its partitions' lives, and the switch whether it is there, until the end of ``stack``."""
    lives = PresentLives(beside.database.scopes, beside.log.feeding, guard.switch)
    await lives.renew()
    stop = asyncio.Event()
    watching = [
        asyncio.create_task(lives.watch(stop), name="lives"),
        asyncio.create_task(guard.breaker.watch(stop), name="breaker"),
    ]

    async def end() -> None:
        stop.set()
        await asyncio.gather(*watching)

    stack.push_async_callback(end)
    return lives
