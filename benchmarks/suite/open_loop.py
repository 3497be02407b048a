"""The open loop of ``parley bench`` over the chats of many applications, with a key for each create if wanted.

Each latency counts from the moment the request was due, so a stall of the server is not hidden.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

import httpx
import uvloop

from benchmarks.suite.cell import VoidError
from benchmarks.suite.cpu import metered
from benchmarks.suite.sample import PERMILLES, Sample
from benchmarks.suite.target import Target
from benchmarks.suite.wrk import CONNECTIONS
from parley.cli.benching.book import Book
from parley.cli.benching.latencies import Latencies
from parley.cli.benching.load import Load as Loop
from parley.cli.benching.mix import CREATE, Request
from parley.cli.benching.pace import Steady
from parley.cli.benching.plan import origin_of
from parley.cli.benching.tally import Tally
from parley.cli.benching.user import User

BODY: Final = b'{"message":{"body":"' + b"a message of about a hundred bytes, as people write " * 2 + b'"}}'
_PATIENCE_S: Final = 30

Probe = Callable[[], Coroutine[None, None, None]]


class Load:
    """Creates at a steady rate, to chats in turn."""

    def __init__(self, rate: float, paths: Sequence[str], seed: str = "") -> None:
        """Offer ``rate`` creates a second to chats that are named by their paths; with a seed each has a key."""
        self.rate = rate
        self.tally = Tally(Book(len(paths)))
        self._seed = seed
        self._asked = 0
        rest = f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
        heads = [f"POST {path}/messages HTTP/1.1\r\nHost: localhost\r\n".encode() for path in paths]
        self._requests = heads if seed else [head + rest for head in heads]
        self._rest = rest

    async def run(self, url: str, seconds: float) -> None:
        """Offer the load for ``seconds``, each request when it is due, and wait for the last answer.

        Raises:
            VoidError: some could not even be sent.
        """
        origin = origin_of(httpx.URL(url))
        users = [User(origin, origin) for _ in range(CONNECTIONS)]
        try:
            await asyncio.gather(*(user.connect(is_write=True) for user in users))
            pace = Steady(time.perf_counter(), seconds, self.rate, grace_s=_PATIENCE_S)
            offer = await Loop(self._next, pace, self.tally, users).run()
            for user in users:
                user.give_up()
        finally:
            for user in users:
                user.close()
        if offer.unsent:
            raise VoidError(f"{offer.unsent:,} requests were not sent {_PATIENCE_S} s after the last was due")

    def _next(self) -> Request:
        place = self._asked % len(self._requests)
        data = self._requests[place]
        if self._seed:
            data += f"Idempotency-Key: {self._seed}-{self._asked}\r\n".encode() + self._rest
        self._asked += 1
        return Request(CREATE, place + 1, is_write=True, data=data)


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
    errors = load.tally.errors[CREATE].total()
    return Sample(
        answered=load.tally.good + errors, errors=errors, seconds=elapsed, spent=spent,
        latency_ms=_percentiles_ms(load.tally.latencies[CREATE]), offered=load.rate,
    )  # fmt: skip


def _percentiles_ms(latencies: Latencies) -> dict[str, float]:
    if not latencies.total:
        return {}
    of = {name: latencies.quantile_ms(permille / 1000) for name, permille in PERMILLES.items()}
    return {**of, "max": latencies.max_ms}
