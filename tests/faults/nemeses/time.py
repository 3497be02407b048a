"""Moves clocks, and delivers what was delivered already."""

from __future__ import annotations

from typing import Final

from tests.faults.run import Strike
from tests.faults.server import ServerSite
from tests.faults.site import Site

_HOUR_MS: Final = 3_600_000
_JUMPS_MS: Final = (_HOUR_MS, -_HOUR_MS, 0, -1_000, 0)


async def jump(strike: Strike[Site]) -> None:
    """Have the wall clock of every process jump an hour ahead, an hour back, and repeat a second."""
    for offset_ms in _JUMPS_MS:
        async with strike.load.volley(), strike.fault(f"clock {offset_ms:+} ms"):
            strike.site.clock.write_text(str(offset_ms))
            await strike.load.acknowledge(100)
        await strike.calm()


async def deliver_twice(strike: Strike[ServerSite]) -> None:
    """Let the load go on: every batch is delivered again at once, and an old one with it."""
    async with strike.fault("double delivery"):
        await strike.load.acknowledge(1_000)
    refused = sum(file.stat().st_size for file in strike.site.deliveries.glob("refused-*"))
    taken = list(strike.site.deliveries.glob("taken-*"))
    assert refused or taken, "nothing was delivered twice"
    if taken:
        strike.wrong("a second delivery was stored")
    strike.told["refused_deliveries"] = refused
