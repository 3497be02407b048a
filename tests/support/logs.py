"""A log of its own under the hands of a test, beside a database that is a dictionary."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

import msgspec
from redis import Redis

from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    Entry,
    Event,
    Logged,
    MessagesPosted,
    NumbersBurnt,
    Position,
    position_id,
)
from parley.domain.grants import FIRST_GRANT, Known, Life, Need, ScopeName
from parley.domain.model import Draft
from parley.domain.numbering import Appended, KeyState, Outcome, Reason, Refused, Replayed
from parley.domain.partitions import partition_of
from parley.log import open_log
from parley.log.batch import FixedBatch
from parley.log.redis.appends import RedisLog
from parley.log.redis.keeper import Budget, RedisKeeper
from parley.log.redis.line import LostReplyError
from parley.log.redis.wires import Call
from parley.telemetry.clock import SystemClock

PARTITIONS: Final = 2
_PREFIXES = count(1)
_WRITERS = count(1)


class Row(msgspec.Struct):
    """A scope as the database has it."""

    granted_until: int = 0
    log_epoch: int = 0
    log_first: int = 1
    log_until: int = 0
    last: int = 0
    closed: bool = False


class Rows:
    """What the database says to a log of its own, and what persist tells it."""

    def __init__(self, size: int = FIRST_GRANT) -> None:
        """Hold nothing; a grant has ``size`` numbers."""
        self.size = size
        self.scopes: dict[ScopeName, Row] = {}
        self.bodies: dict[ScopeName, dict[int, str]] = {}
        self.gaps: dict[ScopeName, set[int]] = {}
        self.keys: dict[tuple[str, str, str], KeyState] = {}
        self.ended: set[str] = set()

    def provide(self, needs: Sequence[Need]) -> dict[ScopeName, Known]:
        """Say what is known of scopes, granting what is needed."""
        return {need.name: self._provide(need, self.scopes[need.name]) for need in needs if need.name in self.scopes}

    def find_keys(self, names: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], KeyState]:
        """Give what keys stand for."""
        return {name: self.keys[name] for name in names if name in self.keys}

    def apply(self, events: Sequence[Event]) -> None:
        """Store events."""
        for event in events:
            self._apply(event)

    def void(self, epoch: int, is_of: Callable[[str], bool]) -> None:
        """Void a partition's grants of epochs below: what they had left goes to the gap ledger."""
        for name, row in self.scopes.items():
            if is_of(name.token) and row.log_epoch < epoch:
                self._void(name, row, epoch)

    def _provide(self, need: Need, row: Row) -> Known:
        if row.log_epoch < need.epoch:
            self._void(need.name, row, need.epoch)
        if row.log_until <= need.until or row.log_until < need.until + need.wanted:
            is_next = row.granted_until == row.log_until
            row.log_first = row.log_first if is_next and row.log_until else row.granted_until + 1
            row.granted_until = row.log_until = row.granted_until + max(need.wanted, self.size)
        return Known(need.name, row.closed, row.last, row.log_first, row.log_until)

    def _void(self, name: ScopeName, row: Row, epoch: int) -> None:
        self.gaps[name] |= set(range(row.last + 1, row.granted_until + 1))
        row.log_epoch, row.log_first, row.log_until = epoch, row.granted_until + 1, 0

    def _apply(self, event: Event) -> None:
        name = ScopeName(event.entry.token, event.entry.chat)
        row, what = self.scopes[name], event.entry.what
        if event.entry.key is not None:
            key = event.entry.key
            self.keys[name.token, key.route, key.key] = KeyState(key.fingerprint, event.number, event.position)
        if isinstance(what, ChatCreated):
            row.last = event.number
            epoch = event.position.epoch
            self.add(ScopeName(name.token, event.number), Row(FIRST_GRANT, epoch, 1, FIRST_GRANT))
        elif isinstance(what, MessagesPosted):
            for number, draft in enumerate(what.messages, event.number):
                assert number not in self.bodies[name], f"number {number} of {name} was given twice"
                self.bodies[name][number] = draft.body
            row.last = max(row.last, event.number + len(what.messages) - 1)
        elif isinstance(what, NumbersBurnt):
            self.gaps[name] |= set(range(event.number, what.last + 1))
            row.last = max(row.last, what.last)
        elif isinstance(what, ChatDeleted):
            row.closed = True
        elif isinstance(what, ApplicationClosed):
            self.ended.add(name.token)

    def add(self, name: ScopeName, row: Row | None = None) -> None:
        """Make a scope."""
        assert name not in self.scopes, f"chat {name} was created twice"
        self.scopes[name] = row or Row()
        self.bodies[name] = {}
        self.gaps[name] = set()


