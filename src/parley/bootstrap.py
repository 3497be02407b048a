"""The only wiring: settings → opened ports → use cases → services and workers."""

from __future__ import annotations

import asyncio
import gc
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version
from typing import Final, NamedTuple, cast

from parley.config import Settings, refuse_public_bind, variable_of
from parley.domain.binds import parse_bind
from parley.domain.errors import ParleyError
from parley.domain.events import Entry
from parley.domain.numbering import Outcome
from parley.http.asgi import AsgiApplication, AsgiBridge
from parley.http.auth import Access
from parley.http.cors import Cors
from parley.http.counting import RequestCounts
from parley.http.creates import Creates
from parley.http.front import Application, Front
from parley.http.health import Check, Health, ProbeRoutes, Reports
from parley.http.services import Services
from parley.http.v1.app import build_app
from parley.http.v1.schemas import encode_message
from parley.http.wire.limits import Limits
from parley.http.wire.listener import Listener, bind
from parley.http.wire.request import numbered_ids
from parley.http.write.routes import CreateRoutes
from parley.http.write.service import WriteService
from parley.ingest.admission import Admission, DepthBound
from parley.ingest.applications import ApplicationWrites
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.ingest.chats import ChatWrites
from parley.ingest.messages import MessageWrites
from parley.ingest.parents import Parents
from parley.ingest.writes import Writes
from parley.log import ADAPTERS as LOGS
from parley.log import open_log
from parley.log.port import Log
from parley.opening import load_opener
from parley.pubsub import ADAPTERS as PUBSUBS
from parley.queries.reads import Reads
from parley.queries.search import Search
from parley.queries.tail import Tail
from parley.search import ADAPTERS as INDEXES
from parley.search import open_search
from parley.search.port import SearchIndex
from parley.storage import ADAPTERS as STORAGES
from parley.storage import open_storage
from parley.storage.port import Opened, Opening
from parley.telemetry.appends import AppendCounts
from parley.telemetry.clock import Clock, SystemClock
from parley.telemetry.exposition import Exposition
from parley.telemetry.files import watch_files
from parley.telemetry.metrics import Metrics
from parley.workers.erase import EraseJob
from parley.workers.feed import Feed
from parley.workers.index import IndexFollower
from parley.workers.reconcile import ReconcileJob
from parley.workers.runner import Job, Runner

_PAGES_AT_ONCE: Final = 1
"""Pages are large: one client of the full API gets its pipelined answers made one after the other."""

_ADAPTERS: Final = {"database_url": STORAGES, "log_url": LOGS, "search_url": INDEXES, "pubsub_url": PUBSUBS}
"""Asked for before the first file is made, so that a wrong URL changes nothing."""

_INDEX_HEAD_START_S: Final = 0.5
"""A small index, as a new one, is complete before the first search."""

_INDEX_GATHER_S: Final = 0.05
"""What is stored within this time is indexed together: many small index commits would cost the creates."""

_LAG_TOLD_MS: Final = 2_000
_GC_THRESHOLD: Final = 50_000
"""Requests make few cycles: looking for them every 700 objects took 8 % of the loop's time."""


_Follow = Callable[[Sequence[Entry], Sequence[Outcome | ParleyError]], None]


class Sockets(NamedTuple):
    """The ports of both services, taken before anything else is touched."""

    api: socket.socket
    write: socket.socket

    @classmethod
    def take(cls, settings: Settings) -> Sockets:
        """Take both ports.

        Raises:
            ConfigurationError: one is in use, or must not be listened on like this.
        """
        refuse_public_bind(settings)
        api = bind(*parse_bind(settings.api_bind))
        try:
            return cls(api, bind(*parse_bind(settings.write_bind)))
        except BaseException:
            api.close()
            raise

    def close(self) -> None:
        """Give both back."""
        self.api.close()
        self.write.close()


class _Ports(NamedTuple):
    """Every adapter, opened by its URL."""

    storage: Opened
    log: Log
    search: SearchIndex


class _Workers(NamedTuple):
    """The jobs of this process."""

    follower: IndexFollower
    runners: tuple[Runner, ...]

    def start(self) -> None:
        for runner in self.runners:
            runner.start()

    def notify(self) -> None:
        """Wake the follower: something was stored."""
        self.runners[0].notify()

    async def stop(self) -> None:
        await asyncio.gather(*(runner.stop() for runner in self.runners))


