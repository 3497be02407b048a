"""The write path: group commit into the log, and the use cases in front of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from parley.bootstrap.ports import Ports
from parley.config import Settings
from parley.domain.errors import ParleyError
from parley.domain.events import Entry
from parley.domain.numbering import Outcome
from parley.ingest.admission import Admission, DepthBound
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.ingest.capacity import Capacity
from parley.ingest.finding import Finder, LogFinder
from parley.ingest.parents import Parents
from parley.ingest.recovery import Recovery
from parley.ingest.storing import Storing
from parley.ingest.writes import Patience, Writes
from parley.telemetry.appends import AppendCounts
from parley.telemetry.clock import Clock
from parley.telemetry.metrics import Metrics

OnAppended = Callable[[Sequence[Entry], Sequence[Outcome | ParleyError]], None]


class Writing(NamedTuple):
    """What writes."""

    writes: Writes
    batcher: Batcher
    capacity: Capacity
    """For what waits in front of it; reads count there too."""


def build_writing(settings: Settings, ports: Ports, clock: Clock, metrics: Metrics, on_appended: OnAppended) -> Writing:
    """Wire the write path; ``on_appended`` hears of each append before those who wait for it."""
    recovery, storing = None, None
    finder: Finder = ports.storage.storage
    if ports.beside is not None and ports.lives is not None and ports.guard is not None:
        scopes, feeding = ports.beside.database.scopes, ports.beside.log.feeding
        recovery, storing = Recovery(scopes, feeding, ports.lives), Storing(scopes, clock)
        finder = LogFinder(feeding, ports.storage.storage, ports.guard.switch.is_away)
    log = ports.log.log
    counts = AppendCounts(metrics)

    def observe(entries: Sequence[Entry], results: Sequence[Outcome | ParleyError], seconds: float) -> None:
        counts(results, seconds)
        on_appended(entries, results)

    limits = BatchLimits(settings.append_max_entries, settings.append_max_bytes)
    batcher = Batcher(log, limits, clock, observe, recovery)
    metrics.waiting_messages.watch(lambda: batcher.waiting)
    metrics.waiting_bytes.watch(lambda: batcher.waiting_bytes)
    metrics.depth_messages.watch(lambda: log.depth().messages)
    bound = DepthBound(settings.depth_max_messages, settings.depth_max_bytes)
    admission = Admission(log, batcher, bound)
    timeout_s, capacity = settings.answer_timeout_s, Capacity(settings.max_held_bytes)
    parents = Parents(finder, answer_timeout_s=timeout_s, capacity=capacity)
    writes = Writes(log, admission, parents, batcher, Patience(timeout_s, storing))
    return Writing(writes, batcher, capacity)
