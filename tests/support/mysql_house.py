"""A MySQL storage in the hands of a test, which is its log: it numbers entries and persists them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final

import msgspec

from parley.database.mysql.address import parse_address
from parley.database.mysql.session import connect
from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    Depth,
    Entry,
    Event,
    IdempotencyKey,
    Logged,
    MessagesPosted,
    Position,
    ReadAgain,
    What,
    position_id,
)
from parley.domain.grants import Life, Partition
from parley.domain.model import Draft
from parley.domain.partitions import partition_of
from parley.storage import open_storage
from parley.storage.port import Opening
from parley.storage.sharing import Applied, Lease
from tests.unit.workers.doubles import StillClock

PARTITIONS: Final = 4
KEY_TTL_S: Final = 86_400
RUN: Final = "run-of-the-test"


class House:
    """One process at a database, holding partition 0's lease; all its applications are of partition 0."""

    def __init__(self, url: str, clock: StillClock, *, owner: str = "worker") -> None:
        """Name the database; `open` opens it."""
        self.url = url
        self.clock = clock
        self.owner = owner
        self.dead_letter_run = 100
        self.read_again: ReadAgain | None = None
        self._rng = Random(owner)
        self.position = Position(0, 0)
        self._numbers: dict[tuple[str, int | None], int] = {}

    async def open(self) -> None:
        """Open it, as a process does that starts."""
        opening = Opening(
            self.clock,
            self._new_token,
            PARTITIONS,
            KEY_TTL_S,
            3,
            200_000,
            1.0,
            dead_letter_run=self.dead_letter_run,
            read_again=self.read_again,
        )
        self._storage = open_storage(self.url, opening)
        await self._storage.start()
        assert self._storage.shared is not None
        self.storage, self.tenants, self.changes, self.erasure, self.counts, *_ = self._storage
        self.scopes, self.persisting, self.leases, self.dead_letters, self.numbering = self._storage.shared

    async def close(self) -> None:
        """Close it, as a process does that stops."""
        await self._storage.close()

    async def begin(self) -> None:
        """Take the lease, and begin the first life of the log, or go on where it is."""
        self.lease = await self.claim()
        row = await self.row()
        if not row.life.run_id:
            await self.open_life(row.life.epoch + 1)
        self.position = (await self.row()).position

    async def claim(self) -> Lease:
        """Take partition 0's lease, which nobody may hold."""
        lease = await self.leases.claim("persist-0", self.owner, 60)
        assert lease is not None
        return lease

    async def open_life(self, epoch: int, run_id: str = RUN) -> None:
        """Begin a life of the log, or note another run."""
        floor = Position(epoch, max(position_id(self.clock.now_ms()), self.position.id + 1))
        await self.persisting.open_life(0, self.lease, Life(epoch, run_id), floor)
        self.position = (await self.row()).position

    async def row(self) -> Partition:
        """Give partition 0's row."""
        return (await self.scopes.partitions())[0]

    async def add_application(self) -> str:
        """Make an application and give its token."""
        return (await self.tenants.create("an application", None))[0].token

    async def add_chat(self, *bodies: str) -> tuple[str, int]:
        """Make an application with a chat with messages, and give token and number."""
        token = await self.add_application()
        await self.persist(self.say(token, None, ChatCreated()))
        if bodies:
            await self.persist(self.post((token, 1), *bodies))
        return token, 1

    def say(
        self, token: str, chat: int | None, what: What, number: int | None = None, *, key: IdempotencyKey | None = None
    ) -> Logged:
        """Put an entry on the log: with the next number if it takes one and none is given."""
        self.position = Position(self.position.epoch, max(position_id(self.clock.now_ms()), self.position.id + 1))
        if number is None and isinstance(what, ChatCreated | MessagesPosted):
            number = self._numbers.get((token, chat), 0) + 1
        if isinstance(what, ChatCreated | MessagesPosted):
            count = len(what.messages) if isinstance(what, MessagesPosted) else 1
            self._numbers[token, chat] = (number or 0) + count - 1
        event = Event(self.position, number or chat or 0, Entry(token, chat, what, number, key))
        return Logged(self.position, event, msgspec.msgpack.encode(event), Depth())

    def post(self, chat: tuple[str, int], *bodies: str, key: IdempotencyKey | None = None) -> Logged:
        """Put messages on the log."""
        return self.say(*chat, MessagesPosted(tuple(map(Draft, bodies))), key=key)

    def noise(self) -> Logged:
        """Put something on the log that nobody can read."""
        self.position = Position(self.position.epoch, self.position.id + 1)
        return Logged(self.position, None, b"\xff noise", Depth())

    async def persist(self, *logged: Logged) -> Applied:
        """Apply what follows the present position."""
        return await self.persisting.apply(0, self.lease, (await self.row()).position, logged)

    async def delete_application(self, token: str) -> None:
        """Delete an application, and close its gate."""
        await self.tenants.delete(token)
        await self.persist(self.say(token, None, ApplicationClosed()))

    async def erase(self, limit: int = 500) -> None:
        """Erase until nothing is left."""
        while await self.erasure.erase(limit):
            pass

    async def sql(self, statement: str, *bindings: object) -> list[tuple[Any, ...]]:
        """Run a statement behind the adapter's back."""
        session = await connect(parse_address(self.url), {})
        try:
            return (await session.execute(statement, bindings)).rows
        finally:
            await session.close()

    async def bodies(self, chat: tuple[str, int]) -> dict[int, str | None]:
        """Give the bodies of all rows of a chat, tombstones too."""
        ids = await self.storage.find_chat(*chat)
        rows = await self.sql("select number, body from message where application_id = %s and chat_id = %s", *ids)
        return dict(sorted(rows))

    async def gaps(self) -> list[tuple[int, int, bytes]]:
        """Give the gap ledger."""
        return [tuple(row) for row in await self.sql("select first, last, reason from gap order by id")]

    def _new_token(self) -> str:
        while partition_of(token := self._rng.randbytes(16).hex(), PARTITIONS):
            pass
        return token


@asynccontextmanager
async def opened(house: House) -> AsyncIterator[House]:
    """Open a house and close it in the end."""
    await house.open()
    try:
        yield house
    finally:
        await house.close()


def last_of(logged: Sequence[Logged]) -> Position:
    """Give the position of the last entry."""
    return logged[-1].position