async def serve(settings: Settings, sockets: Sockets, announce: Callable[[], None], stop: asyncio.Event) -> None:
    """Run both services and the workers until ``stop`` is set, then finish what is in flight.

    ``announce`` is called once, when requests are answered.

    Raises:
        ConfigurationError: a port cannot be opened as configured; nothing was changed.
    """
    clock, metrics = SystemClock(), Metrics()
    async with AsyncExitStack() as stack:
        ports = await stack.enter_async_context(_open_ports(settings, clock))
        workers = _build_workers(settings, ports, clock, metrics)
        tail = Tail(encode_message, settings.tail_max_bytes, metrics.tail_pages.add)
        metrics.tail_bytes.watch(lambda: tail.bytes)

        def follow(entries: Sequence[Entry], results: Sequence[Outcome | ParleyError]) -> None:
            tail.follow(entries, results)
            workers.notify()

        batcher = _build_batcher(settings, ports.log, clock, metrics, follow)
        writes = _build_writes(settings, ports, batcher)
        health = Health(_build_reports(ports, writes, workers, metrics, stop), clock, Exposition(metrics))
        services = _build_services(settings, ports, writes, tail, health)
        new_id = numbered_ids(secrets.token_hex(6))
        listener = Listener(_limits(settings), clock, new_id, metrics.connections_refused.add)
        metrics.connections.watch(lambda: listener.connections)
        metrics.info.child(version("parley")).value = 1
        watch_files(metrics, settings.data_dir, {"database": settings.database_url, "index": settings.search_url})
        bridge = AsgiBridge(cast("AsgiApplication", build_app(services)))
        workers.start()
        stack.push_async_callback(workers.stop)
        stack.push_async_callback(batcher.drained)
        full, lean = _applications(settings, sockets, services, health, bridge)
        await listener.serve(sockets.api, full, at_once=_PAGES_AT_ONCE, observe=RequestCounts(metrics, "api"))
        await listener.serve(sockets.write, lean, observe=RequestCounts(metrics, "write"))
        with suppress(TimeoutError):  # a long rebuild goes on beside the requests
            await asyncio.wait_for(workers.follower.caught_up(), _INDEX_HEAD_START_S)
        _settle_down()
        announce()
        await stop.wait()
        drain_until = clock.monotonic() + settings.drain_timeout_s
        await listener.drain(settings.drain_timeout_s)
        await bridge.drain(max(0, drain_until - clock.monotonic()))


@asynccontextmanager
async def _open_ports(settings: Settings, clock: Clock) -> AsyncIterator[_Ports]:
    for name, adapters in _ADAPTERS.items():
        load_opener(getattr(settings, name), adapters, variable_of(name))
    storage = open_storage(settings.database_url, opening(settings, clock))
    try:
        log = open_log(settings.log_url, inline=storage.inline, clock=clock)
        index = open_search(settings.search_url)
        try:
            yield _Ports(storage, log, index)
        finally:
            index.close()
    finally:
        storage.close()


def opening(settings: Settings, clock: Clock) -> Opening:
    """Give what a storage needs besides its URL."""
    return Opening(
        clock=clock,
        new_token=lambda: secrets.token_hex(16),
        partitions=settings.partitions,
        key_ttl_s=settings.key_ttl_s,
        readers=settings.readers,
        scan_max_messages=settings.scan_max_messages,
        scan_max_s=settings.scan_max_s,
        accepts_relaxed=settings.log_durability == "relaxed",
    )


def _build_workers(settings: Settings, ports: _Ports, clock: Clock, metrics: Metrics) -> _Workers:
    follower = IndexFollower(
        ports.storage.changes,
        Feed(ports.search, metrics.index_documents.add, metrics.index_refused.add),
        clock,
        batch_messages=settings.search_batch_messages,
    )
    erase = EraseJob(ports.storage.erasure, clock, metrics.erased_rows.add)
    swept = metrics.expired_keys.add
    reconcile = ReconcileJob(ports.storage.erasure, clock, key_ttl_s=settings.key_ttl_s, on_swept=swept)
    failures = {job.name: metrics.worker_failures.child(job.name) for job in (follower, erase, reconcile)}

    def run(job: Job, gather_s: float = 0) -> Runner:
        return Runner(job, jitter=random.random, on_failure=lambda name: failures[name].add(), gather_s=gather_s)

    return _Workers(follower, (run(follower, _INDEX_GATHER_S), run(erase), run(reconcile)))


