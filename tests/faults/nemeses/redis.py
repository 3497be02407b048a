"""Harms the log: Redis is killed, hangs, is emptied, put back, or full."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import Redis

from tests.faults.nemeses import hanging
from tests.faults.run import Strike
from tests.faults.server import ServerSite
from tests.support.old_states import put_back, take_snapshot
from tests.support.pace import hold_async

_KILLS: Final = 5
_DOWN_S: Final = 1.0
_AWAY_S: Final = 10.0


async def kill(strike: Strike[ServerSite]) -> None:
    """Kill it under a volley, and start it again: it has all that it answered."""
    redis, before = strike.site.redis, strike.load.unknown
    for _ in range(_KILLS):
        async with strike.load.volley(), strike.fault("kill -9 of redis"):
            redis.kill()
            await hold_async(_DOWN_S)
            await asyncio.to_thread(redis.start)
        await strike.calm()
    assert strike.load.unknown > before, "no kill met a create"


async def hang(strike: Strike[ServerSite]) -> None:
    """Stop it where it is for ten seconds."""
    await hanging.hang(strike, strike.site.redis, "redis", _AWAY_S)


async def fill(strike: Strike[ServerSite]) -> None:
    """Leave it no memory: it refuses writes, and gives up nothing that it has."""
    async with strike.load.volley(), strike.fault("maxmemory"):
        _set(strike.site, "maxmemory", "1")
        await hold_async(_AWAY_S)
        _set(strike.site, "maxmemory", "0")
    await strike.calm()


async def flush(strike: Strike[ServerSite]) -> None:
    """Empty it under a volley, and once more in a pause."""
    async with strike.load.volley(), strike.fault("FLUSHALL"):
        _empty(strike.site)
        await strike.go_on()
    await strike.calm()
    async with strike.fault("FLUSHALL in a pause"):
        async with strike.load.pausing():
            _empty(strike.site)
        await strike.go_on()
    await strike.calm()


async def put_back_old(strike: Strike[ServerSite]) -> None:
    """Put back what it was a while ago, as a careless restore does."""
    redis = strike.site.redis
    snapshot = await asyncio.to_thread(take_snapshot, redis)
    await strike.calm()
    before = strike.load.unknown
    async with strike.load.volley(), strike.fault("old state of redis"):
        redis.kill()
        await asyncio.to_thread(put_back, redis, snapshot)
        await asyncio.to_thread(redis.start)
    await strike.calm()
    assert strike.load.unknown > before, "the kill met no create"


def _empty(site: ServerSite) -> None:
    with _asking(site) as client:
        client.flushall()


@contextmanager
def _asking(site: ServerSite) -> Iterator[Redis]:
    with Redis(port=site.redis.port) as client:
        yield client


def _set(site: ServerSite, name: str, value: str) -> None:
    with _asking(site) as client:
        client.config_set(name, value)
