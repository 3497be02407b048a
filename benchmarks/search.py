"""Substring search and indexing on the embedded profile: storage, index, verification, no HTTP.

    .venv/bin/python benchmarks/search.py [--messages 1000000] [--searched 100000] [--folder DIR]

Stores real chat bodies (PARLEY_TEST_DATA, by default ../shared/data), drawn at random, in 100 chats
and one chat that is searched, all interleaved as live traffic would be. Prints how fast they were
stored and indexed (alone, and beside a thread that never lets go of the interpreter), then what a
search of one page takes, first request to last: candidates, bodies, verification.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from parley.domain.events import ChatCreated, Entry, MessagesPosted
from parley.domain.model import Draft
from parley.domain.text import fold
from parley.log import open_log
from parley.log.batch import FixedBatch
from parley.log.port import Log
from parley.queries.search import Search
from parley.search import open_search
from parley.storage import open_storage
from parley.storage.port import Opened, Opening
from parley.telemetry.clock import SystemClock
from parley.workers.feed import Feed
from parley.workers.index import IndexFollower

OTHERS: Final = 100
BULK: Final = 50
PAGE: Final = 50
SHORTEST: Final = 3
"""Folded code points from which on the index answers."""

REPEATED: Final = (
    "the the the",
    "the the the the the",
    "the " * 50,
    "   ",
    "...",
    "haha",
    "and the",
    "http://",
    "ing ",
)
KINDS: Final = ("hits", "misses", "repeated")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages of the other chats")
    parser.add_argument("--searched", type=int, default=100_000, help="messages of the searched chat")
    parser.add_argument("--queries", type=int, default=500, help="queries of each kind")
    parser.add_argument("--folder", type=Path, help="where to keep the files; by default they are removed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(measure(given, given.folder or Path(temporary)))


def read_bodies() -> list[str]:
    """Read the bodies of both chat sets."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("PARLEY_TEST_DATA") or beside)
    lines = [line for name in ("gitter-rooms", "ubuntu-irc") for line in _lines(folder / name / "messages.jsonl")]
    bodies = [json.loads(line)["body"] for line in lines]
    return [body for body in bodies if body.strip()]


def _lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().split(b"\n") if line]


async def measure(given: argparse.Namespace, folder: Path) -> None:
    """Fill, index, search."""
    bodies, rng = read_bodies(), random.Random(7)  # noqa: S311 - the same messages every time
    size = sum(len(body.encode()) for body in bodies) / len(bodies)
    say(f"{len(bodies):,} bodies of {size:.0f} bytes on average, drawn at random; seed 7")
    storage = open_storage(f"sqlite://{folder}/parley.db", opening())
    await storage.start()
    index = open_search(f"sqlite://{folder}/search.db")
    await index.start()
    log = open_log(f"sqlite://{folder}/parley.db", inline=storage.inline, clock=SystemClock()).log
    follower = IndexFollower(
        storage.changes, index, Feed(index, lambda _: None, lambda: None), SystemClock(), batch_messages=2_000
    )
    application, _ = await storage.tenants.create("benchmark", None)
    for _ in range(OTHERS + 1):
        await log.append(FixedBatch([Entry(application.token, None, ChatCreated())]))
    await settle(follower)

    total = given.messages + given.searched
    await fill(log, application.token, bodies, rng, (total - total // 10, given.searched / total))
    await timed("indexed", total - total // 10, lambda: settle(follower))
    await fill(log, application.token, bodies, rng, (total // 10, given.searched / total))
    with busy_thread():
        await timed("indexed beside a busy thread", total // 10, lambda: settle(follower))
    report_files(folder, total)

    await search_all(Search(storage.storage, index), storage, application.token, given.queries, bodies)
    await index.close()
    await storage.close()


def opening() -> Opening:
    """Give the storage what it needs."""
    return Opening(
        clock=SystemClock(),
        new_token=lambda: secrets.token_hex(16),
        partitions=4,
        key_ttl_s=86_400,
        readers=3,
        scan_max_messages=200_000,
        scan_max_s=1,
    )


async def fill(log: Log, token: str, bodies: list[str], rng: random.Random, plan: tuple[int, float]) -> None:
    """Post so many messages, that share of them to the searched chat, the last one, in bulks."""
    count, share = plan

    async def post() -> None:
        for start in range(0, count, BULK * 200):
            entries = [
                Entry(
                    token,
                    OTHERS + 1 if rng.random() < share else rng.randint(1, OTHERS),
                    MessagesPosted(tuple(Draft(rng.choice(bodies)) for _ in range(BULK))),
                )
                for _ in range(start, min(count, start + BULK * 200), BULK)
            ]
            await log.append(FixedBatch(entries))

    await timed("stored", count, post)


async def settle(follower: IndexFollower) -> None:
    """Index all there is."""
    while not await follower.step():
        pass


async def timed(what: str, count: int, work: Callable[[], Awaitable[None]]) -> None:
    """Say how fast."""
    began, cpu = time.perf_counter(), time.process_time()
    await work()
    elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    say(f"{what}: {count:,} messages in {elapsed:.1f} s, {count / elapsed:,.0f}/s, {cpu / count * 1e6:.0f} us CPU each")


@contextmanager
def busy_thread() -> Iterator[None]:
    """Have a thread that wants the interpreter all the time, as a busy event loop does."""
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1_000))

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def report_files(folder: Path, count: int) -> None:
    """Say how large the files are."""
    for file in sorted(folder.glob("*.db")):
        say(f"{file.name}: {file.stat().st_size / 1e6:,.0f} MB, {file.stat().st_size / count:.0f} bytes a message")


def draw(bodies: list[str], rng: random.Random, kind: str, count: int) -> Iterable[str]:
    """Draw queries of 3 to 12 characters: out of bodies, glued of two bodies, or the awkward ones."""
    while kind != "repeated" and count:
        body, length = rng.choice(bodies), rng.randint(SHORTEST, 12)
        start = rng.randrange(max(1, len(body) - length + 1))
        drawn = body[start : start + length]
        if kind == "misses":
            drawn = drawn[: length // 2 + 1] + rng.choice(bodies)[: length // 2]
        if len(fold(drawn.strip())) >= SHORTEST:
            count -= 1
            yield drawn.strip()
    if kind == "repeated":
        yield from REPEATED * (count // len(REPEATED))


async def search_all(search: Search, storage: Opened, token: str, queries: int, bodies: list[str]) -> None:
    """Say what a first page takes, by kind of query, and by what it found."""
    rng = random.Random(8)  # noqa: S311 - the same queries every time
    count = (await storage.storage.get_chat(token, OTHERS + 1)).messages_count
    say(f"\nsearches in the chat of {count:,} messages, first page of {PAGE}")
    say(f"{'':10} {'queries':>8} {'empty':>6} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'max ms':>8}  slowest")
    for kind in KINDS:
        taken: list[tuple[float, str]] = []
        empty = 0
        for text in draw(bodies, rng, kind, queries):
            began = time.perf_counter()
            page = await search.search_messages(token, OTHERS + 1, text, 0, PAGE)
            taken.append(((time.perf_counter() - began) * 1_000, text))
            empty += not page.items
        say(row(kind, sorted(taken), empty))


def row(kind: str, taken: list[tuple[float, str]], empty: int) -> str:
    """Write one line of the table."""
    at = [taken[min(len(taken) - 1, int(len(taken) * share))][0] for share in (0.5, 0.95, 0.99, 1)]
    figures = " ".join(f"{figure:8.2f}" for figure in at)
    return f"{kind:10} {len(taken):8,} {empty:6,} {figures}  {taken[-1][1][:40]!r}"


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
