"""What probes are told: health, readiness and metrics, the same on both ports."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import msgspec
import structlog

from parley.domain.errors import ParleyError
from parley.http.exchange import Exchange
from parley.http.problems import refuse
from parley.http.times import format_time
from parley.http.v1.checks import check_read
from parley.telemetry.clock import Clock
from parley.telemetry.exposition import CONTENT_TYPE, Exposition
from parley.telemetry.instruments import Gauge

ESSENTIAL: Final = ("database", "log")
"""Without these something essential cannot be done; without the others all is done with a drawback."""

TIMEOUT_S: Final = 2.0

Check = Callable[[], Awaitable[str | None]]
"""Looks at a dependency: nothing when it is fine, a sentence when it works with a drawback, raises when it is away."""

Reasons = Callable[[], Sequence[str]]
"""Gives sentences, none when all is well; never blocks."""

Page = tuple[int, bytes, bytes]
"""Status, content type and body."""

_JSON: Final = b"application/json"
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)


class Reports(NamedTuple):
    """What bootstrap gives to ask: of the ports, the use cases and the workers."""

    checks: Mapping[str, Check]
    """One for each of database, log, search and workers."""
    refusals: Reasons = tuple
    """Further reasons why this process cannot do its job, as that it is stopping."""
    drawbacks: Reasons = tuple
    """What it does its job in spite of, besides what the checks say."""
    gauges: Mapping[Gauge, Callable[[], Awaitable[float]]] = MappingProxyType({})
    """Read before each scrape."""
    needed: Sequence[str] = ESSENTIAL
    """Without which of the dependencies this process cannot do its job."""
    spared: Reasons = tuple
    """Which of them it can do without at present, for another does it in their place."""


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one dependency."""

    status: Literal["healthy", "degraded", "unhealthy"]
    latency_ms: float
    message: str | None = None


class Health:
    """Looks at the dependencies when asked, all at once, and never longer than `TIMEOUT_S`."""

    def __init__(self, reports: Reports, clock: Clock, exposition: Exposition) -> None:
        """Ask ``reports``; expose the metrics of ``exposition``."""
        self._reports = reports
        self._clock = clock
        self._exposition = exposition
        self._looks = {name: _Look(name, check, clock) for name, check in reports.checks.items()}
        self._gauges = {gauge: _Look("gauge", _setter(gauge, read), clock) for gauge, read in reports.gauges.items()}

    async def health(self) -> Page:
        """Give the live state of the dependencies: 503 when one that is essential is away."""
        parts = await self._look()
        is_away = any(parts[name].status == "unhealthy" for name in ESSENTIAL)
        is_fine = all(part.status == "healthy" for part in parts.values())
        body = {
            "status": "unhealthy" if is_away else "healthy" if is_fine else "degraded",
            "timestamp": format_time(self._clock.now_ms()),
            "services": parts,
        }
        return 503 if is_away else 200, _JSON, _encode(body)

    async def ready(self) -> Page:
        """Say whether this process can do its job: 503 with the reasons if it cannot."""
        parts = await self._look()
        spared = self._reports.spared()
        needed = [name for name in self._reports.needed if name not in spared]
        reasons = [_reason(name, parts[name]) for name in needed if parts[name].status == "unhealthy"]
        reasons += self._reports.refusals()
        degraded = [
            _reason(name, part)
            for name, part in parts.items()
            if part.status == "degraded" or (part.status == "unhealthy" and name not in needed)
        ]
        degraded += self._reports.drawbacks()
        body = {"ready": not reasons, "reasons": reasons, "degraded": degraded}
        return 503 if reasons else 200, _JSON, _encode(body)

    async def metrics(self) -> Page:
        """Give the metrics; a gauge that cannot be read says NaN."""
        parts = await asyncio.gather(*(look() for look in self._gauges.values()))
        for gauge, part in zip(self._gauges, parts, strict=True):
            if part.status != "healthy":
                gauge.value = math.nan
        return 200, CONTENT_TYPE, self._exposition.render()

    def pages(self) -> dict[str, Callable[[], Awaitable[Page]]]:
        """Give the pages by path."""
        return {"/health": self.health, "/ready": self.ready, "/metrics": self.metrics}

    async def _look(self) -> dict[str, Part]:
        parts = await asyncio.gather(*(look() for look in self._looks.values()))
        return dict(zip(self._looks, parts, strict=True))


class _Look:
    """One dependency. Those who ask while a check runs wait for that one, so checks never pile up."""

    def __init__(self, name: str, check: Check, clock: Clock) -> None:
        self._name = name
        self._check = check
        self._clock = clock
        self._running: asyncio.Task[Part] | None = None

    async def __call__(self) -> Part:
        running = self._running
        if running is None or running.done():
            running = self._running = asyncio.create_task(self._judge(), name=f"probe-{self._name}")
        done, _ = await asyncio.wait({running}, timeout=TIMEOUT_S)
        if done:
            return running.result()
        return Part("unhealthy", TIMEOUT_S * 1000, f"No answer within {TIMEOUT_S:g} s")

    async def _judge(self) -> Part:
        started = self._clock.monotonic()
        status: Literal["healthy", "degraded", "unhealthy"] = "unhealthy"
        try:
            message = await self._check()
            status = "healthy" if message is None else "degraded"
        except ParleyError as error:
            message = error.detail
        except Exception:  # noqa: BLE001 - whatever a check does, the others are told
            _log.exception("probe failed", probe=self._name)
            message = "The check itself failed"
        return Part(status, round((self._clock.monotonic() - started) * 1000, 3), message)


class ProbeRoutes:
    """The pages as applications of the write port; the full API has routes of its own for them."""

    def __init__(self, health: Health) -> None:
        """Answer with the pages of ``health``."""
        self._pages = health.pages()
        self._tasks: set[asyncio.Task[None]] = set()

    def applications(self) -> dict[str, Callable[[Exchange], None]]:
        """Give an application for each path."""
        return dict.fromkeys(self._pages, self._answer)

    def _answer(self, exchange: Exchange) -> None:
        task = asyncio.create_task(self._send(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, exchange: Exchange) -> None:
        try:
            check_read(exchange)
            status, content_type, body = await self._pages[exchange.path]()
        except ParleyError as error:
            refuse(exchange, error)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, this client gets an answer
            _log.exception("request failed", request_id=exchange.request_id)
            refuse(exchange, error)
            return
        exchange.respond(status, [(b"Content-Type", content_type)], body)


def _reason(name: str, part: Part) -> str:
    return f"{name}: {part.message}"


def _setter(gauge: Gauge, read: Callable[[], Awaitable[float]]) -> Check:
    async def check() -> None:
        gauge.value = await read()

    return check
