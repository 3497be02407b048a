"""Group commit: entries that arrive in the same loop turn travel in one append.

No delay is added when idle: the first entry schedules a flush for the end of the turn. While as many
appends run as the log takes at once, the next waits in front of it and takes in what arrives, so
batches grow with the load, one disk sync serves all, and the log never waits for the loop. Where
several may begin, they divide what waits: clients that send in step, because they were answered
together, would else have the log and us take turns instead of working side by side.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from parley.domain.errors import ConflictError, OutcomeUnknownError, ParleyError, UnavailableError
from parley.domain.events import Entry
from parley.domain.numbering import Appended, Outcome, Refused, Replayed
from parley.ingest.batch import BatchLimits, Done, OpenBatch, Waiting
from parley.ingest.recovery import RECOVERABLE, Case, Found, Recovery
from parley.log.port import Log
from parley.telemetry.clock import Clock

_SWEEP_S: Final = 0.25
_TURN_S: Final = 0.01
_WORTH_A_CALL: Final = 16
"""Entries: 8 and 32 were slower with 64 clients on two cores (benchmarks/notes.md)."""

Observe = Callable[[Sequence[Entry], Sequence[Outcome | ParleyError], float], None]
"""Told of each finished append before those who wait: its entries, what became of each, and the seconds it took."""
_KeyName = tuple[str, str, str]


class Batcher:
    """Gathers entries into appends and hands each its outcome, from the append's own callback."""

    def __init__(
        self, log: Log, limits: BatchLimits, clock: Clock, observe: Observe, recovery: Recovery | None = None
    ) -> None:
        """Append to ``log``; deadlines are told by ``clock``; ``observe`` hears of each append.

        What a log of its own could not decide is given to ``recovery``, then sent again.
        """
        self._log = log
        self._max_in_flight = log.at_once + 1  # the last one is open in front of the log
        self._recovery = recovery
        self._recovering: dict[Waiting, None] = {}  # in order: the first to come is the first to be told it is too late
        self._observe = observe
        self._limits = limits
        self._clock = clock
        self._pending: deque[Waiting] = deque()
        self._in_flight: set[asyncio.Future[list[Outcome]]] = set()
        self._sent: dict[asyncio.Future[list[Outcome]], OpenBatch] = {}
        self._open: OpenBatch | None = None
        self._repeats: dict[_KeyName, list[Waiting]] = {}
        self._flush_is_due = False
        self._sweep: asyncio.TimerHandle | None = None
        self.waiting = 0
        """Messages without an outcome; another entry counts as one."""
        self.waiting_bytes = 0
        """Bytes of those entries."""

    def submit(self, entry: Entry, size: int, timeout_s: float, done: Done) -> None:
        """Append ``entry`` and call ``done`` once, in the loop, with its outcome or an error.

        ``size`` is its approximate bytes. After ``timeout_s``: `UnavailableError` if it was never
        sent, `OutcomeUnknownError` if it was, `ConflictError` if it waited for the first request
        with its key.
        """
        waiting = Waiting(entry, size, self._clock.monotonic() + timeout_s, done)
        self.waiting += waiting.messages
        self.waiting_bytes += size
        if entry.key is not None:
            name = (entry.token, entry.key.route, entry.key.key)
            if name in self._repeats:
                self._repeats[name].append(waiting)
                self._watch()
                return
            self._repeats[name] = []
        self._send(waiting)

    async def drained(self) -> None:
        """Wait until every entry has its outcome."""
        while self._pending or self._in_flight or self._recovering:
            if self._in_flight:
                await asyncio.wait(self._in_flight)
            else:
                await asyncio.sleep(_TURN_S if self._recovering else 0)

    def _send(self, waiting: Waiting) -> None:
        if self._open is None or not self._open.add(waiting):
            self._open = None
            self._pending.append(waiting)
            self._schedule()

    def _schedule(self) -> None:
        if not self._flush_is_due and len(self._in_flight) < self._max_in_flight:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        while self._pending and len(self._in_flight) < self._max_in_flight:
            batch = self._open = OpenBatch(self._portion(), self._clock.monotonic())
            while self._pending and batch.add(self._pending[0]):
                self._pending.popleft()
            future = self._log.append(batch)
            self._in_flight.add(future)
            self._sent[future] = batch
            future.add_done_callback(self._settle)
            self._watch()

    def _portion(self) -> BatchLimits:
        """Divide what waits by the appends that may begin now, as long as each is worth a call."""
        free = self._max_in_flight - 1 - len(self._in_flight)
        if free <= 1:
            return self._limits
        share = max(_WORTH_A_CALL, -(-len(self._pending) // free))
        return self._limits._replace(max_entries=min(share, self._limits.max_entries))

    def _settle(self, future: asyncio.Future[list[Outcome]]) -> None:
        self._in_flight.discard(future)
        batch = self._sent.pop(future)
        entries = batch.seal()
        self._flush()  # before the answers, so that the log works while they are written
        results = _results(future, len(entries))
        try:
            self._observe(entries, results, self._clock.monotonic() - batch.sent_at)
        finally:
            for waiting, result in zip(batch.entries, results, strict=True):
                if isinstance(result, Refused) and self._recovery is not None and _is_recoverable(result, waiting):
                    self._recover(self._recovery, waiting, result)
                else:
                    self._release(waiting, result)
                    waiting.settle(result)

    def _recover(self, recovery: Recovery, waiting: Waiting, refused: Refused) -> None:
        """Let the entry be decided after all; its key and its deadline stay as they are."""

        def again(found: Found) -> None:
            self._recovering.pop(waiting, None)
            if found is None and waiting.done is not None:
                self._pending.append(waiting)
                self._schedule()
            else:
                self._release(waiting, found)
                waiting.settle(found or _too_slow())

        self._recovering[waiting] = None
        self._watch()
        recovery.take(Case(waiting.entry, refused, again))

    def _release(self, waiting: Waiting, result: Found = None) -> None:
        """Let go of an entry; of those that waited for its key, answer its like and send one of the others."""
        self._count_off(waiting)
        key = waiting.entry.key
        if key is not None:
            name = waiting.entry.token, key.route, key.key
            repeats = self._repeats.pop(name)
            if repeats:
                self._release_repeats(name, repeats, waiting.entry, result)

    def _release_repeats(self, name: _KeyName, repeats: list[Waiting], entry: Entry, result: Found) -> None:
        if not isinstance(result, Appended | Replayed):
            self._send_one(name, repeats)
            return
        again = Replayed(result.number, result.position, result.by_standby)
        self._send_one(name, [repeat for repeat in repeats if not _is_alike(repeat.entry, entry)])
        for repeat in repeats:
            if _is_alike(repeat.entry, entry):
                self._count_off(repeat)
                repeat.settle(again)

    def _send_one(self, name: _KeyName, repeats: list[Waiting]) -> None:
        """Send the last that still wants an answer, for it has most time left; the others wait for it."""
        while repeats:
            last = repeats.pop()
            if last.done is not None:
                self._repeats[name] = repeats
                self._send(last)
                return
            self._count_off(last)

    def _count_off(self, waiting: Waiting) -> None:
        self.waiting -= waiting.messages
        self.waiting_bytes -= waiting.size

    def _watch(self) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_S, self._expire)

    def _expire(self) -> None:
        """Answer what is overdue; its outcome, when it comes, is nobody's any more."""
        self._sweep = None
        now = self._clock.monotonic()
        self._expire_unsent(now)
        for batch in self._sent.values():
            unknown = OutcomeUnknownError("The write has no outcome yet; retry with the same key")
            _settle_overdue(batch.entries, now, unknown)
        _settle_overdue(self._recovering, now, _too_slow())
        in_flight = ConflictError("The first request with this Idempotency-Key is still in flight")
        for repeats in list(self._repeats.values()):  # who is answered may send another key at once
            _settle_overdue(repeats, now, in_flight)
        if self._pending or self._in_flight or self._recovering:
            self._watch()

    def _expire_unsent(self, now: float) -> None:
        overdue = [waiting for waiting in self._pending if waiting.deadline <= now]
        if overdue:
            self._pending = deque(waiting for waiting in self._pending if waiting.deadline > now)
        for batch in self._sent.values():
            overdue += batch.drop_overdue(now)
        for waiting in overdue:
            self._release(waiting)
            waiting.settle(_too_slow())


def _is_alike(entry: Entry, other: Entry) -> bool:
    return entry.key is not None and other.key is not None and entry.key.fingerprint == other.key.fingerprint


def _is_recoverable(refused: Refused, waiting: Waiting) -> bool:
    return refused.reason in RECOVERABLE and waiting.done is not None


def _too_slow() -> UnavailableError:
    return UnavailableError("The log is too slow; nothing was written", code="overloaded")


def _settle_overdue(entries: Iterable[Waiting], now: float, error: ParleyError) -> None:
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
