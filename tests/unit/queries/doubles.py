"""A log of its own and a database behind it, which the test moves on entry by entry."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ParamSpec, TypeVar

from parley.domain.cursors import Window
from parley.domain.documents import ChatId
from parley.domain.events import Depth, Entry, Event, Logged, MessagesPosted, Position, position_id
from parley.domain.grants import Known, Life, Need, Partition, ScopeName
from parley.domain.model import Chat, Draft, Message
from parley.domain.numbering import KeyState
from parley.log.port import Reading
from parley.storage.port import Page, Scan, Storage
from tests.unit.workers.doubles import BEGAN_AT

TEXT_BYTES = 50

T = TypeVar("T")
Asked = ParamSpec("Asked")


class DictStream:
    """A `Stream` over lists, one for each partition and epoch."""

    def __init__(self, partitions: int = 1, began_at: int = BEGAN_AT) -> None:
        """Begin in epoch 1 with nothing, later than ``began_at``."""
        self.lists: dict[tuple[int, int], list[Logged]] = defaultdict(list)
        self.open: dict[int, int | None] = dict.fromkeys(range(partitions), 1)
        self.asked: list[dict[int, Position]] = []
        self.error: BaseException | None = None
        """What every read fails with."""
        self.gate: asyncio.Event | None = None
        """What every read waits for, after it has looked."""
        self.on_read: Callable[[], object] = lambda: None
        self._so_far: dict[tuple[int, int], Depth] = defaultdict(Depth)
        self.now = began_at

    def put(self, entry: Entry, number: int, partition: int = 0, *, is_readable: bool = True) -> Logged:
        """Put an entry at the end of the open epoch."""
        self.now += 1
        epoch = self.open[partition] or 0
        position = Position(epoch, position_id(self.now))
        what, before = entry.what, self._so_far[partition, epoch]
        weight = len(what.messages) if isinstance(what, MessagesPosted) else 1
        so_far = self._so_far[partition, epoch] = Depth(before.messages + weight, before.bytes + TEXT_BYTES)
        event = Event(position, number, entry) if is_readable else None
        logged = Logged(position, event, bytes(TEXT_BYTES), so_far)
        self.lists[partition, epoch].append(logged)
        return logged

    def trim(self, until: Position, partition: int = 0) -> None:
        """Let go of what is stored."""
        kept = self.lists[partition, until.epoch]
        kept[:] = [logged for logged in kept if logged.position > until]

    async def read(self, after: Mapping[int, Position], limit: int) -> Reading:
        """Look, wait for the gate, and give what was seen."""
        self.asked.append(dict(after))
        if self.error is not None:
            raise self.error
        seen = {
            partition: [one for one in self.lists[partition, position.epoch] if one.position > position][:limit]
            for partition, position in after.items()
        }
        reading = Reading(
            {partition: found for partition, found in seen.items() if found},
            {partition: self.open[partition] for partition in after},
            {partition: self._so_far[partition, position.epoch] for partition, position in after.items()},
            {partition for partition, found in seen.items() if len(found) == limit},
        )
        self.on_read()
        if self.gate is not None:
            await self.gate.wait()
        return reading


class Rows:
    """`Scopes` of a database whose partitions the test moves."""

    def __init__(self, partitions: int = 1) -> None:
        """Begin in epoch 1 with nothing stored."""
        self.rows = [Partition(id_, Life(1, "run"), Position(1, 0), "log") for id_ in range(partitions)]
        self.error: Exception | None = None
        self.looks = 0

    def move(self, position: Position, partition: int = 0) -> None:
        """Store up to a position, in its epoch's life."""
        life = self.rows[partition].life
        run = life if life.epoch == position.epoch else Life(position.epoch, "run")
        self.rows[partition] = self.rows[partition]._replace(life=run, position=position)

    async def partitions(self) -> list[Partition]:
        """Give the rows."""
        self.looks += 1
        rows = list(self.rows)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return rows

    async def provide(self, needs: Sequence[Need]) -> dict[ScopeName, Known]:
        """Grant nothing: nobody who reads asks."""
        raise NotImplementedError

    async def find_keys(self, names: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], KeyState]:
        """Know no keys: nobody who reads asks."""
        raise NotImplementedError

    async def unclosed(self) -> list[str]:
        """Have none: nobody who reads asks."""
        raise NotImplementedError


class HeldStorage:
    """A `Storage` whose answers wait: something happens before a question is asked, or before its answer is given."""

    def __init__(self, storage: Storage) -> None:
        """Hold what ``storage`` answers."""
        self._storage = storage
        self.meanwhile: list[Callable[[], Awaitable[object]]] = []
        """What happens before each next question is asked, one each."""
        self.afterwards: list[Callable[[], Awaitable[object]]] = []
        """What happens before each next answer is given, one each."""
        self.questions: list[str] = []
        self.limits: list[int] = []
        """How many rows each page was asked for."""

    async def find_chat(self, token: str, chat: int | None) -> ChatId:
        """Give the chat's ids."""
        return await self._ask(self._storage.find_chat, token, chat)

    async def get_chat(self, token: str, chat: int) -> Chat:
        """Give one chat."""
        return await self._ask(self._storage.get_chat, token, chat)

    async def page_chats(self, token: str, window: Window) -> Page[Chat]:
        """Give a page of chats."""
        return await self._ask(self._storage.page_chats, token, window)

    async def get_message(self, token: str, chat: int, number: int) -> Message:
        """Give one message."""
        return await self._ask(self._storage.get_message, token, chat, number)

    async def page_messages(self, token: str, chat: int, window: Window) -> Page[Message]:
        """Give a page of messages."""
        self.limits.append(window.limit)
        return await self._ask(self._storage.page_messages, token, chat, window)

    async def pick_messages(self, chat: ChatId, numbers: Sequence[int]) -> list[Message]:
        """Give some messages."""
        return await self._ask(self._storage.pick_messages, chat, numbers)

    async def scan_messages(self, chat: ChatId, folded: str, after: int, limit: int) -> Scan:
        """Look through a chat."""
        return await self._ask(self._storage.scan_messages, chat, folded, after, limit)

    async def ping(self) -> None:
        """Answer."""
        await self._ask(self._storage.ping)

    async def _ask(self, ask: Callable[Asked, Awaitable[T]], *asked: Asked.args, **named: Asked.kwargs) -> T:
        self.questions.append(getattr(ask, "__name__", ""))
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        try:
            return await ask(*asked, **named)
        finally:
            if self.afterwards:
                await self.afterwards.pop(0)()


def say(token: str, chat: int, *bodies: str) -> Entry:
    """Make an entry that posts messages."""
    return Entry(token, chat, MessagesPosted(tuple(Draft(body, sender="s") for body in bodies)))
