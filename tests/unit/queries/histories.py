"""A random history of two applications: what every read must say, what lies on the log, and what is stored of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Mapping
from typing import Final, TypeVar

import pytest
from msgspec.structs import replace

from parley.domain.cursors import Window
from parley.domain.errors import NotFoundError
from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    Logged,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    Position,
)
from parley.domain.model import Chat, Draft, Message
from parley.domain.partitions import partition_of
from parley.queries.overlaid import Overlaid
from parley.queries.unstored import Unstored
from parley.storage.port import Page
from tests.support.ports import PARTITIONS, Ports
from tests.unit.queries.doubles import DictStream

WORD: Final = "needle"

Item = TypeVar("Item")


class ChatModel:
    """A live chat."""

    def __init__(self, number: int, title: str | None, at: int) -> None:
        """Begin empty."""
        self.chat = Chat(number, title, 0, at, at)
        self.last = 0
        self.messages: dict[int, Message] = {}
        self.posted_at: dict[int, Position] = {}


class History:
    """Writes as a log of its own takes them, with persist and the follower in the test's hands."""

    def __init__(self, ports: Ports, max_bytes: int) -> None:
        """Begin with nothing."""
        self.ports = ports
        self.stream = DictStream(PARTITIONS, ports.clock.now)
        self.unstored = Unstored(max_bytes)
        self.overlaid = Overlaid(ports.storage, self.unstored, self.stream, PARTITIONS)
        self.tokens: list[str] = []
        self.live: dict[str, dict[int, ChatModel]] = {}
        """The chats of open applications."""
        self.last_chat: dict[str, int] = defaultdict(int)
        self.events: dict[int, list[Logged]] = defaultdict(list)
        self.stored: dict[int, int] = defaultdict(int)
        """How many events of a partition the database has."""
        self.is_followed = False

    async def begin(self) -> None:
        """Make two applications with a chat each."""
        for _ in range(2):
            token = await self.ports.add_application()
            self.tokens.append(token)
            self.live[token] = {}
            await self.create_chat(token)

    async def take(self, entry: Entry, number: int) -> Position:
        """Put an entry on the log, and let the follower read it."""
        partition = partition_of(entry.token, PARTITIONS)
        logged = self.stream.put(entry, number, partition)
        self.events[partition].append(logged)
        if self.is_followed and logged.event is not None:
            self.unstored.add(partition, logged.event)
        return logged.position

    async def create_chat(self, token: str) -> None:
        """Make a chat."""
        self.last_chat[token] += 1
        number = self.last_chat[token]
        title = f"chat {number}" if number % 2 else None
        position = await self.take(Entry(token, None, ChatCreated(title)), number)
        self.live[token][number] = ChatModel(number, title, position.at)

    async def post(self, token: str, model: ChatModel, count: int) -> None:
        """Post messages, every third with the word that is looked for."""
        first = model.last + 1
        model.last += count
        bodies = [f"{WORD if n % 3 == 0 else 'hay'} {n}" for n in range(first, first + count)]
        drafts = tuple(Draft(body, "sender", '{"a":1}' if count == 1 else None) for body in bodies)
        position = await self.take(Entry(token, model.chat.number, MessagesPosted(drafts)), first)
        for number, draft in enumerate(drafts, first):
            at = position.at
            model.messages[number] = Message(number, draft.body, draft.sender, draft.metadata, at, at)
            model.posted_at[number] = position

    async def edit(self, token: str, model: ChatModel, number: int) -> None:
        """Edit a message, also one that was never there or is deleted: the log takes it all the same."""
        body = f"edited {number} {WORD if number % 2 else 'hay'}"
        position = await self.take(Entry(token, model.chat.number, MessageEdited(body), number), number)
        if number in model.messages:
            edited = replace(model.messages[number], body=body, updated_at=position.at, edited=True)
            model.messages[number] = edited

    async def delete(self, token: str, model: ChatModel, number: int) -> None:
        """Delete a message, maybe for the second time."""
        await self.take(Entry(token, model.chat.number, MessageDeleted(), number), number)
        model.messages.pop(number, None)

    async def retitle(self, token: str, model: ChatModel, title: str | None) -> None:
        """Give a chat another title."""
        number = model.chat.number
        position = await self.take(Entry(token, number, ChatRetitled(title)), number)
        model.chat = replace(model.chat, title=title, updated_at=position.at)

    async def delete_chat(self, token: str, model: ChatModel) -> None:
        """Delete a chat."""
        number = model.chat.number
        await self.take(Entry(token, number, ChatDeleted()), number)
        del self.live[token][number]

    async def close(self, token: str) -> None:
        """Delete an application: in the database first, then on the log."""
        await self.ports.tenants.delete(token)
        await self.take(Entry(token, None, ApplicationClosed()), 0)
        del self.live[token]

    async def store(self, partition: int, count: int) -> None:
        """Store more events of a partition; those of a deleted application are dropped."""
        start = self.stored[partition]
        for logged in self.events[partition][start : start + count]:
            assert logged.event is not None
            entry = logged.event.entry
            if not isinstance(entry.what, ApplicationClosed):
                self.ports.clock.now = logged.position.at
                await self.ports.append(entry)
            self.stored[partition] += 1
        self.ports.clock.now = self.stream.now

    def stored_until(self, partition: int) -> Position:
        """Give the position of the last stored event."""
        count = self.stored[partition]
        return self.events[partition][count - 1].position if count else Position(1, 0)

    def is_stored(self, token: str, position: Position) -> bool:
        """Tell whether an application's event is stored."""
        return position <= self.stored_until(partition_of(token, PARTITIONS))

    def follow(self) -> None:
        """Start a follower that begins behind what is stored."""
        self.is_followed = True
        for partition, events in self.events.items():
            for logged in events[self.stored[partition] :]:
                assert logged.event is not None
                self.unstored.add(partition, logged.event)


def page_of(live: Mapping[int, Item], window: Window) -> Page[Item]:
    """Give a page of what is live, by number, as a naive reader would."""
    numbers = sorted(live)
    if window.before is not None:
        below = [n for n in numbers if n < window.before]
        chosen = below[-window.limit :]
        more_before, more_after = len(below) > len(chosen), any(n >= window.before for n in numbers)
    else:
        above = [n for n in numbers if n > (window.after or 0)]
        chosen = above[: window.limit]
        more_before, more_after = any(n <= (window.after or 0) for n in numbers), len(above) > len(chosen)
    return Page([live[n] for n in chosen], more_before, more_after)


async def refused(sentence: str, question: Awaitable[object]) -> None:
    """Ask for what is not there."""
    with pytest.raises(NotFoundError, match=sentence):
        await question
