"""The read path: over the database alone, or with what a log of its own has and the database has not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from parley.bootstrap.ports import Beside, Ports
from parley.config import Settings
from parley.domain.errors import ParleyError
from parley.domain.events import Entry
from parley.domain.numbering import Outcome
from parley.http.v1.schemas import encode_message
from parley.queries.caught_up import CaughtUp
from parley.queries.following import Follower
from parley.queries.overlaid import Overlaid
from parley.queries.reads import Reads
from parley.queries.search import Search
from parley.queries.tail import Tail
from parley.queries.unstored import Unstored
from parley.storage.port import Storage
from parley.telemetry.clock import Clock
from parley.telemetry.metrics import Metrics


class Reading(NamedTuple):
    """What reads, and who hears of appends and of deleted applications to keep up."""

    storage: Storage
    """As readers need it: with everything that was acknowledged."""
    reads: Reads
    search: Search
    on_appended: Callable[[Sequence[Entry], Sequence[Outcome | ParleyError]], None]
    on_deleted: Callable[[str], None]


async def build_reading(
    settings: Settings, ports: Ports, clock: Clock, metrics: Metrics, stack: AsyncExitStack
) -> Reading:
    """Wire the read path; a follower of the log ends with ``stack``."""
    tail = Tail(encode_message, settings.tail_max_bytes, metrics.tail_pages.add)
    metrics.tail_bytes.watch(lambda: tail.bytes)
    storage, follower = ports.storage.storage, None
    if ports.beside is not None:
        follower, storage = await _follow(settings, ports, ports.beside, tail, clock, metrics, stack)
    reads = Reads(ports.storage.tenants, storage, tail, follower)
    hears = tail.follow if follower is None else _hear_nothing
    return Reading(storage, reads, Search(storage, ports.search), hears, tail.forget)


async def _follow(  # noqa: PLR0913, PLR0917 - wiring
    settings: Settings,
    ports: Ports,
    beside: Beside,
    tail: Tail,
    clock: Clock,
    metrics: Metrics,
    stack: AsyncExitStack,
) -> tuple[Follower, Storage]:
    unstored = Unstored(settings.tail_max_bytes // 4)
    metrics.unstored_events.watch(lambda: len(unstored))
    scopes, stream = beside.database.scopes, beside.log.stream
    follower = Follower(stream, scopes, unstored, clock, tail.take)
    partitions = await follower.start()
    stop = asyncio.Event()
    following = asyncio.create_task(follower.follow(stop), name="follower")

    async def end() -> None:
        stop.set()
        await following

    stack.push_async_callback(end)
    return follower, CaughtUp(follower, Overlaid(ports.storage.storage, unstored, stream, partitions))


def _hear_nothing(entries: Sequence[Entry], results: Sequence[Outcome | ParleyError]) -> None:
    """Do nothing: the follower hears of every append, also of this process's own."""
    del entries, results
