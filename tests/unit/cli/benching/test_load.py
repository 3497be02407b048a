"""Loops over real sockets that stall, close, refuse and never answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import perf_counter

import httpx
import pytest

from parley.cli.benching import load as loops
from parley.cli.benching.book import Book
from parley.cli.benching.load import Load, Offer
from parley.cli.benching.mix import CREATE, Mix
from parley.cli.benching.pace import Ceiling, Pace, Steady
from parley.cli.benching.plan import Plan, services_of
from parley.cli.benching.tally import Tally
from parley.cli.benching.user import User
from tests.support.pace import hold_async
from tests.support.server import free_ports

Answer = Callable[[int], Awaitable[bytes]]
CHATS = 3


class Site:
    """What a loop works with, and its server."""

    def __init__(self, port: int, users: int) -> None:
        """Have users of a server on a port."""
        url = httpx.URL(f"http://127.0.0.1:{port}")
        plan = Plan(url, url, users, 1, None, reads=0, keys=0, size=10, chats=CHATS)
        services = services_of(plan)
        self.book = Book(CHATS)
        self.tally = Tally(self.book)
        self.users = [User(*services) for _ in range(users)]
        self._mix = Mix(plan, services, "/a", self.book)

    async def run(self, pace: Pace) -> Offer:
        """Run a loop, and give what was offered."""
        offer = await Load(self._mix.next, pace, self.tally, self.users).run()
        for user in self.users:
            user.give_up()
        return offer

    def close(self) -> None:
        """Close the connections."""
        for user in self.users:
            user.close()


@asynccontextmanager
async def served(answer: Answer, users: int) -> AsyncIterator[Site]:
    """Give a site whose server answers the n-th create of all with ``answer(n)``, and closes after ``close``."""
    asked, serving = 0, set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        serving.add(asyncio.current_task())  # type: ignore[arg-type]  # this is a task
        try:
            while True:
                await reader.readuntil(b"}")
                asked += 1
                answered = await answer(asked)
                writer.write(answered)
                if b"close" in answered:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    site = Site(server.sockets[0].getsockname()[1], users)
    try:
        yield site
    finally:
        site.close()
        server.close()
        await asyncio.gather(*serving, return_exceptions=True)


def created(number: int, more: str = "") -> bytes:
    """Write a good answer."""
    body = f'{{"number":{number}}}'
    return f"HTTP/1.1 201 Created\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def test_stall_is_seen_by_all_that_came_into_it() -> None:
    """Only one request was on the way while the server slept; those that were due behind it waited as people would."""

    async def answer(number: int) -> bytes:
        if number == 1:
            await hold_async(0.3)
        return created(number)

    async with served(answer, users=1) as site:
        offer = await site.run(Steady(perf_counter(), seconds=0.5, rate=100))

    latencies = site.tally.latencies[CREATE]
    assert (offer.unsent, latencies.total, dict(site.tally.errors)) == (0, 50, {})
    assert latencies.max_ms >= 299
    assert latencies.quantile_ms(0.7) >= 100


async def test_answer_that_is_waited_for_dilutes_neither_the_rate_nor_the_share() -> None:
    """Nothing is offered while one straggler is waited for: it counts as an answer, and not in the rate."""

    async def answer(number: int) -> bytes:
        if number == 2:
            await hold_async(0.7)
        return created(number)

    async with served(answer, users=2) as site:
        offer = await site.run(Ceiling(perf_counter(), 0.2))

    assert 0.19 <= offer.seconds <= 0.5
    assert 0 < offer.cpu <= 1.5
    assert site.tally.good - site.tally.in_window[CREATE] in {1, 2}  # the straggler, and what the other user waits for


async def test_closed_connection_is_opened_again_without_an_error() -> None:
    """A server may end a connection after any answer."""

    async def answer(number: int) -> bytes:
        return created(number, "Connection: close\r\n")

    async with served(answer, users=2) as site:
        await site.run(Steady(perf_counter(), seconds=0.2, rate=100))

    assert (site.tally.good, dict(site.tally.errors), sum(site.book.unsettled)) == (20, {}, 0)
    assert sorted(number for numbers in site.book.acknowledged for number in numbers) == list(range(1, 21))


async def test_refusals_are_counted_by_status_and_unknown_outcomes_kept_apart() -> None:
    """503 and 4xx were not written; 504, and a 201 that says no number, may have been."""
    statuses = ["503 X", "404 X", "504 X", "500 X", "201 Created"]

    async def answer(number: int) -> bytes:
        return f"HTTP/1.1 {statuses[number % 5]}\r\nContent-Length: 2\r\n\r\n[]".encode()

    async with served(answer, users=1) as site:
        await site.run(Steady(perf_counter(), seconds=0.1, rate=100))

    reasons = ("503", "404", "504", "500", "201 without a number")
    assert site.tally.errors[CREATE] == dict.fromkeys(reasons, 2)
    assert (sum(site.book.unsettled), site.book.total, site.tally.good) == (6, 0, 0)


async def test_request_that_is_never_answered_ends_with_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error, its outcome is unknown, and what was due behind it was never sent."""
    monkeypatch.setattr(loops, "ANSWER_TIMEOUT_S", 0.1)
    never = asyncio.Event()

    async def answer(number: int) -> bytes:
        if number == 3:
            await asyncio.wait_for(never.wait(), 30)
        return created(number)

    async with served(answer, users=1) as site:
        offer = await site.run(Steady(perf_counter(), seconds=0.1, rate=100, grace_s=0.1))
        never.set()

    assert (offer.unsent, site.tally.good, dict(site.tally.errors)) == (7, 2, {CREATE: {"no answer": 1}})
    assert site.book.unsettled[3] == 1


async def test_nobody_there_is_an_error_and_not_an_unknown_outcome() -> None:
    """What was never sent cannot have been written; the loop goes on asking."""
    site = Site(free_ports(1)[0], users=2)

    await site.run(Ceiling(perf_counter(), 0.35))

    assert site.tally.errors[CREATE]["no connection"] >= 4
    assert (sum(site.book.unsettled), site.tally.good) == (0, 0)
