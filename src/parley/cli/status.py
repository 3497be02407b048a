"""``parley status``: how a deployment is at present, partition by partition."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.live import Live

from parley.cli.overview.deployment import Deployment
from parley.cli.overview.embedded import look_embedded
from parley.cli.overview.shown import show
from parley.cli.overview.state import State
from parley.cli.settings import FILES, takes_settings
from parley.config import Settings
from parley.telemetry.clock import SystemClock
from parley.telemetry.files import file_behind
from parley.telemetry.logs import configure_logs

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of a table.")]
Watch = Annotated[bool, Parameter(name="--watch", negative="", help="Look again every second, until Ctrl-C.")]

Look = Callable[[], Awaitable[State]]

_EVERY_S: Final = 1.0
_WIDEST: Final = 10_000


@takes_settings(*FILES, "log_url", "partitions", "log_level", "log_format")
def status(settings: Settings, *, as_json: Json = False, watch: Watch = False) -> int:
    """Show epoch, lease, position, lag and depth of every partition, and what is away.

    Changes nothing, and works while servers are away. Ends with 1 if one is, or if
    nobody stores a partition; --watch ends with 0. With --json each look is a line.

    Example: parley status --watch
    """
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    try:
        return asyncio.run(_status(settings, _print_json if as_json else None, watch=watch))
    except KeyboardInterrupt:
        if watch:
            return 0
        raise


async def _status(settings: Settings, tell: Callable[[State], None] | None, *, watch: bool) -> int:
    async with _looking(settings) as look:
        if not watch:
            state = await look()
            (tell or _print_table)(state)
            return 0 if state.ok else 1
        await (_redraw(look) if tell is None and sys.stdout.isatty() else _repeat(look, tell or _print_table))
        return 0


@asynccontextmanager
async def _looking(settings: Settings) -> AsyncIterator[Look]:
    clock = SystemClock()
    if file_behind(settings.database_url) is not None:
        yield lambda: asyncio.to_thread(look_embedded, settings, clock)
        return
    deployment = Deployment(settings, clock)
    try:
        yield deployment.look
    finally:
        await deployment.close()


async def _redraw(look: Look) -> None:
    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            live.update(show(await look(), narrow=True), refresh=True)
            await asyncio.sleep(_EVERY_S)


async def _repeat(look: Look, tell: Callable[[State], None]) -> None:
    while True:
        tell(await look())
        sys.stdout.flush()
        await asyncio.sleep(_EVERY_S)


def _print_json(state: State) -> None:
    sys.stdout.write(f"{msgspec.json.encode(state).decode()}\n")


def _print_table(state: State) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDEST
    console.print(show(state, narrow=console.is_terminal))
