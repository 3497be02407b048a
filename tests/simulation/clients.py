"""Clients: they post, edit, create and delete, repeat what has no outcome, and remember what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

import msgspec

from parley.domain.errors import ConflictError, NotFoundError, OutcomeUnknownError, ParleyError, UnavailableError
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    Entry,
    IdempotencyKey,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    What,
)
from parley.domain.model import Draft
from parley.ingest.writes import Accepted
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Network
from tests.simulation.nodes import Writer

PATIENCE_S: Final = 4.0
"""No answer may take longer: the product gives up before."""
APPLICATION: Final = "app"
ResetError = ConnectionResetError
Result = Accepted | ParleyError | ResetError


class Operation(msgspec.Struct):
    """What a client wanted, and all that it knows of it."""

    id: int
    entry: Entry
    invoked_at: float
    wait_s: int | None
    state: str = "pending"
    """``ok``, ``gone`` (not found), ``fail`` (certainly not done) or ``unknown``."""
    maybe: bool = False
    """Whether some try of it had no outcome."""
    done_at: float = 0.0
    """When its last answer came, or the client gave up."""
    number: int = 0
    at: int = 0
    durability: str = ""
    is_degraded: bool = False
    """Whether its answer said that the number may be above one that is given later."""
    repeats: list[int] = msgspec.field(default_factory=list)
    """Numbers that later repeats of a done one were answered with."""

    @property
    def what(self) -> What:
        """Give what was to happen."""
        return self.entry.what

    @property
    def count(self) -> int:
        """Give how many numbers it takes."""
        return len(self.what.messages) if isinstance(self.what, MessagesPosted) else 1

    @property
    def may_be_done(self) -> bool:
        """Tell whether any of its tries may have done something."""
        return self.state == "ok" or self.maybe

    def is_before(self, other: Operation) -> bool:
        """Tell whether all of it was certainly over when the other began."""
        return not self.maybe and self.done_at < other.invoked_at


class Burst(NamedTuple):
    """Where requests go that are sent together, and how long they take to get there."""

    writer: Writer | None
    hop_s: float


class Clients:
    """Some clients at work, and the history of what they did."""

    def __init__(self, network: Network, rng: Random, writers: Callable[[], list[Writer]]) -> None:
        """Send to one of ``writers()`` each time."""
        self.history: list[Operation] = []
        self.wrong: list[str] = []
        """What no client should ever see."""
        self._loop: VirtualLoop = network.loop
        self._network = network
        self._rng = rng
        self._writers = writers
        self._chats: list[int] = []
        self._deleted: set[int] = set()
        self._out: dict[asyncio.Future[Result], Writer] = {}
        self._pauses = 0
        self.is_over = False

    async def work(self) -> None:
        """Be one client until it is over."""
        rng = self._rng
        while not self.is_over:
            count = (1, 4, 7)[int(rng.random() * 3)]
            burst = Burst(self._some_writer(), self._network.hop_s())
            acts = [self._loop.create_task(self._perform(self._draw(), burst)) for _ in range(count)]
            for act in acts:
                await act
            await self.rest(0.1 * rng.random())

    async def rest(self, seconds: float) -> None:
        """Let time pass."""
        future = self._loop.create_future()
        self._loop.on(self._loop.outside, seconds, future.set_result, None)
        await future

    async def touch(self) -> None:
        """Post once into every live chat, and make a last one: so all that is void is said to be."""
        self.is_over = True
        for chat in [chat for chat in self._chats if chat not in self._deleted]:
            await self._perform(self._new(Entry(APPLICATION, chat, self._posted(1))), tries=400)
        await self._perform(self._new(Entry(APPLICATION, None, ChatCreated("last"))), tries=400)

    def reset(self, writer: Writer) -> None:
        """Have a killed writer's connections break."""
        for future in [future for future, whose in self._out.items() if whose is writer]:
            self._loop.on(self._loop.outside, self._network.hop_s(), _tell, future, ResetError())

    def _draw(self) -> Operation:
        rng = self._rng
        chats = self._chats
        if not chats or (len(chats) < 5 and rng.random() < 0.15):
            return self._new(Entry(APPLICATION, None, ChatCreated("chat"), None, self._key("chats", 0.8)))
        draw = rng.random()
        chat = chats[int(rng.random() * len(chats))] if draw < 0.9 else chats[0]
        if draw < 0.12 and (told := self._told(chat)) is not None:
            edit = MessageEdited(f"edit {len(self.history)}") if draw < 0.09 else MessageDeleted()
            return self._new(Entry(APPLICATION, chat, edit, told))
        if draw < 0.14 and len(chats) > 2 and chat != chats[0] and not self._deleted:
            return self._new(Entry(APPLICATION, chat, ChatDeleted()))
        if draw < 0.19 and (old := self._old()) is not None:
            return old
        count = 1 if draw < 0.8 else rng.randrange(2, 5)
        key = self._key("messages" if count == 1 else "bulk", 0.75)
        return self._new(Entry(APPLICATION, chat, self._posted(count), None, key))

    def _new(self, entry: Entry) -> Operation:
        wait_s = 1 if self._rng.random() < 0.03 else None
        operation = Operation(len(self.history), entry, self._loop.time(), wait_s)
        self.history.append(operation)
        return operation

    def _posted(self, count: int) -> MessagesPosted:
        return MessagesPosted(tuple(Draft(f"{len(self.history)}/{place}") for place in range(count)))

    def _key(self, route: str, share: float) -> IdempotencyKey | None:
        name = f"key {len(self.history)}"
        return IdempotencyKey(route, name, name.encode().ljust(16)[-16:]) if self._rng.random() < share else None

    def _told(self, chat: int) -> int | None:
        """Give a number of a chat that somebody was told of: often the newest, so that it is changed more than once."""
        known = [op for op in self.history if op.state == "ok" and op.entry.chat == chat and _posts(op)]
        place = int(self._rng.random() * 2 * len(known))
        return known[min(place, len(known) - 1)].number if known else None

    def _old(self) -> Operation | None:
        """Give a keyed operation that was done, to be asked for again."""
        known = [op for op in self.history if op.state == "ok" and op.entry.key is not None]
        return known[int(self._rng.random() * len(known))] if known else None

    def _some_writer(self) -> Writer | None:
        writers = self._writers()
        return writers[int(self._rng.random() * len(writers))] if writers else None

    async def _perform(self, operation: Operation, burst: Burst | None = None, tries: int = 25) -> None:
        """Try until there is an outcome, or the client has had enough."""
        if isinstance(operation.what, ChatDeleted):
            self._deleted.add(operation.entry.chat or 0)
        is_repeat = operation.state == "ok"
        for _ in range(tries):
            result = await self._ask(operation, burst or Burst(self._some_writer(), self._network.hop_s()))
            burst = None
            if isinstance(result, Accepted):
                self._accept(operation, result, is_repeat=is_repeat)
                return
            if isinstance(result, UnavailableError):
                await self.rest(0.1 + 0.4 * self._rng.random())
            elif not self._goes_on(operation, result, is_repeat=is_repeat):
                break
        if not is_repeat:
            operation.done_at = self._loop.time()
            if operation.state == "pending":
                operation.state = "unknown" if operation.maybe else "fail"

    def _goes_on(self, operation: Operation, result: Result, *, is_repeat: bool) -> bool:
        """Take in what is no success; tell whether the client tries again."""
        if isinstance(result, NotFoundError):
            operation.state = operation.state if is_repeat else "gone"
            self._forget(operation)
            return False
        if not isinstance(result, ConflictError | OutcomeUnknownError | ResetError):
            self.wrong.append(f"answers: operation {operation.id} was answered {result!r}")
            return False
        operation.maybe = True
        is_safe = operation.entry.key is not None or not _posts(operation)
        return is_safe and (isinstance(operation.what, ChatDeleted) or self._rng.random() >= 0.2)

    def _forget(self, operation: Operation) -> None:
        """Write no more into a chat that is not there: it was deleted, or lost before it was stored."""
        if operation.entry.chat in self._chats and isinstance(operation.what, MessagesPosted):
            self._chats.remove(operation.entry.chat)

    def _accept(self, operation: Operation, result: Accepted, *, is_repeat: bool) -> None:
        if is_repeat:
            operation.repeats.append(result.number)
            return
        operation.state, operation.done_at = "ok", self._loop.time()
        operation.number, operation.at, operation.durability = result.number, result.at, result.durability
        operation.is_degraded = result.by_standby
        if isinstance(operation.what, ChatCreated):
            self._chats.append(result.number)

    async def _ask(self, operation: Operation, burst: Burst) -> Result:
        """Send one request, and give its answer or what became of the connection."""
        writer = burst.writer
        if writer is None or not (writer.is_ready and writer.node.is_alive):
            await self.rest(0.05)
            return UnavailableError("connection refused")
        future: asyncio.Future[Result] = self._loop.create_future()
        self._out[future] = writer

        def reply(result: Result) -> None:
            self._loop.on(self._loop.outside, self._network.hop_s(), _tell, future, result)

        self._loop.on(writer.node, burst.hop_s, writer.handle, operation.entry, operation.wait_s, reply)
        self._loop.on(self._loop.outside, PATIENCE_S, _tell, future, None)
        result = await future
        del self._out[future]
        if result is None:
            if writer.node.is_alive and not writer.node.was_paused:
                self.wrong.append(f"answers: operation {operation.id} was not answered within {PATIENCE_S} s")
            return ResetError()
        return result


def _tell(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _posts(operation: Operation) -> bool:
    return isinstance(operation.what, MessagesPosted | ChatCreated)
