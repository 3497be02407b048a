"""Fills the disks that things are written to."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from tests.faults.disks import full
from tests.faults.embedded import EmbeddedSite
from tests.faults.run import Strike
from tests.faults.server import ServerSite
from tests.faults.stored import sqlite_rows
from tests.support.pace import hold_async

_FULL_S: Final = 5.0
_WRITE: Final = "CREATE DATABASE room; DROP DATABASE room"


async def fill_embedded(strike: Strike[EmbeddedSite]) -> None:
    """Leave the database's file no room: nothing is acknowledged that is not on the disk."""
    for _ in range(2):
        async with strike.load.volley(), strike.fault("disk full"):
            with full(strike.site.server.data_dir):
                await hold_async(_FULL_S)
        await strike.calm()
    told = sqlite_rows(strike.site.server.data_dir / "parley.db")("pragma integrity_check")
    if told != [("ok",)]:
        strike.wrong(f"the database is damaged: {told[:3]}")


async def fill_redis(strike: Strike[ServerSite]) -> None:
    """Leave the append-only file no room: Redis ends rather than acknowledge, and is started again."""
    async with strike.load.volley(), strike.fault("disk of redis full"):
        with full(strike.site.redis.folder):
            await hold_async(_FULL_S)
        assert not strike.site.redis.is_running(), "its disk was not full"
        await asyncio.to_thread(strike.site.heal)
    await strike.calm()


async def fill_mariadb(strike: Strike[ServerSite]) -> None:
    """Leave the tables no room: creates go on, and are stored once MariaDB writes again, which looks once a minute."""
    async with strike.load.volley(), strike.fault("disk of mariadb full"):
        with full(strike.site.mariadb.folder):
            await hold_async(_FULL_S)
        began = time.monotonic()
        await asyncio.to_thread(strike.site.mariadb.run_as_root, _WRITE)
        strike.told["looks_again_s"] = round(time.monotonic() - began, 1)
    await strike.calm()
