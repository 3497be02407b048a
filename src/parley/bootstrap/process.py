"""One process from its start to its end: what it is made of, in which order, and how it stops."""

from __future__ import annotations

import asyncio
import gc
import secrets
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from importlib.metadata import version
from typing import Final, NamedTuple

from parley.bootstrap.ports import Ports, open_ports
from parley.bootstrap.reading import Reading, build_reading
from parley.bootstrap.reporting import Report
from parley.bootstrap.serving import build_creates, build_front, build_full, build_lean, limits_of
from parley.bootstrap.sockets import Sockets
from parley.bootstrap.working import Working, build_working
from parley.bootstrap.writing import Writing, build_writing
from parley.config import Settings
from parley.domain.errors import ParleyError
from parley.domain.events import Entry
from parley.domain.numbering import Outcome
from parley.http.asgi import AsgiBridge
from parley.http.counting import RequestCounts
from parley.http.health import ESSENTIAL, Health, ProbeRoutes
from parley.http.wire.listener import Listener
from parley.http.wire.request import numbered_ids
from parley.http.write.service import ProbeService
from parley.telemetry.clock import Clock, SystemClock
from parley.telemetry.exposition import Exposition
from parley.telemetry.files import watch_files
from parley.telemetry.metrics import Metrics

_PAGES_AT_ONCE: Final = 1
"""Pages are large: one client of the full API gets its pipelined answers made one after the other."""

_INDEX_HEAD_START_S: Final = 0.5
"""A small index, as a new one, is complete before the first search."""

_LAST_PROBE_S: Final = 1.0

_GC_THRESHOLD: Final = 50_000
"""Requests make few cycles: looking for them every 700 objects took 8 % of the loop's time."""


class Roles(NamedTuple):
    """What one process does."""

    api: bool = False
    write: bool = False
    jobs: tuple[str, ...] = ()
    """Of the workers: some of `parley.config.JOBS`."""

    @property
    def needed(self) -> tuple[str, ...]:
        """What this process cannot do its job without: creates need the log alone, reads the database."""
        needed = (*(("database",) if self.api else ()), *(("log",) if self.write else ()))
        return needed or ESSENTIAL


async def run(
    settings: Settings, roles: Roles, sockets: Sockets, announce: Callable[[], None], stop: asyncio.Event
) -> None:
    """Play ``roles`` on ``sockets`` until ``stop`` is set, then finish what is in flight.

    ``announce`` is called once, when requests are answered.

    Raises:
        ConfigurationError: a port cannot be opened as configured; nothing was changed.
    """
    async with AsyncExitStack() as stack:
        clock, metrics = SystemClock(), Metrics()
        ports = await stack.enter_async_context(open_ports(settings, clock))
        working = await build_working(settings, roles.jobs, ports, clock, metrics)
        process = _Process(settings, roles, ports, working, (clock, metrics))
        await process.start(stack, stop)
        bridges = await process.serve(sockets)
        await process.settle_down()
        announce()
        await stop.wait()
        drain_until = clock.monotonic() + settings.drain_timeout_s
        await process.listener.drain(settings.drain_timeout_s)
        for bridge in bridges:
            await bridge.drain(max(0, drain_until - clock.monotonic()))
        await process.probing.drain(_LAST_PROBE_S)


class _Process:
    """What one process is made of, in the order in which it is made."""

    def __init__(
        self, settings: Settings, roles: Roles, ports: Ports, working: Working, telemetry: tuple[Clock, Metrics]
    ) -> None:
        self._settings = settings
        self._roles = roles
        self._ports = ports
        self._clock, self._metrics = clock, metrics = telemetry
        self._working = working
        self._reading: Reading | None = None
        self._writing: Writing | None = None
        limits, ids = limits_of(settings), numbered_ids(secrets.token_hex(6))
        self.listener = Listener(limits, clock, ids, metrics.connections_refused.add)
        self.probing = Listener(limits, clock, ids, metrics.connections_refused.add)
        """Of the admin socket alone: it answers to the end, so that what is counted last is read too."""
        self._health: Health

    async def start(self, stack: AsyncExitStack, stop: asyncio.Event) -> None:
        """Start the workers, the follower and the batcher; they end with ``stack``, in the opposite order."""
        settings, ports, clock, metrics = self._settings, self._ports, self._clock, self._metrics
        self._working.start()
        stack.push_async_callback(self._working.stop)
        if self._roles.api:
            self._reading = await build_reading(settings, ports, clock, metrics, stack)
        if self._roles.api or self._roles.write:
            self._writing = build_writing(settings, ports, clock, metrics, self._on_appended)
            stack.push_async_callback(self._writing.batcher.drained)
        report = Report(ports, self._working, self._reading, self._writing, stop)
        self._health = Health(report.reports(metrics, self._roles.needed), clock, Exposition(metrics))
        metrics.connections.watch(lambda: self.listener.connections)
        metrics.info.child(version("parley")).value = 1
        watch_files(metrics, settings.data_dir, {"database": settings.database_url, "index": settings.search_url})

    async def serve(self, sockets: Sockets) -> list[AsgiBridge]:
        """Answer on the sockets; give what else has to be drained at the end."""
        bridges = []
        if self._writing is not None and self._reading is not None and sockets.api is not None:
            bridges.append(build_full(self._settings, self._ports, self._reading, self._writing, self._health))
            creates = build_creates(self._ports, self._writing)
            front = build_front(self._settings, self._settings.api_bind, creates, bridges[0])
            counts = RequestCounts(self._metrics, "api")
            await self.listener.serve(sockets.api, front, at_once=_PAGES_AT_ONCE, observe=counts)
        if self._writing is not None and sockets.write is not None:
            api_port = None if sockets.api is None else sockets.api.getsockname()[1]
            lean = build_lean(self._settings, self._health, api_port)
            creates = build_creates(self._ports, self._writing)
            front = build_front(self._settings, self._settings.write_bind, creates, lean)
            await self.listener.serve(sockets.write, front, observe=RequestCounts(self._metrics, "write"))
        if sockets.admin is not None:
            await self.probing.serve(sockets.admin, ProbeService(ProbeRoutes(self._health).applications()))
        return bridges

    async def settle_down(self) -> None:
        """Let a small index become complete, and spare the collector what was made at the start."""
        follower = self._working.feeding()
        if follower is not None:
            with suppress(TimeoutError):  # a long rebuild goes on beside the requests
                await asyncio.wait_for(follower.caught_up(), _INDEX_HEAD_START_S)
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD)

    def _on_appended(self, entries: Sequence[Entry], results: Sequence[Outcome | ParleyError]) -> None:
        if self._reading is not None:
            self._reading.on_appended(entries, results)
        self._working.notify()
