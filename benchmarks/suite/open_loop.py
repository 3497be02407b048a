"""An open loop of our own: creates are sent when they are due, each with a key if wanted, and probes run beside it.

Each latency counts from the moment the request was due, so a stall of the server is not hidden. The cell
``cross-check`` compares it with oha on the same server.
"""

from __future__ import annotations

import asyncio
import gc
import time
from array import array
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.suite.cell import VoidError
from benchmarks.suite.cpu import metered
from benchmarks.suite.sample import Sample, percentiles_ms
from benchmarks.suite.target import Target
from benchmarks.suite.wrk import CONNECTIONS

BODY: Final = b'{"message":{"body":"' + b"a message of about a hundred bytes, as people write " * 2 + b'"}}'
_TURN_S: Final = 0.001
_PATIENCE_S: Final = 30

Probe = Callable[[], Coroutine[None, None, None]]


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on the way; others wait their turn here."""

    def __init__(self, load: Load) -> None:
        """Report to ``load``."""
        self._load = load
        self._transport: asyncio.WriteTransport | None = None
        self._due: float | None = None
        self._waiting: deque[tuple[float, bytes]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def send(self, due: float, request: bytes) -> None:
        """Send now, or when the request on the way is answered."""
        if self._due is not None or self._transport is None:
            self._waiting.append((due, request))
            return
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take an answer: ours are small and come in one piece; another piece counts as an error."""
        if self._due is None:
            self._load.errors += 1
            return
        self._load.answered(time.perf_counter() - self._due, ok=data.startswith(b"HTTP/1.1 201"))
        self._due = None
        if self._waiting:
            self.send(*self._waiting.popleft())


class Load:
    """Sends at a steady rate and counts."""

    def __init__(self, rate: float, paths: Sequence[str], seed: str = "") -> None:
        """Offer ``rate`` creates a second to chats in turn, each named by its path; with a seed each has a key."""
        self.rate = rate
        self.latencies = array("d")
        self.errors = 0
        self._seed = seed
        self._total = 0
        self._all_answered = asyncio.Event()
        rest = f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
        heads = [f"POST {path}/messages HTTP/1.1\r\nHost: localhost\r\n".encode() for path in paths]
        self._requests = heads if seed else [head + rest for head in heads]
        self._rest = rest

    def answered(self, seconds: float, *, ok: bool) -> None:
        """Count one answer."""
        self.latencies.append(seconds)
        self.errors += not ok
        if len(self.latencies) == self._total:
            self._all_answered.set()

    async def run(self, url: str, seconds: float) -> None:
        """Offer the load for ``seconds``, each request when it is due, and wait for the last answer.

        Raises:
            VoidError: it did not come.
        """
        loop = asyncio.get_running_loop()
        parts = urlsplit(url)
        pairs = [
            await loop.create_connection(lambda: Connection(self), parts.hostname or "127.0.0.1", parts.port or 80)
            for _ in range(CONNECTIONS)
        ]
        try:
            await self._offer([connection for _, connection in pairs], seconds)
        finally:
            for transport, _ in pairs:
                transport.close()

    async def _offer(self, connections: Sequence[Connection], seconds: float) -> None:
        began = time.perf_counter()
        self._total, sent = max(1, int(self.rate * seconds)), 0
        while sent < self._total:
            due_now = min(self._total, int((time.perf_counter() - began) * self.rate))
            for number in range(sent, due_now):
                connections[number % CONNECTIONS].send(began + number / self.rate, self._request(number))
            sent = due_now
            await asyncio.sleep(_TURN_S)
        try:
            await asyncio.wait_for(self._all_answered.wait(), _PATIENCE_S)
        except TimeoutError:
            missing = self._total - len(self.latencies)
            raise VoidError(f"{missing:,} requests had no answer {_PATIENCE_S} s after the last was due") from None

    def _request(self, number: int) -> bytes:
        request = self._requests[number % len(self._requests)]
        if not self._seed:
            return request
        return request + f"Idempotency-Key: {self._seed}-{number}\r\n".encode() + self._rest


def run_open_loop(load: Load, to: Target, seconds: int, probes: Sequence[Probe] = ()) -> Sample:
    """Offer a load, run the probes beside it until it ends, and count.

    A probe that ends before that ends the run with its error.
    """

    async def offer() -> float:
        tasks = [asyncio.ensure_future(probe()) for probe in probes]
        loading = asyncio.ensure_future(load.run(to.url, seconds))
        began = time.perf_counter()
        await asyncio.wait([loading, *tasks], return_when=asyncio.FIRST_COMPLETED)
        elapsed = time.perf_counter() - began
        for task in tasks:
            if task.done():
                loading.cancel()
                task.result()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await loading
        return elapsed

    gc.collect()
    gc.freeze()  # a collection would be a stall of the generator
    with metered(to.processes) as spent:
        elapsed = uvloop.run(offer())
    gc.unfreeze()
    return Sample(
        answered=len(load.latencies), errors=load.errors, seconds=elapsed, spent=spent,
        latency_ms=percentiles_ms(load.latencies), offered=load.rate,
    )  # fmt: skip
