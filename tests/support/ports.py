"""A log and a storage, opened by URL as production opens them, on a clock that the test moves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

import apsw

from parley.domain.events import ChatCreated, Entry, IdempotencyKey, MessagesPosted
from parley.domain.model import Draft
from parley.domain.numbering import Appended, Outcome
from parley.log import open_log
from parley.log.batch import FixedBatch
from parley.log.port import Log
from parley.storage import open_storage
from parley.storage.port import Changes, Erasure, Opening, Storage, Tenants
from tests.unit.workers.doubles import StillClock

AnyProfile = TypeVar("AnyProfile", bound="Profile")

KEY_TTL_S: Final = 86_400
PARTITIONS: Final = 4

DATABASES: Final[dict[str, Callable[[Path], str]]] = {"sqlite": lambda folder: f"sqlite://{folder}/parley.db"}
"""Every database that carries a log itself: how a test gets the URL of one of its own."""


class Profile(ABC):
    """One installation, embedded or on servers, whose appends are stored when they return.

    Tests of a contract know it by its ports alone; `reopen` is what a restart of its process does to it.
    """

    url: str
    """The database's."""
    storage: Storage
    tenants: Tenants
    changes: Changes
    erasure: Erasure
    log: Log

    @abstractmethod
    async def open(self) -> None:
        """Open it, as a process does that starts."""

    @abstractmethod
    async def close(self) -> None:
        """Close it, as a process does that stops."""

    @abstractmethod
    async def append(self, *batch: Entry) -> Sequence[Outcome]:
        """Append a batch, give its outcomes, and have stored by then what was taken."""

    @abstractmethod
    async def store(self) -> None:
        """Have stored what lies on the log."""

    @abstractmethod
    async def count(self, rows: str) -> int:
        """Count rows, such as ``chat where erased_at is null``, behind the adapter's back."""

    async def reopen(self) -> None:
        """Close it and open it."""
        await self.close()
        await self.open()

    async def add_application(self, name: str = "an application") -> str:
        """Make an application and give its token: a scope that no other test knows."""
        application, _ = await self.tenants.create(name, None)
        return application.token

    async def add_chat(self, messages: int = 0) -> tuple[str, int]:
        """Make an application with a chat with messages, and give token and number."""
        token = await self.add_application()
        number = (await self.take(Entry(token, None, ChatCreated()))).number
        if messages:
            await self.take(posted((token, number), *(f"message {n}" for n in range(1, messages + 1))))
        return token, number

    async def take(self, entry: Entry) -> Appended:
        """Append an entry that must be taken."""
        (outcome,) = await self.append(entry)
        assert isinstance(outcome, Appended), outcome
        return outcome

    async def delete_application(self, token: str) -> None:
        """Delete an application, the way its use case does."""
        await self.tenants.delete(token)
        await self.log.close_gate(token)
        await self.store()

    async def erase(self, limit: int = 500) -> None:
        """Erase until nothing is left."""
        while await self.erasure.erase(limit):
            pass


class Ports(Profile):
    """The embedded profile: the log is the database."""

    def __init__(self, url: str, clock: StillClock, *, scan_max_messages: int = 200_000, scan_max_s: float = 1) -> None:
        """Name the database; `open` opens it."""
        self.url = url
        self.clock = clock
        self._rng = Random(1)
        self._scan_bounds = scan_max_messages, scan_max_s

    async def open(self) -> None:
        """Open it, as a process does that starts."""
        new_token = lambda: self._rng.randbytes(16).hex()  # noqa: E731 - as bootstrap passes it
        opening = Opening(self.clock, new_token, PARTITIONS, KEY_TTL_S, 2, *self._scan_bounds, accepts_relaxed=True)
        self._storage = open_storage(self.url, opening)
        await self._storage.start()
        self.storage, self.tenants, self.changes, self.erasure, self.counts, self.inline, self.shared, *_ = (
            self._storage
        )
        self._log = open_log(self.url, inline=self.inline, clock=self.clock)
        await self._log.start()
        self.log = self._log.log

    async def close(self) -> None:
        """Close it, as a process does that stops."""
        await self._log.close()
        await self._storage.close()

    async def append(self, *batch: Entry) -> Sequence[Outcome]:
        """Append a batch and give its outcomes."""
        return await self.log.append(FixedBatch(batch))

    async def store(self) -> None:
        """Have nothing to do: what is on this log is stored."""

    async def count(self, rows: str) -> int:
        """Count rows."""
        return int(self.sql(f"select count(*) from {rows}")[0][0])  # noqa: S608

    @property
    def file(self) -> Path:
        """Give the database's file."""
        return Path(self.url.removeprefix("sqlite://").partition("?")[0])

    def sql(self, statement: str, *bindings: object) -> list[tuple[Any, ...]]:
        """Run a statement behind the adapter's back."""
        with closing(apsw.Connection(str(self.file))) as connection:
            return list(connection.execute(statement, bindings))


@asynccontextmanager
async def opened(ports: AnyProfile) -> AsyncIterator[AnyProfile]:
    """Open an installation and close it in the end."""
    await ports.open()
    try:
        yield ports
    finally:
        await ports.close()


def posted(chat: tuple[str, int], *bodies: str, key: IdempotencyKey | None = None) -> Entry:
    """Make an entry that posts messages into a chat (token, number)."""
    token, number = chat
    return Entry(token, number, MessagesPosted(tuple(map(Draft, bodies))), key=key)


def keyed(name: str, payload: str = "payload", route: str = "messages") -> IdempotencyKey:
    """Make an idempotency key for a payload."""
    return IdempotencyKey(route, name, payload.encode().ljust(16)[:16])
