"""The parent's own pages: health, readiness and metrics of all its processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from parley.cli.processes.child import Child
from parley.cli.processes.merged_probes import Condition, Readiness, merge_health, merge_ready
from parley.cli.processes.parent import Parent
from parley.http.health import Page
from parley.http.times import format_time
from parley.telemetry.clock import Clock
from parley.telemetry.exposition import CONTENT_TYPE

_JSON: Final = b"application/json"
_encode = msgspec.json.Encoder().encode

_Said = TypeVar("_Said", Readiness, Condition)


class Pages:
    """Asks every process when it is asked itself."""

    def __init__(self, parent: Parent, clock: Clock) -> None:
        """Speak for the processes of ``parent``."""
        self._parent = parent
        self._clock = clock

    def pages(self) -> dict[str, Callable[[], Awaitable[Page]]]:
        """Give the pages by path."""
        return {"/health": self.health, "/ready": self.ready, "/metrics": self.metrics}

    async def health(self) -> Page:
        """Give the worst of what the processes say; 503 when one says unhealthy, or none says anything."""
        began = self._clock.monotonic()
        said = await self._ask("/health", Condition)
        spent_ms = round((self._clock.monotonic() - began) * 1000, 3)
        status, body = merge_health(said, self._troubles(said), format_time(self._clock.now_ms()), spent_ms)
        return status, _JSON, _encode(body)

    async def ready(self) -> Page:
        """Say whether any process can do its job, and which cannot."""
        said = await self._ask("/ready", Readiness)
        refusals = ["stopping"] if self._parent.wishes.stop.is_set() else []
        status, body = merge_ready(said, self._troubles(said), refusals)
        return status, _JSON, _encode(body)

    async def metrics(self) -> Page:
        """Give the metrics of all; what a process that died had counted stays."""
        await asyncio.gather(*(child.scrape() for child in list(self._parent.children)))
        current = {slot.current for slot in self._parent.slots}
        expositions = sorted((child.slot, child.exposition) for child in self._parent.children if child in current)
        leaving = [child.exposition for child in self._parent.children if child not in current]
        return 200, CONTENT_TYPE, self._parent.merged.render(expositions, self._own(), leaving)

    async def _ask(self, page: str, kind: type[_Said]) -> dict[int, _Said]:
        children = [slot.current for slot in self._parent.slots if slot.current is not None]
        told = await asyncio.gather(*(_ask_one(child, page, kind) for child in children))
        return {child.slot: said for child, said in zip(children, told, strict=True) if said is not None}

    def _troubles(self, said: dict[int, Any]) -> dict[int, str]:
        troubles = {slot.number: slot.trouble for slot in self._parent.slots}
        return {
            number: trouble or "no answer"
            for number, trouble in troubles.items()
            if number not in said or (trouble is not None and trouble != "no answer")
        }

    def _own(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "parley_process_up", "Whether (1) or not (0) a process does its job.", labels=["process"]
        )
        restarts = CounterMetricFamily(
            "parley_process_restarts_total", "Starts of a process after one before it had died.", labels=["process"]
        )
        for slot in self._parent.slots:
            up.add_metric([str(slot.number)], float(slot.trouble is None))
            restarts.add_metric([str(slot.number)], slot.restarts)
        return iter([up, restarts])


async def _ask_one(child: Child, page: str, kind: type[_Said]) -> _Said | None:
    told = await child.ask(page)
    try:
        return None if told is None else msgspec.json.decode(told.body, type=kind)
    except msgspec.MsgspecError:
        return None
