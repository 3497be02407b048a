"""``parley reindex``: makes the search index anew beside the one that is searched."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from cyclopts import Parameter

from parley.cli.progress import Meter
from parley.cli.servers import open_database, refuse_old_schema, shared_of
from parley.cli.settings import FILES, takes_settings
from parley.config import Settings, mask, variable_of
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.search import open_search
from parley.search.port import Filling, Renewable, Renewal, SearchIndex
from parley.telemetry.clock import Clock, SystemClock
from parley.telemetry.files import file_behind
from parley.telemetry.logs import configure_logs
from parley.telemetry.metrics import Metrics
from parley.workers.feed import Feed
from parley.workers.index import IndexFollower
from parley.workers.leased import LeasedJob
from parley.workers.runner import Runner
from parley.workers.tenure import Claimant

Cancel = Annotated[bool, Parameter(name="--cancel", negative="", help="Give up the new index that is being made.")]

POLL_S: Final = 0.5
STANDSTILL_S: Final = 60.0
"""A killed worker's lease runs out long before, and a slice takes a second or two."""

_STANDSTILL: Final = (
    f"nobody has put anything into the new search index for {STANDSTILL_S:.0f} s: look at the log lines of the worker "
    "with the job index; it goes on by itself, and this shows how far it is"
)


@takes_settings(*FILES, "search_batch_messages", "log_durability", "log_level", "log_format")
def reindex(settings: Settings, *, cancel: Cancel = False) -> int:
    """Make a new search index beside the present one, and let searches read it.

    Searches are answered all the time. The worker that feeds the index does it;
    where none runs, this command does. If this command is interrupted, the worker
    goes on, and the next call shows how far it is.

    Example: parley reindex
    """
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    if not cancel and file_behind(settings.database_url) is None:
        refuse_old_schema(settings)
    asyncio.run(_cancel(settings) if cancel else _reindex(settings))
    return 0


async def _reindex(settings: Settings) -> None:
    clock = SystemClock()
    async with _opened(settings) as (search, renewal):
        before = await renewal.searched()
        await renewal.ask()
        async with _feeding(settings, search, clock):
            took_s = await _watch(renewal, clock)
        if (searched := await renewal.searched()) is None:
            raise UnavailableError("the search index was emptied meanwhile, and is being made again by a worker")
        if searched == before:
            raise UnavailableError("the new search index was given up; the one before is searched")
        sys.stdout.write(f"a new index is searched, made in {took_s:.1f} s\n")


async def _cancel(settings: Settings) -> None:
    async with _opened(settings) as (_, renewal):
        given_up = await renewal.filling()
        await renewal.cancel()
    done = "no new index was being made" if given_up is None else f"a new index of {given_up.done:,} messages is gone"
    sys.stdout.write(f"{done}\n")


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[SearchIndex, Renewal]]:
    search = open_search(settings.search_url)
    try:
        if not isinstance(search, Renewable):
            raise ConfigurationError(
                f"{variable_of('search_url')} is {mask(settings.search_url)}, a file of one process: stop that, remove "
                f"{file_behind(settings.search_url)}, and it is made again at the next start"
            )
        await search.start()
        yield search, search.renewal
    finally:
        await search.close()


@asynccontextmanager
async def _feeding(settings: Settings, search: SearchIndex, clock: Clock) -> AsyncIterator[None]:
    """Feed the index whenever no worker does. An embedded database's own process alone can."""
    if file_behind(settings.database_url) is not None:
        yield
        return
    async with open_database(settings, clock) as database:
        owner = f"{socket.gethostname()}:reindex:{secrets.token_hex(4)}"
        feed = Feed(search, lambda _: None, lambda: None)
        batch_messages = settings.search_batch_messages
        follower = IndexFollower(database.changes, search, feed, clock, batch_messages=batch_messages)
        job = LeasedJob(follower, Claimant(shared_of(database).leases, owner, clock), Metrics())
        runner = Runner(job, jitter=random.random, on_failure=lambda _: None)
        runner.start()
        try:
            yield
        finally:
            await runner.stop()
            await job.close()


async def _watch(renewal: Renewal, clock: Clock) -> float:
    """Show how far the new index is until it is searched, or given up; give the seconds.

    Raises:
        UnavailableError: nobody does anything.
    """
    reached, moved_at = Filling(0, 0), clock.monotonic()
    with Meter("messages", None, clock.monotonic) as meter:
        while True:
            trouble = None
            try:
                filling = await renewal.filling()
            except UnavailableError as error:  # an engine that makes and deletes indexes has such moments
                filling, trouble = reached, error.detail
            if filling is None:
                return meter.elapsed_s
            if filling.done != reached.done:
                reached, moved_at = filling, clock.monotonic()
            meter.show(filling.done, filling.done, trouble, filling.total or None)
            if clock.monotonic() - moved_at > STANDSTILL_S:
                raise UnavailableError(trouble or _STANDSTILL)
            await asyncio.sleep(POLL_S)
