"""One loop: users ask what is due, until nothing more is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter, process_time
from typing import Final, NamedTuple

from parley.cli.benching.latencies import Latencies
from parley.cli.benching.mix import Request
from parley.cli.benching.pace import Pace
from parley.cli.benching.tally import Tally
from parley.cli.benching.user import User

ANSWER_TIMEOUT_S: Final = 15.0
"""What has no answer so long after the last request was sent gets none."""

_TICK_S: Final = 0.001


class Offer(NamedTuple):
    """The window in which load was offered, and what the generator itself was in it; rates are of this window."""

    seconds: float
    cpu: float
    """Its share of one core."""
    late_ms: float
    """How late it was with one request in a hundred."""
    unsent: int
    """Requests that were due and never sent."""


class Load:
    """Gives free users the next request as soon as it is due; nobody waits in a line of a single connection."""

    def __init__(self, ask: Callable[[], Request], pace: Pace, tally: Tally, users: Sequence[User]) -> None:
        """Take what makes requests, and connected users, all of them free."""
        self._ask = ask
        self._pace = pace
        self._tally = tally
        self._free = list(users)
        self._users = len(users)
        self._all_free = asyncio.Event()
        self._is_over = False
        for user in users:
            user.host = self

    async def run(self) -> Offer:
        """Offer the load, then wait for what is still on the way."""
        try:
            offer = await self._offer()
            self._tally.end_window()
            if len(self._free) < self._users:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._all_free.wait(), ANSWER_TIMEOUT_S)
        finally:
            self._is_over = True
        return offer

    async def _offer(self) -> Offer:
        began = now = perf_counter()
        used, delays = process_time(), Latencies()
        while not (delays.total and self._pace.is_over(now)):
            looked = now
            self._wake()
            await asyncio.sleep(_TICK_S)
            now = perf_counter()
            _note_delay(delays, now - looked - _TICK_S)
        seconds = now - began
        cpu = (process_time() - used) / seconds
        return Offer(seconds, cpu, delays.quantile_ms(0.99), self._pace.unsent(now))

    def settled(self, user: User, request: Request, status: int, body: bytes, seconds: float) -> None:
        """Count an answer, and give its user the next request."""
        self._tally.answered(request, status, body, seconds)
        self._next(user)

    def failed(self, user: User, request: Request, why: str, *, was_sent: bool) -> None:
        """Count a request without an answer, and give its user the next."""
        self._tally.unanswered(request, why, was_sent=was_sent)
        self._next(user)

    def _next(self, user: User) -> None:
        due = None if self._is_over else self._pace.take(perf_counter())
        if due is not None:
            user.send(self._ask(), due)
            return
        self._free.append(user)
        if self._pace.is_over(perf_counter()) and len(self._free) == self._users:
            self._all_free.set()

    def _wake(self) -> None:
        """Give what is due by now to whoever is free."""
        while self._free and (due := self._pace.take(perf_counter())) is not None:
            self._free.pop().send(self._ask(), due)


def _note_delay(delays: Latencies, seconds: float) -> None:
    """Count a delay as often as somebody would have met it: the first met all of it, the last hardly any."""
    while seconds > _TICK_S:
        delays.add(seconds)
        seconds -= _TICK_S
    delays.add(max(seconds, 0.0))