class LogHouse:
    """One process at a log, which is also the lease-holder of all partitions."""

    def __init__(self, url: str, rows: Rows | None = None, *, prefix: str | None = None, **options: Any) -> None:  # noqa: ANN401
        """Name the server, the database, and what the log is opened with."""
        self.prefix = prefix or f"test-{os.getpid()}-{next(_PREFIXES)}"
        self.server_url = url
        self.url = f"{url}{'&' if '?' in url else '?'}prefix={self.prefix}"
        self.rows = rows or Rows()
        self.lives: dict[int, Life] = {}
        self.stored: dict[int, Position] = {}
        self._tokens = count(1)
        self._options: dict[str, Any] = {"partitions": PARTITIONS, "accepts_relaxed": True, **options}

    async def start(self) -> None:
        """Open it, as a process does that starts."""
        writer_id = f"writer-{os.getpid()}-{next(_WRITERS)}"
        opened = open_log(self.url, clock=SystemClock(), writer_id=writer_id, **self._options)
        assert isinstance(opened.log, RedisLog)
        assert opened.apart is not None
        self.log, self.apart, self._start, self.close = opened.log, opened.apart, opened.start, opened.close
        await self._start()

    @property
    def keeper(self) -> RedisKeeper:
        """Give the keeper, with what a test may turn."""
        assert isinstance(self.apart.keeper, RedisKeeper)
        return self.apart.keeper

    def keep_nothing(self) -> None:
        """Let the next trims let go of all that may be let go of."""
        self.keeper.budget = Budget(keys=0, scopes=0, idle_ms=-1, gate_ms=-1)

    async def begin(self, partition: int, epoch: int | None = None, keys_known_since: int | None = None) -> Life:
        """Open a life of a partition's log, by default the next epoch once all of this one is stored, and adopt it.

        A new log knows all keys if the database has none, as the lease-holder tells it.
        """
        present = self.lives.get(partition, Life(0, ""))
        vitals = await self.keeper.examine(partition, present)
        life = Life(present.epoch + 1 if epoch is None else epoch, vitals.run_id)
        if life.epoch != present.epoch:
            if present.epoch:
                await self.keeper.seal(partition)
                await self.persist(partition)
            self.rows.void(life.epoch, lambda token: self.partition_of(token) == partition)
            self.stored[partition] = Position(life.epoch, position_id(SystemClock().now_ms()))
        if keys_known_since is None:
            keys_known_since = SystemClock().now_ms() if self.rows.keys else 0
        await self.keeper.open(partition, life, self.stored[partition], keys_known_since)
        self.adopt({partition: life})
        return life

    def adopt(self, lives: Mapping[int, Life]) -> None:
        """Take lives over."""
        self.lives.update(lives)
        self.apart.feeding.adopt(self.lives)

    async def begin_all(self, keys_known_since: int | None = None) -> None:
        """Open the next epoch of all partitions."""
        for partition in range(self.partitions):
            await self.begin(partition, keys_known_since=keys_known_since)

    @property
    def partitions(self) -> int:
        """Give how many there are."""
        return int(self._options["partitions"])

    def partition_of(self, token: str) -> int:
        """Give an application's."""
        return partition_of(token, self.partitions)

    def add_application(self, partition: int | None = None) -> str:
        """Make an application, of a partition if that matters, and give its token."""
        tokens = (f"{next(self._tokens):032x}" for _ in count())
        token = next(token for token in tokens if partition in {None, self.partition_of(token)})
        self.rows.add(ScopeName(token, None))
        return token

    async def add_chat(self, partition: int | None = None) -> tuple[str, int]:
        """Make an application with a chat, and give token and number."""
        token = self.add_application(partition)
        return token, (await self.take(Entry(token, None, ChatCreated()))).number

    async def send(self, *entries: Entry) -> list[Outcome]:
        """Append a batch, once."""
        return await self.log.append(FixedBatch(entries))

    async def append(self, *entries: Entry) -> list[Outcome]:
        """Append a batch, and again what the log could not decide, once it was told what it lacked."""
        outcomes: dict[int, Outcome] = {}
        waiting = dict(enumerate(entries))
        for _ in range(20):
            for place, outcome in zip(list(waiting), await self.send(*waiting.values()), strict=True):
                settled = await self.recover(waiting[place], outcome)
                if settled is not None:
                    outcomes[place] = settled
                    del waiting[place]
            if not waiting:
                return [outcomes[place] for place in range(len(entries))]
        raise AssertionError(f"the log never decided {waiting}")

    async def take(self, entry: Entry) -> Appended:
        """Append an entry that must be taken."""
        (outcome,) = await self.append(entry)
        assert isinstance(outcome, Appended), outcome
        return outcome

    async def read(self, partition: int, limit: int = 10_000) -> list[Logged]:
        """Give what is not stored."""
        position, found = self.stored[partition], list[Logged]()
        while True:
            reading = await self.apart.stream.read({partition: position}, limit - len(found))
            found += reading.entries[partition]
            if partition not in reading.full or len(found) == limit:
                return found
            position = found[-1].position

    async def persist(self, *partitions: int, limit: int = 10_000) -> None:
        """Store what is on the log, by default of all partitions, and let go of it there."""
        for partition in partitions or self.lives:
            logged = await self.read(partition, limit)
            if logged:
                self.rows.apply([one.event for one in logged if one.event is not None])
                self.stored[partition] = logged[-1].position
                await self.keeper.trim(partition, logged[-1])

    async def recover(self, entry: Entry, outcome: Outcome) -> Outcome | None:
        """Give the outcome, or ``None`` if the log was told what it lacked."""
        if not isinstance(outcome, Refused) or outcome.reason not in {
            Reason.COLD,
            Reason.EXHAUSTED,
            Reason.KEY_UNKNOWN,
        }:
            return outcome
        if outcome.reason is Reason.KEY_UNKNOWN:
            return self._recover_key(entry, outcome)
        partition = self.partition_of(entry.token)
        needs = self.needs(entry, outcome)
        if outcome.reason is Reason.EXHAUSTED and needs[-1].name not in self.rows.scopes:
            await self.persist(partition)  # the log was quicker than the database
        known = self.rows.provide(needs)
        for need, reason in zip(needs, (Reason.APPLICATION_GONE, Reason.CHAT_GONE), strict=False):
            if need.name not in known or known[need.name].closed:
                return Refused(reason)
        await self.apart.feeding.restore(partition, outcome.stamp, list(known.values()))
        return None

    def needs(self, entry: Entry, refused: Refused) -> list[Need]:
        """Give what an entry needs to know."""
        epoch = self.lives[self.partition_of(entry.token)].epoch
        until = refused.until if refused.reason is Reason.EXHAUSTED else 0
        application = ScopeName(entry.token, None)
        if entry.chat is None:
            return [Need(application, epoch, until, 1)]
        wanted = len(entry.what.messages) if isinstance(entry.what, MessagesPosted) else 0
        return [Need(application, epoch, 0, 0), Need(ScopeName(entry.token, entry.chat), epoch, until, wanted)]

    def _recover_key(self, entry: Entry, refused: Refused) -> Outcome | None:
        assert entry.key is not None
        name = entry.token, entry.key.route, entry.key.key
        known = self.rows.find_keys([name]).get(name)
        if known is None:
            self.apart.feeding.vouch(*name, refused.stamp)
            return None
        same = known.fingerprint == entry.key.fingerprint
        return Replayed(known.number, known.position) if same else Refused(Reason.KEY_REUSED)

    def names(self) -> list[str]:
        """Give the names of all keys."""
        with self.client() as client:
            return sorted(name.decode() for name in client.scan_iter(match=f"{{{self.prefix}:*", count=10_000))

    def client(self) -> Redis:
        """Give a plain client of the server."""
        return Redis.from_url(self.server_url.replace("valkey://", "redis://"))  # all that the driver knows

    def flush(self) -> None:
        """Take all keys away, as FLUSHALL does; scripts stay."""
        with self.client() as client:
            client.delete(*self.names())


