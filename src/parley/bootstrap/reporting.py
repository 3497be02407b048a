"""What probes are told of a process: of its ports, its use cases and its workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from parley.bootstrap.ports import Ports
from parley.bootstrap.reading import Reading
from parley.bootstrap.working import Working
from parley.bootstrap.writing import Writing
from parley.domain.errors import UnavailableError
from parley.http.health import Check, Reports
from parley.storage.sharing import find_idle
from parley.telemetry.instruments import Gauge
from parley.telemetry.metrics import Metrics

_LAG_TOLD_MS: Final = 2_000


class Report:
    """Looks at what one process has; ``reading`` and ``writing`` are ``None`` where it does not do that."""

    def __init__(
        self, ports: Ports, working: Working, reading: Reading | None, writing: Writing | None, stop: asyncio.Event
    ) -> None:
        """Report about these; ``stop`` is set while the process stops."""
        self._ports = ports
        self._working = working
        self._reading = reading
        self._writing = writing
        self._stop = stop
        self._closed: frozenset[int] = frozenset()
        """Partitions whose log was there and not open when it was last looked at."""
        self._letters = 0
        """Dead letters that waited when they were last counted."""

    def reports(self, metrics: Metrics, needed: Sequence[str]) -> Reports:
        """Give what `Health` asks; without what is ``needed`` this process cannot do its job."""
        checks: dict[str, Check] = {
            "database": self._ports.storage.storage.ping,
            "log": self._look_at_log,
            "search": self._look_at_search,
            "workers": self._look_at_workers,
        }
        return Reports(
            checks,
            refusals=self._refusals,
            drawbacks=self._drawbacks,
            gauges=self._gauges(metrics),
            needed=needed,
            spared=self._spared,
        )

    def _gauges(self, metrics: Metrics) -> Mapping[Gauge, Callable[[], Awaitable[float]]]:
        async def lag_ms() -> float:
            follower = self._working.feeding()
            return 0.0 if follower is None else float(await follower.lag_ms())

        def rebuilding() -> float:
            follower = self._working.feeding()
            return 0.0 if follower is None else float(follower.rebuilding)

        async def letters() -> float:
            beside = self._ports.beside
            return 0.0 if beside is None else float(await beside.database.dead_letters.count())

        metrics.index_rebuilding.watch(rebuilding)
        if self._ports.guard is not None:
            switch, breaker = self._ports.guard
            metrics.standby_partitions.watch(lambda: len(switch.standing))
            metrics.log_away_partitions.watch(lambda: len(breaker.away))
        return {metrics.index_lag_ms: lag_ms, metrics.dead_letters_waiting: letters}

    async def _look_at_log(self) -> None:
        closed: list[int] = []
        try:
            await self._ports.log.log.ping()
            if self._ports.beside is not None:
                closed = await self._ports.beside.log.feeding.closed()
        finally:
            self._closed = frozenset(closed)
        if closed:
            detail = f"The log of partition {', '.join(map(str, closed))} is not open: does a persist worker run?"
            raise UnavailableError(detail, code="log_unavailable")

    async def _look_at_search(self) -> str | None:
        await self._ports.search.ping()
        follower = self._working.feeding()
        if follower is None:
            return None
        if follower.rebuilding:
            return "The index is being built again"
        lag_ms = await follower.lag_ms()
        return f"The index is {lag_ms / 1000:.1f} s behind" if lag_ms > _LAG_TOLD_MS else None

    async def _look_at_workers(self) -> str | None:
        found = self._working.failing()
        beside = self._ports.beside
        if beside is not None:
            idle = find_idle(await beside.database.scopes.partitions(), await beside.database.leases.holders())
            found += [f"nobody stores partition {', '.join(map(str, idle))}"] if idle else []
            self._letters = await beside.database.dead_letters.count()
        return "; ".join(found) or None

    def _refusals(self) -> Sequence[str]:
        refusals = ["stopping"] if self._stop.is_set() else []
        return refusals + self._writing.writes.admission.refusals() if self._writing is not None else refusals

    def _spared(self) -> Sequence[str]:
        """Do without the log where every partition that lacks it stands by."""
        guard = self._ports.guard
        if guard is None or not guard.switch.standing:
            return []
        lacking = guard.switch.cut_off | self._closed - guard.switch.standing
        return [] if lacking else ["log"]

    def _drawbacks(self) -> Sequence[str]:
        drawbacks = []
        if self._ports.log.log.durability == "relaxed":
            drawbacks.append("writes are answered before they are synced")
        if self._reading is not None and self._reading.reads.is_degraded:
            drawbacks.append("reads lack the end of the log")
        if self._ports.guard is not None and self._ports.guard.switch.standing:
            some = ", ".join(map(str, sorted(self._ports.guard.switch.standing)))
            drawbacks.append(f"the database gives the numbers of partition {some}, as the log is away")
        if self._letters:
            drawbacks.append(f"dead letters wait for a decision: {self._letters}")
        return drawbacks
