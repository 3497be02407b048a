"""How far a loop is: a bar on a terminal, one line anywhere else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Final

from parley.cli.progress import open_bar

if TYPE_CHECKING:
    from rich.progress import Progress

_EVERY_S: Final = 0.5
"""Drawing takes half a millisecond in which nothing is sent: at this pace one request in a thousand may feel it."""


@asynccontextmanager
async def progress(what: str, seconds: float, answered: Callable[[], int]) -> AsyncIterator[None]:
    """Show on stderr how much of the time has passed, and the rate so far."""
    if not sys.stderr.isatty():
        sys.stderr.write(f"parley: {what}, {seconds:g} s\n")
        yield
        return
    with open_bar() as bar:
        drawing = asyncio.get_running_loop().create_task(_draw(bar, what, seconds, answered))
        try:
            yield
        finally:
            drawing.cancel()


async def _draw(bar: Progress, what: str, seconds: float, answered: Callable[[], int]) -> None:
    began = perf_counter()
    task = bar.add_task("", total=seconds, text="")
    while True:
        passed = max(perf_counter() - began, 0.001)
        bar.update(task, completed=passed, text=f"s, {what}, {answered() / passed:,.0f} answers/s", refresh=True)
        await asyncio.sleep(_EVERY_S)