class Faults:
    """Stands between a log and its wires: some replies get lost on the way, and calls can be sent again."""

    def __init__(self, house: LogHouse) -> None:
        """Lose nothing yet."""
        self.calls: list[Sequence[Call]] = []
        self.replies: list[list[Any]] = []
        self.lost = 0
        self.when_lost: Callable[[], object] = bool
        wires = house.log._wires
        self._exchange = wires.exchange
        wires.exchange = self.exchange  # type: ignore[method-assign]

    async def exchange(self, calls: Sequence[Call]) -> list[Any]:
        """Exchange, and lose the replies if it is the time."""
        self.calls.append(calls)
        replies = await self._exchange(calls)
        self.replies.append(replies)
        if self.lost:
            self.lost -= 1
            self.when_lost()
            return [LostReplyError("cut")] * len(calls)
        return replies

    async def repeat(self, calls: Sequence[Call]) -> list[Any]:
        """Send calls as they were once sent."""
        return await self._exchange(calls)


async def wait_until(look: Callable[[], Awaitable[bool]], what: str, timeout_s: float = 10) -> None:
    """Ask until the answer is yes; fail with ``what`` after the time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not await look():
        assert loop.time() < deadline, f"not within {timeout_s} s: {what}"
        await asyncio.sleep(0.01)


async def notice() -> None:
    """Let the loop see which connections have ended."""
    for _ in range(5):
        await asyncio.sleep(0)


async def let_go(house: LogHouse, beside: tuple[str, int]) -> None:
    """Store everything, and let the log go of every scope but the one that is written to a millisecond later."""
    entry = Entry(*beside, MessagesPosted((Draft("a"),)))
    last = (await house.take(entry)).position.at
    while (await house.take(entry)).position.at <= last:
        pass
    await house.persist()


@asynccontextmanager
async def log_house(url: str, rows: Rows | None = None, **options: Any) -> AsyncIterator[LogHouse]:  # noqa: ANN401
    """Give a started log with all partitions open."""
    house = LogHouse(url, rows, **options)
    await house.start()
    try:
        await house.begin_all()
        yield house
    finally:
        await house.close()
