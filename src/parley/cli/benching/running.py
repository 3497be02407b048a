"""The two loops of a run: the ceiling, then a steady rate below it."""

from __future__ import annotations

import asyncio
import gc
from time import perf_counter
from typing import Final

from parley.cli.benching.book import Book
from parley.cli.benching.load import Load
from parley.cli.benching.mix import Mix
from parley.cli.benching.pace import Ceiling, Pace, Steady
from parley.cli.benching.plan import Plan, Services
from parley.cli.benching.progress import progress
from parley.cli.benching.report import Loop, loop_of
from parley.cli.benching.tally import Tally
from parley.cli.benching.user import User
from parley.cli.client import ApiError

SHARE_OF_CEILING: Final = 0.6
"""Where an open loop runs that was given no rate: busy, and not yet a queue that only grows."""


async def run_loops(plan: Plan, services: Services, mix: Mix, book: Book) -> list[Loop]:
    """Run both; without a single good answer in the first there is nothing to derive a second from.

    Raises:
        ApiError: a service cannot be reached at all.
    """
    gc.collect()
    gc.freeze()  # what is there by now stays: no pause of the collector looks like one of the server
    users = [User(*services) for _ in range(plan.connections)]
    try:
        await _connect(plan, users)
        closed = await _run(plan, mix, Tally(book), users, None)
        rate = plan.rate or closed.per_s * SHARE_OF_CEILING
        return [closed, await _run(plan, mix, Tally(book), users, rate)] if rate else [closed]
    finally:
        for user in users:
            user.close()


async def _run(plan: Plan, mix: Mix, tally: Tally, users: list[User], rate: float | None) -> Loop:
    async with progress(_words(plan, rate), plan.seconds, lambda: tally.good):
        offer = await Load(mix.next, _pace(plan, rate), tally, users).run()
    for user in users:
        user.give_up()
    return loop_of(tally, offer, rate)


async def _connect(plan: Plan, users: list[User]) -> None:
    """Open the connections that will be used, so that no loop begins with doing so."""
    kinds = [is_write for is_write, share in ((False, plan.reads), (True, 100 - plan.reads)) if share]
    for is_write in kinds:
        try:
            await asyncio.gather(*(user.connect(is_write=is_write) for user in users))
        except OSError as error:
            url = plan.write_url if is_write else plan.url
            raise ApiError(f"cannot reach {url}: {error.strerror or 'no connection'}", code="unreachable") from error


def _pace(plan: Plan, rate: float | None) -> Pace:
    began = perf_counter()
    return Ceiling(began, plan.seconds) if rate is None else Steady(began, plan.seconds, rate)


def _words(plan: Plan, rate: float | None) -> str:
    kind = "closed loop" if rate is None else f"open loop at {rate:,.0f}/s"
    return f"{kind} over {plan.connections} connections"
