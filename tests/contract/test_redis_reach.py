"""Signs of life of a real Redis, and what was not sent to it when there is none."""

from __future__ import annotations

import os
import signal
import time

import pytest

from parley.domain.numbering import Appended
from parley.log.batch import FixedBatch
from parley.log.redis.reach import PATIENCE_S
from tests.support.engines.redis import RedisServer
from tests.support.logs import LogHouse
from tests.support.ports import posted
from tests.support.stopping import halt

EVERY = frozenset({0, 1})


async def test_a_server_that_answers_is_there(house: LogHouse) -> None:
    """For each of its partitions."""
    assert [await house.apart.reach.away() for _ in range(3)] == [frozenset()] * 3


async def test_a_server_that_is_killed_is_away_at_once(house: LogHouse, server: RedisServer) -> None:
    """Whether a connection was open or not; it is there again when it runs again."""
    await house.apart.reach.away()
    server.kill()
    began = time.monotonic()
    away = [await house.apart.reach.away() for _ in range(3)]
    took_s = time.monotonic() - began
    server.start()

    assert away == [EVERY] * 3
    assert took_s < PATIENCE_S
    assert await house.apart.reach.away() == frozenset()


async def test_a_server_that_hangs_is_away_when_patience_ends(house: LogHouse, server: RedisServer) -> None:
    """Each question takes that long and no longer."""
    await house.apart.reach.away()
    assert server.process is not None
    halt(server.process.pid)
    began = time.monotonic()
    away = [await house.apart.reach.away() for _ in range(2)]
    took_s = time.monotonic() - began
    os.kill(server.process.pid, signal.SIGCONT)

    assert away == [EVERY] * 2
    assert took_s == pytest.approx(2 * PATIENCE_S, abs=PATIENCE_S)
    assert await house.apart.reach.away() == frozenset()


async def test_what_was_not_sent_is_given_back(house: LogHouse, server: RedisServer) -> None:
    """Two batches are on their way and stay with the log; the third is whole, and owed to who waits for it."""
    chat = await house.add_chat(0)
    assert server.process is not None
    halt(server.process.pid)
    sent = [house.log.append(FixedBatch([posted(chat, f"sent {n}")])) for n in range(2)]
    batch = FixedBatch([posted(chat, "unsent")])
    unsent = house.log.append(batch)

    given_back = house.apart.reach.withdraw()
    again = house.apart.reach.withdraw()
    os.kill(server.process.pid, signal.SIGCONT)
    outcomes = [await each for each in sent]
    after = await house.send(posted(chat, "after"))

    assert (given_back, again) == ([(batch, unsent)], [])
    assert not unsent.done()
    assert [each.number for (each,) in [*outcomes, after] if isinstance(each, Appended)] == [1, 2, 3]