def _build_batcher(settings: Settings, log: Log, clock: Clock, metrics: Metrics, follow: _Follow) -> Batcher:
    counts = AppendCounts(metrics)

    def observe(entries: Sequence[Entry], results: Sequence[Outcome | ParleyError], seconds: float) -> None:
        counts(results, seconds)
        follow(entries, results)

    limits = BatchLimits(settings.append_max_entries, settings.append_max_bytes)
    batcher = Batcher(log, limits, clock, observe)
    metrics.waiting_messages.watch(lambda: batcher.waiting)
    metrics.waiting_bytes.watch(lambda: batcher.waiting_bytes)
    metrics.depth_messages.watch(log.depth)
    return batcher


def _build_writes(settings: Settings, ports: _Ports, batcher: Batcher) -> Writes:
    bound = DepthBound(settings.depth_max_messages, settings.depth_max_bytes)
    admission = Admission(ports.log, batcher, bound)
    return Writes(ports.log, admission, Parents(ports.storage.storage), batcher, settings.answer_timeout_s)


def _build_services(settings: Settings, ports: _Ports, writes: Writes, tail: Tail, health: Health) -> Services:
    storage, token = ports.storage, settings.admin_token
    chats, messages = ChatWrites(writes, storage.storage), MessageWrites(writes, storage.storage)
    return Services(
        access=Access(None if token is None else token.get_secret_value()),
        reads=Reads(storage.tenants, storage.storage, tail),
        search=Search(storage.storage, ports.search),
        writes=writes,
        applications=ApplicationWrites(storage.tenants, ports.log, writes.parents, tail.forget),
        chats=chats,
        messages=messages,
        creates=Creates(writes, chats, messages),
        probes=health.pages(),
    )


def _build_reports(ports: _Ports, writes: Writes, workers: _Workers, metrics: Metrics, stop: asyncio.Event) -> Reports:
    async def look_at_workers() -> str | None:
        failing = [f"{runner.name}: {runner.status.error}" for runner in workers.runners if runner.status.failures]
        return "; ".join(failing) or None

    async def look_at_search() -> str | None:
        await ports.search.ping()
        if workers.follower.rebuilding:
            return "The index is being built again"
        lag_ms = await workers.follower.lag_ms()
        return f"The index is {lag_ms / 1000:.1f} s behind" if lag_ms > _LAG_TOLD_MS else None

    async def lag_ms() -> float:
        return float(await workers.follower.lag_ms())

    metrics.index_rebuilding.watch(lambda: float(workers.follower.rebuilding))
    checks: dict[str, Check] = {
        "database": ports.storage.storage.ping,
        "log": ports.log.ping,
        "search": look_at_search,
        "workers": look_at_workers,
    }
    return Reports(
        checks,
        drawbacks=lambda: ["writes are answered before they are synced"] if ports.log.durability == "relaxed" else [],
        refusals=lambda: [*(["stopping"] if stop.is_set() else []), *writes.admission.refusals()],
        gauges={metrics.index_lag_ms: lag_ms},
    )


def _applications(
    settings: Settings, sockets: Sockets, services: Services, health: Health, bridge: AsgiBridge
) -> tuple[Front, Front]:
    """Give what answers the full API's port and the write service's."""
    lean = WriteService(ProbeRoutes(health).applications(), sockets.api.getsockname()[1])
    full = cast("Application", bridge)  # every exchange is the wire's own request
    return (
        Front(CreateRoutes(services.creates, full), _cors(settings, settings.api_bind)),
        Front(CreateRoutes(services.creates, lean), _cors(settings, settings.write_bind)),
    )


def _cors(settings: Settings, bound: str) -> Cors:
    origins = [origin for origin in settings.cors_origins.split(",") if origin]
    return Cors(origins, is_loopback=parse_bind(bound).is_loopback)


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_line_bytes=settings.max_request_line_bytes,
        max_header_bytes=settings.max_header_bytes,
        max_body_bytes=settings.max_body_bytes,
        header_timeout_s=settings.header_timeout_s,
        body_timeout_s=settings.body_timeout_s,
        keep_alive_timeout_s=settings.keep_alive_timeout_s,
        write_timeout_s=settings.write_timeout_s,
        max_connections=settings.max_connections,
        max_pipelined=settings.max_pipelined,
        max_held_bytes=settings.max_held_bytes,
    )


def _settle_down() -> None:
    """Spare the collector what was made at the start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
