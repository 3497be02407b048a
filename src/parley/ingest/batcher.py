"""Group commit: entries that arrive in the same loop turn travel in one append.

No delay is added when idle: the first entry schedules a flush for the end of the turn. While as many
appends are in flight as the log can use, entries gather, so batches grow with the load and one disk
sync serves all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from parley.domain.errors import ConflictError, OutcomeUnknownError, ParleyError, UnavailableError
from parley.domain.events import Entry
from parley.domain.numbering import Outcome
from parley.log.port import Log
from parley.telemetry.clock import Clock

_SWEEP_S: Final = 0.25

Done = Callable[[Outcome | ParleyError], None]
Observe = Callable[[Sequence[Outcome | ParleyError], float], None]
"""Told of each finished append: what became of its entries, and the seconds it took."""
_KeyName = tuple[str, str, str]


class BatchLimits(NamedTuple):
    """Bounds of one append; an entry above them travels alone."""

    max_entries: int
    max_bytes: int


class _Waiting:
    """One entry on its way; ``done`` is called once and then forgotten."""

    __slots__ = ("deadline", "done", "entry", "size")

    def __init__(self, entry: Entry, size: int, deadline: float, done: Done) -> None:
        self.entry = entry
        self.size = size
        self.deadline = deadline
        self.done: Done | None = done

    def settle(self, result: Outcome | ParleyError) -> None:
        if self.done is not None:
            done, self.done = self.done, None
            try:
                done(result)
            except Exception as error:  # noqa: BLE001 - told to the loop; the others of the batch get their answers
                context = {"message": "an outcome could not be handed on", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)


class Batcher:
    """Gathers entries into appends and hands each its outcome, from the append's own callback."""

    def __init__(self, log: Log, limits: BatchLimits, clock: Clock, observe: Observe) -> None:
        """Append to ``log``; deadlines are told by ``clock``; ``observe`` hears of each append."""
        self._log = log
        self._observe = observe
        self._limits = limits
        self._clock = clock
        self._pending: deque[_Waiting] = deque()
        self._in_flight: set[asyncio.Future[list[Outcome]]] = set()
        self._sent: dict[asyncio.Future[list[Outcome]], tuple[float, list[_Waiting]]] = {}
        self._repeats: dict[_KeyName, list[_Waiting]] = {}
        self._flush_is_due = False
        self._sweep: asyncio.TimerHandle | None = None
        self.waiting = 0
        """Entries without an outcome."""
        self.waiting_bytes = 0
        """Bytes of those entries."""

    def submit(self, entry: Entry, size: int, timeout_s: float, done: Done) -> None:
        """Append ``entry`` and call ``done`` once, in the loop, with its outcome or an error.

        ``size`` is its approximate bytes. After ``timeout_s``: `UnavailableError` if it was never
        sent, `OutcomeUnknownError` if it was, `ConflictError` if it waited for the first request
        with its key.
        """
        waiting = _Waiting(entry, size, self._clock.monotonic() + timeout_s, done)
        self.waiting += 1
        self.waiting_bytes += size
        if entry.key is not None:
            name = (entry.token, entry.key.route, entry.key.key)
            if name in self._repeats:
                self._repeats[name].append(waiting)
                self._watch()
                return
            self._repeats[name] = []
        self._pending.append(waiting)
        self._schedule()

    async def drained(self) -> None:
        """Wait until every entry has its outcome."""
        while self._pending or self._in_flight:
            if self._in_flight:
                await asyncio.wait(self._in_flight)
            else:
                await asyncio.sleep(0)

    def _schedule(self) -> None:
        if not self._flush_is_due and len(self._in_flight) < self._log.max_in_flight:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        while self._pending and len(self._in_flight) < self._log.max_in_flight:
            batch = self._take()
            future = self._log.append([waiting.entry for waiting in batch])
            self._in_flight.add(future)
            self._sent[future] = (self._clock.monotonic(), batch)
            future.add_done_callback(self._settle)
            self._watch()

    def _take(self) -> list[_Waiting]:
        batch = [self._pending.popleft()]
        size = batch[0].size
        while self._pending and len(batch) < self._limits.max_entries:
            size += self._pending[0].size
            if size > self._limits.max_bytes:
                break
            batch.append(self._pending.popleft())
        return batch

    def _settle(self, future: asyncio.Future[list[Outcome]]) -> None:
        self._in_flight.discard(future)
        sent_at, batch = self._sent.pop(future)
        self._flush()  # before the answers, so that the log works while they are written
        results = _results(future, len(batch))
        self._observe(results, self._clock.monotonic() - sent_at)
        for waiting, result in zip(batch, results, strict=True):
            self._release(waiting)
            waiting.settle(result)

    def _release(self, waiting: _Waiting) -> None:
        """Let go of a settled entry, and send those that waited for its key."""
        self.waiting -= 1
        self.waiting_bytes -= waiting.size
        key = waiting.entry.key
        if key is not None:
            repeats = self._repeats.pop((waiting.entry.token, key.route, key.key), ())
            for repeat in repeats:
                self.waiting -= 1
                self.waiting_bytes -= repeat.size
                if repeat.done is not None:
                    self.submit(repeat.entry, repeat.size, repeat.deadline - self._clock.monotonic(), repeat.done)

    def _watch(self) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_S, self._expire)

    def _expire(self) -> None:
        """Answer what is overdue; its outcome, when it comes, is nobody's any more."""
        self._sweep = None
        now = self._clock.monotonic()
        self._expire_pending(now)
        for _, batch in self._sent.values():
            _settle_overdue(batch, now, OutcomeUnknownError("The write has no outcome yet; retry with the same key"))
        in_flight = ConflictError("The first request with this Idempotency-Key is still in flight")
        for repeats in self._repeats.values():
            _settle_overdue(repeats, now, in_flight)
        if self._pending or self._in_flight:
            self._watch()

    def _expire_pending(self, now: float) -> None:
        overdue = [waiting for waiting in self._pending if waiting.deadline <= now]
        if overdue:
            self._pending = deque(waiting for waiting in self._pending if waiting.deadline > now)
        for waiting in overdue:
            self._release(waiting)
            waiting.settle(UnavailableError("The log is too slow; nothing was written", code="overloaded"))


def _settle_overdue(entries: list[_Waiting], now: float, error: ParleyError) -> None:
    for waiting in entries:
        if waiting.deadline <= now:
            waiting.settle(error)


def _results(future: asyncio.Future[list[Outcome]], count: int) -> Sequence[Outcome | ParleyError]:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, ParleyError):
        return [error] * count
    asyncio.get_running_loop().call_exception_handler({"message": "an append failed", "exception": error})
    return [ParleyError("Internal error")] * count
