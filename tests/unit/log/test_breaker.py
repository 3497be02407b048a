"""Whether a log can be reached, by an injected clock: opened by silence that is confirmed, closed by a sign of life."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from parley.log.breaker import BEAT_S, Breaker
from parley.log.redis.reach import PATIENCE_S
from tests.unit.workers.doubles import StillClock

ALL = frozenset({0, 1})
NONE = frozenset[int]()


class Watched:
    """A breaker whose questions are answered as the test says; each takes a second."""

    def __init__(self, *answers: frozenset[int]) -> None:
        """Answer in this order."""
        self.clock = StillClock()
        self.answers = list(answers)
        self.told: list[frozenset[int]] = []
        self.breaker = Breaker(self._ask, self.clock, lambda: 0.5, self.told.append)

    async def beat(self, count: int = 1) -> Sequence[str]:
        """Ask, and give what was logged."""
        with capture_logs() as logs:
            for _ in range(count):
                await self.breaker.beat()
        return [log["event"] for log in logs]

    async def _ask(self) -> frozenset[int]:
        self.clock.move(1)
        return self.answers.pop(0)


async def test_a_log_that_answers_is_not_away() -> None:
    """Nobody is told anything."""
    watched = Watched(NONE, NONE)

    logged = await watched.beat(2)

    assert (watched.breaker.away, watched.breaker.away_s(0), watched.told, logged) == (NONE, 0.0, [], [])
    assert watched.breaker.longest_s() == 0.0
    assert watched.breaker.pause_s() == BEAT_S


async def test_silence_opens_the_breaker_when_it_is_confirmed_at_once() -> None:
    """It counts from the first question that was not answered; everybody is told once."""
    watched = Watched(ALL, ALL, ALL)

    logged = await watched.beat()
    first = watched.breaker.away_s(1)
    logged = [*logged, *await watched.beat()]

    assert first == 2.0
    assert watched.breaker.away_s(1) == 3.0
    assert (watched.breaker.away, watched.told, logged) == (ALL, [ALL], ["log away"])


async def test_one_silence_is_no_silence() -> None:
    """Whoever asks may have stood still himself."""
    watched = Watched(ALL, NONE)

    logged = await watched.beat()

    assert (watched.breaker.away, watched.breaker.away_s(0), watched.told, logged) == (NONE, 0.0, [], [])


async def test_a_sign_of_life_closes_the_breaker() -> None:
    """At once, with one question; the next outage counts anew."""
    watched = Watched(ALL, ALL, NONE, ALL, ALL)

    logged = await watched.beat(2)
    closed = watched.breaker.away_s(0)
    await watched.beat()

    assert (closed, watched.breaker.away_s(0)) == (0.0, 2.0)
    assert watched.told == [ALL, NONE, ALL]
    assert logged == ["log away", "log back"]


async def test_partitions_are_told_apart() -> None:
    """In a cluster one may be away; another that follows is confirmed, too."""
    one = frozenset({1})
    watched = Watched(one, one, ALL, one, ALL, ALL, one)

    await watched.beat(4)

    assert watched.told == [one, ALL, one]
    assert (watched.breaker.away_s(0), watched.breaker.away_s(1) > 0) == (0.0, True)


async def test_an_open_breaker_asks_on_with_jitter() -> None:
    """So that not all processes ask a server at the same moment that has just come back."""
    watched = Watched(ALL, ALL)

    await watched.beat()

    assert watched.breaker.pause_s() == pytest.approx(BEAT_S * 1.5)


def test_the_breaker_opens_within_a_second_of_a_log_that_hangs() -> None:
    """A question has just been answered: the next one, and its confirmation, are not."""
    assert BEAT_S + 2 * PATIENCE_S < 1


async def test_watching_ends_when_it_is_told_to() -> None:
    """And asks until then."""
    stop = asyncio.Event()
    asked: list[int] = []

    async def ask() -> frozenset[int]:
        asked.append(1)
        if len(asked) == 2:
            stop.set()
        return NONE

    async with asyncio.timeout(5):
        await Breaker(ask, StillClock(), lambda: 0, lambda _: None).watch(stop)

    assert len(asked) == 2
