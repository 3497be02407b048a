"""Time as an input: how fast a client sends, how long a fault lasts. Never a wait for something to be done."""

from __future__ import annotations

import asyncio
import time


def hold(seconds: float) -> None:
    """Let time pass, because that is what is tested."""
    time.sleep(seconds)


async def hold_async(seconds: float) -> None:
    """Let time pass, because that is what is tested."""
    await asyncio.sleep(seconds)
