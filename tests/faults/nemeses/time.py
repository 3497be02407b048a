"""Moves clocks, and delivers what was delivered already."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.faults.run import Strike
from tests.faults.server import ServerSite
from tests.faults.site import Site

_HOUR_MS: Final = 3_600_000
TEN_MINUTES_MS: Final = 600_000
_DELIVERED: Final = 500
_JUMPS_MS: Final = (_HOUR_MS, -_HOUR_MS, 0, -1_000, 0)


async def jump(strike: Strike[Site]) -> None:
    """Have the wall clock of every process jump an hour ahead, an hour back, and repeat a second."""
    for offset_ms in _JUMPS_MS:
        async with strike.load.volley(), strike.fault(f"clock {offset_ms:+} ms"):
            strike.site.clock.write_text(str(offset_ms))
            await strike.load.acknowledge(100)
        await strike.calm()


async def deliver_twice(strike: Strike[ServerSite]) -> None:
    """Let the load go on: every batch is delivered again at once, and an old one with it, later one of minutes ago."""
    deliveries = strike.site.deliveries
    for file in deliveries.iterdir():  # of the runs before on this site
        file.unlink()
    async with strike.fault("double delivery"):
        await strike.load.acknowledge(_DELIVERED)
        strike.site.clock.write_text(str(TEN_MINUTES_MS))
        await strike.load.acknowledge(_DELIVERED)
    strike.site.clock.write_text("0")
    refused = {kind: _size(deliveries, kind) for kind in ("soon", "late")}
    if list(deliveries.glob("taken-*")):
        strike.wrong("a second delivery was stored")
    else:
        assert all(refused.values()), f"not every kind was delivered twice: {refused}"
    strike.told["refused_deliveries"], strike.told["refused_late"] = refused["soon"], refused["late"]
    await strike.calm()


def _size(deliveries: Path, kind: str) -> int:
    return sum(file.stat().st_size for file in deliveries.glob(f"{kind}-*"))
