"""Harms what lies between the parts: ways are cut, slow or silent, answers get lost."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from typing import Final

from tests.faults.run import Strike
from tests.faults.server import DATABASE, LOG, LONELY, LONELY_WORKER, ServerSite
from tests.faults.site import Site
from tests.support.pace import hold_async

_LASTS_S: Final = 8.0
_RELIEVED_S: Final = 20.0
"""A worker hands back what it cannot do after 6 s, and within two beats another has taken it over."""
_OK: Final = 200
_SLOW_MS: Final = 200
_EVERY: Final = 10
_ANSWERED: Final = 1_000


async def lose_answers(strike: Strike[Site]) -> None:
    """Cut every tenth answer of each service: the write is done, and its client must ask again."""
    before = strike.load.unknown
    async with strike.fault("every tenth answer lost"):
        for swallower in strike.swallowers:
            swallower.every = _EVERY
        async with strike.load.volley():
            await strike.load.acknowledge(_ANSWERED)
        for swallower in strike.swallowers:
            swallower.every = 0
    strike.told["swallowed"] = sum(swallower.swallowed for swallower in strike.swallowers)
    assert strike.load.unknown > before


async def cut_one_off(strike: Strike[ServerSite]) -> None:
    """Cut one write process off the log: it says so, and the others go on."""
    async with strike.load.volley(), strike.fault("one writer cut off the log"):
        with strike.site.ways.cut(LONELY):
            await hold_async(_LASTS_S)
            status, _ = await asyncio.to_thread(strike.site.writers[-1].ready)
            if status == _OK:
                strike.wrong("a writer that is cut off says that it is ready")
    await strike.calm()


async def cut_worker_off(strike: Strike[ServerSite]) -> None:
    """Cut one worker off the log: another does its work while that lasts, and the log numbers again."""
    async with strike.load.volley(), strike.fault("one worker cut off the log"):
        with strike.site.ways.cut(LONELY_WORKER):
            await hold_async(_RELIEVED_S)
            if (modes := await asyncio.to_thread(strike.site.modes)) != {"log"}:
                strike.wrong(f"a worker is cut off, and nobody has relieved it: {', '.join(sorted(modes))}")
    await strike.calm()


async def slow_log(strike: Strike[ServerSite]) -> None:
    """Have Redis answer 200 ms later."""
    await _during(strike, strike.site.ways.slow(LOG, _SLOW_MS), "log 200 ms slower")


async def slow_database(strike: Strike[ServerSite]) -> None:
    """Have MariaDB answer 200 ms later."""
    await _during(strike, strike.site.ways.slow(DATABASE, _SLOW_MS), "database 200 ms slower")


async def silent_log(strike: Strike[ServerSite]) -> None:
    """Have Redis take everything and answer nothing."""
    await _during(strike, strike.site.ways.silent(LOG), "log silent")


async def _during(strike: Strike[ServerSite], harm: AbstractContextManager[None], name: str) -> None:
    async with strike.load.volley(), strike.fault(name):
        with harm:
            await hold_async(_LASTS_S)
    await strike.calm()
