"""Lets a server hang: it is there, its connections stay open, and it answers nobody."""

from __future__ import annotations

import asyncio

from tests.faults.run import Strike
from tests.faults.server import ServerSite
from tests.support.engines.process import Engine
from tests.support.pace import hold_async


async def hang(strike: Strike[ServerSite], server: Engine, name: str, for_s: float) -> None:
    """Stop it where it is under a volley, and let it go on after ``for_s`` seconds."""
    async with strike.load.volley(), strike.fault(f"SIGSTOP of {name}"):
        await asyncio.to_thread(server.pause)
        await hold_async(for_s)
        server.resume()
    await strike.calm()
