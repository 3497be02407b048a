"""A database that stands by, as a writer and a lease-holder use it."""

from __future__ import annotations

import asyncio
from contextlib import closing

from parley.domain.events import Entry, IdempotencyKey, Logged, MessagesPosted, Position
from parley.domain.model import Draft
from parley.domain.numbering import Appended, Outcome
from parley.log.standby import Standby
from parley.storage import open_audit
from parley.storage.port import Difference
from tests.support.mysql_house import House

LAST_BEFORE = 1_000
"""The last number of a new chat's first grant."""


def key(name: str, fingerprint: bytes = bytes(16)) -> IdempotencyKey:
    """Give a message's key."""
    return IdempotencyKey("messages", name, fingerprint)


def say(chat: tuple[str, int], *bodies: str, key: IdempotencyKey | None = None) -> Entry:
    """Ask for messages."""
    return Entry(*chat, MessagesPosted(tuple(map(Draft, bodies))), key=key)


async def stand_by(house: House) -> int:
    """Let the database give partition 0's numbers; give the epoch in which it does."""
    await house.persisting.stand_by(0, house.lease, (await house.row()).life.epoch)
    return (await house.row()).life.epoch


async def append(house: House, *entries: Entry, epoch: int | None = None) -> list[Outcome]:
    """Append through a standby, as a writer does that knows the present epoch."""
    known = (await house.row()).life.epoch if epoch is None else epoch
    return await Standby(house.numbering, house.clock).append(0, known, entries)


async def numbers(house: House, *entries: Entry) -> list[int]:
    """Append what must be taken, and give the first numbers."""
    outcomes = await append(house, *entries)
    assert all(isinstance(outcome, Appended) and outcome.by_standby for outcome in outcomes), outcomes
    return [outcome.number for outcome in outcomes if isinstance(outcome, Appended)]


async def come_back(house: House, *left: Logged) -> None:
    """Let the log bring what it has left, and open the next epoch, as a lease-holder does."""
    if left:
        await house.persist(*left)
    row = await house.row()
    house.position = Position(row.life.epoch, max(house.position.id, house.clock.now_ms() << 20) + (1 << 30))
    await house.open_life(row.life.epoch + 1)


async def differences(house: House) -> list[Difference]:
    """Give what ``parley check`` would."""

    def look() -> list[Difference]:
        with closing(open_audit(house.url)) as audit:
            return list(audit.compare(lambda _: None))

    return await asyncio.to_thread(look)
