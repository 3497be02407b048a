"""A server that is killed while it persists: the position tells the truth about what is there."""

from __future__ import annotations

import asyncio
from random import Random

from parley.domain.errors import OutcomeUnknownError, UnavailableError
from parley.domain.events import Logged
from tests.support.engines.mariadb import MariaDbServer
from tests.support.mysql_house import House, opened
from tests.unit.workers.doubles import StillClock

ROUNDS = 5
BATCH = 200


async def persist_until_killed(house: House, log: list[Logged]) -> None:
    """Persist the log batch by batch from where the database is, until it is away."""
    try:
        while True:
            position = (await house.row()).position
            rest = [logged for logged in log if logged.position > position]
            if not rest:
                return
            await house.persisting.apply(0, house.lease, position, rest[:BATCH])
    except (UnavailableError, OutcomeUnknownError):
        return


async def test_the_position_is_what_is_there_after_every_crash(own_server: MariaDbServer, clock: StillClock) -> None:
    """Each message up to it exactly once and none beyond, the counts with them, until all are there."""
    rng = Random(4)
    async with opened(House(own_server.create_database("parley"), clock)) as house:
        await house.begin()
        chats = [await house.add_chat() for _ in range(3)]
        log = [house.post(rng.choice(chats), f"message {n}") for n in range(8_000)]
        for _ in range(ROUNDS):
            killing = asyncio.get_running_loop().call_later(rng.uniform(0.02, 0.2), own_server.kill)
            await persist_until_killed(house, log)
            killing.cancel()
            own_server.restart()

            await check(house, chats, log)
        await persist_until_killed(house, log)

        assert (await house.row()).position == log[-1].position
        await check(house, chats, log)


async def check(house: House, chats: list[tuple[str, int]], log: list[Logged]) -> None:
    """Compare what is there with the log up to the position."""
    position = (await house.row()).position
    stored = [logged.event for logged in log if logged.position <= position]
    for chat in chats:
        expected = {
            event.number: event.entry.what.messages[0].body  # type: ignore[union-attr]  # only posts are on this log
            for event in stored
            if event is not None and event.entry.token == chat[0]
        }
        assert await house.bodies(chat) == expected
        assert (await house.storage.get_chat(*chat)).messages_count == len(expected)
