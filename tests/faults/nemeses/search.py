"""Harms OpenSearch: writing and reading go on, and searches say so."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.faults.nemeses import hanging
from tests.faults.run import Strike
from tests.faults.server import ServerSite

_HANGS_S: Final = 8.0


async def kill(strike: Strike[ServerSite]) -> None:
    """Kill it, and start it again."""
    async with strike.load.volley(), strike.fault("kill -9 of opensearch"):
        strike.site.opensearch.kill()
        await strike.go_on()
        await asyncio.to_thread(strike.site.opensearch.start)
    await strike.calm()


async def hang(strike: Strike[ServerSite]) -> None:
    """Stop it where it is, and let it go on."""
    await hanging.hang(strike, strike.site.opensearch, "opensearch", _HANGS_S)
