"""Index lag and latency at an offered rate (open loop): creates are sent when they are due, not when there is time.

    .venv/bin/python benchmarks/lag.py [--rate 8000] [--seconds 60]

Each latency counts from the moment the request was due, so a stall of the server is not hidden. The lag is read from
/metrics (the follower's stored position) ten times a second. The generator's own CPU share is printed: near 100 % it
was the bottleneck, and the run is no figure.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import time
from collections.abc import Callable, Coroutine, Sequence
from statistics import median, quantiles
from typing import cast
from urllib.parse import urlsplit

import uvloop
from product import Product
from rich.console import Console
from rich.table import Table

CONNECTIONS = 64
CHATS = 100
BODY = b'{"message":{"body":"' + b"a message of about a hundred bytes, as people write " * 2 + b'"}}'


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on the way; others wait their turn here."""

    def __init__(self, load: Load) -> None:
        """Report to ``load``."""
        self._load = load
        self._transport: asyncio.WriteTransport | None = None
        self._due: float | None = None
        self._waiting: list[tuple[float, bytes]] = []

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
        """Take an answer: ours are small and come in one piece."""
        if self._due is not None:
            self._load.answered(time.perf_counter() - self._due, ok=data.startswith(b"HTTP/1.1 201"))
            self._due = None
        if self._waiting:
            self.send(*self._waiting.pop(0))


class Load:
    """Sends at a steady rate and counts."""

    def __init__(self, rate: int, chats: Sequence[str]) -> None:
        """Offer ``rate`` creates a second to chats in turn, each named by its path."""
        self.rate = rate
        self.latencies: list[float] = []
        self.errors = 0
        self.lags: list[float] = []
        self._total = 0
        self._all_answered = asyncio.Event()
        tail = f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        self._requests = [
            f"POST {chat}/messages HTTP/1.1\r\nHost: localhost\r\n{tail}".encode() + BODY for chat in chats
        ]

    def answered(self, seconds: float, *, ok: bool) -> None:
        """Count one answer."""
        self.latencies.append(seconds)
        self.errors += not ok
        if len(self.latencies) == self._total:
            self._all_answered.set()

    async def run(self, url: str, seconds: int) -> None:
        """Offer the load for ``seconds``, each request when it is due."""
        loop = asyncio.get_running_loop()
        parts = urlsplit(url)
        pairs = [
            await loop.create_connection(lambda: Connection(self), parts.hostname or "127.0.0.1", parts.port or 80)
            for _ in range(CONNECTIONS)
        ]
        requests = self._requests
        began = time.perf_counter()
        total, sent = self.rate * seconds, 0
        self._total = total
        while sent < total:
            due_now = min(total, int((time.perf_counter() - began) * self.rate))
            for number in range(sent, due_now):
                pairs[number % CONNECTIONS][1].send(began + number / self.rate, requests[number % len(requests)])
            sent = due_now
            await asyncio.sleep(0.001)
        async with asyncio.timeout(30):
            await self._all_answered.wait()
        for transport, _ in pairs:
            transport.close()


async def watch(product: Product, lags: list[float]) -> None:
    """Read the lag until cancelled."""
    while True:
        lags.append(await asyncio.to_thread(product.metric, "parley_index_lag_ms"))
        await asyncio.sleep(0.1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=8000)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with Product() as product:
        token = product.new_application(CHATS)
        load = Load(options.rate, [f"/api/v1/chat_applications/{token}/chats/{chat + 1}" for chat in range(CHATS)])

        async def measure() -> None:
            watcher = asyncio.create_task(watch(product, load.lags))
            await load.run(product.write, options.seconds)
            watcher.cancel()

        table = measured(load, options.seconds, measure)
    table.add_row("index lag, median and greatest ms", f"{median(load.lags):.0f}, {max(load.lags):.0f}")
    Console(width=120).print(table)


def measured(load: Load, offered_s: int, measure: Callable[[], Coroutine[None, None, None]]) -> Table:
    """Run it, and give what clients saw, as the begin of a table."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    began = time.monotonic()
    uvloop.run(measure())
    seconds = time.monotonic() - began
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) / seconds
    table = Table(title=f"{load.rate:,} creates/s offered for {offered_s} s, open loop")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("answered a second", f"{len(load.latencies) / seconds:,.0f}")
    table.add_row("not 201", f"{load.errors:,}")
    table.add_row("p50, p95, p99, p99.9 ms", in_ms(load.latencies, 500, 950, 990, 999))
    table.add_row("generator's CPU", f"{cpu:.0%} of one core")
    return table


def in_ms(seconds: Sequence[float], *permilles: int) -> str:
    """Give quantiles in milliseconds."""
    cuts = quantiles(seconds, n=1000)
    return ", ".join(f"{cuts[permille - 1] * 1000:,.1f}" for permille in permilles)


if __name__ == "__main__":
    main()
