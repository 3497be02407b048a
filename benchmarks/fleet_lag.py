"""How soon a message is stored and found on Redis, MariaDB and OpenSearch, at an offered rate (open loop).

    PYTHONPATH=. .venv/bin/python benchmarks/fleet_lag.py [--rate 5000] [--seconds 60] [--jobs persist]

One write process, one worker with the jobs, 100 applications, no keys. Beside the load a client creates messages with
``Prefer: wait`` and is told when each is stored; with the job index two others look for what they just created until
it is found. Latencies of the load count from when a request was due.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import tempfile
import time
from pathlib import Path

import httpx
from fleet import APPLICATIONS, CHATS, Bench
from lag import Load, in_ms, measured
from rich.console import Console

from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet

WAIT = {"Prefer": "wait=30"}
STORED_EVERY_S = 0.03
FOUND_EVERY_S = 0.2
FINDERS = 2


class Probes:
    """Clients beside the load, in a chat of their own."""

    def __init__(self, write: str, api: str, chat: str) -> None:
        """Create at ``write`` and search at ``api``."""
        self._client = httpx.AsyncClient(timeout=60)
        self._created = f"{write}{chat}/messages"
        self._searched = f"{api}{chat}/messages/search"
        self.stored: list[float] = []
        self.found: list[float] = []

    async def store(self) -> None:
        """Create messages and note when each was stored, until cancelled."""
        while True:
            began = time.perf_counter()
            answer = await self._client.post(self._created, json={"body": "is it stored?"}, headers=WAIT)
            if answer.headers.get("Parley-Durability") != "stored":
                raise SystemExit(f"void: not stored within 30 s: {answer.status_code}")
            self.stored.append(time.perf_counter() - began)
            await asyncio.sleep(STORED_EVERY_S)

    async def find(self) -> None:
        """Create messages and note when each is found, until cancelled."""
        while True:
            self.found.append(await self.find_one())

    async def find_one(self) -> float:
        """Create a message and give the seconds from its answer until it is found."""
        word = secrets.token_hex(8)
        (await self._client.post(self._created, json={"body": f"where is {word}"})).raise_for_status()
        began = time.perf_counter()
        while not await self._finds(word):  # noqa: ASYNC110 - it is another process that finds
            await asyncio.sleep(FOUND_EVERY_S)
        return time.perf_counter() - began

    async def _finds(self, word: str) -> bool:
        answer = await self._client.get(self._searched, params={"q": word})
        return answer.status_code == httpx.codes.OK and bool(answer.json())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", default="persist")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="parley-bench-", dir=Path(__file__).parents[2]) as name,
        RedisServer(Path(name) / "redis") as redis,
        MariaDbServer(Path(name) / "mariadb") as mariadb,
        OpenSearchServer(Path(name) / "opensearch") as opensearch,
        Fleet(Path(name) / "fleet", redis=redis, mariadb=mariadb, opensearch=opensearch) as fleet,
    ):
        bench = Bench(fleet, mariadb)
        chats = [f"/api/v1/applications/{token}/chats/{chat + 1}" for chat in range(CHATS) for token in bench.tokens]
        load = Load(options.rate, chats[APPLICATIONS:])
        probes = Probes(bench.write.url, bench.api.url, chats[0])

        async def measure() -> None:
            doing = [probes.store]
            if "index" in options.jobs:
                await probes.find_one()  # the index is there from then on
                doing += [probes.find] * FINDERS
            tasks = [asyncio.create_task(each()) for each in doing]
            await load.run(bench.write.url, options.seconds)
            for task in tasks:
                task.cancel()
                if (await asyncio.gather(task, return_exceptions=True))[0].__class__ is not asyncio.CancelledError:
                    raise SystemExit(f"void: a probe ended: {task.exception()}")

        with bench.working(options.jobs):
            table = measured(load, options.seconds, measure)
    table.add_row("jobs of the worker", options.jobs)
    for what, seen in (("stored", probes.stored), ("found", probes.found)):
        if seen:
            table.add_row(f"{what} after, p50, p99 ms ({len(seen):,} messages)", in_ms(seen, 500, 990))
            table.add_row(f"{what} after, at most", f"{max(seen) * 1000:,.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
