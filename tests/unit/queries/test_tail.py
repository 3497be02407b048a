"""The ends of chats in memory: they say what the storage says, whatever happens in whatever order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest

from parley.domain.cursors import NUMBER_MAX, Window
from parley.domain.errors import NotFoundError, OutcomeUnknownError, ParleyError, UnavailableError
from parley.domain.events import (
    ChatDeleted,
    ChatRetitled,
    Entry,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    Position,
    What,
)
from parley.domain.model import Draft, Message
from parley.domain.numbering import Appended, Outcome
from parley.http.v1.schemas import encode_message
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.queries.ends import LENGTH, Shown
from parley.queries.reads import Reads
from parley.queries.tail import Tail
from parley.storage.port import Page
from parley.telemetry.clock import SystemClock
from tests.support.ports import DATABASES, Ports, opened, posted
from tests.unit.workers.doubles import StillClock

MIB = 1024 * 1024
LAST = Window(before=NUMBER_MAX)


def shown(page: Page[Message] | Page[Shown]) -> Page[Shown]:
    """Give a page as it is sent, from wherever it comes."""
    sent = [item if isinstance(item, Shown) else Shown(item.number, encode_message(item)) for item in page.items]
    return Page(sent, page.more_before, page.more_after)


class Room:
    """A tail over a real storage."""

    def __init__(self, ports: Ports, max_bytes: int = MIB) -> None:
        """Know nothing yet."""
        self.ports = ports
        self.hits = 0
        self.tail = Tail(encode_message, max_bytes, self._count)
        self.reads = Reads(ports.tenants, ports.storage, self.tail)

    async def write(self, *entries: Entry) -> Sequence[Outcome]:
        """Append entries, and let the tail follow."""
        outcomes = await self.ports.append(*entries)
        self.tail.follow(entries, outcomes)
        return outcomes

    async def stored(self, chat: tuple[str, int], window: Window) -> Page[Shown]:
        """Give a page as the storage has it."""
        return shown(await self.ports.storage.page_messages(*chat, window))

    async def read(self, chat: tuple[str, int], window: Window) -> Page[Shown]:
        """Give a page as clients get it."""
        return shown(await self.reads.list_messages(*chat, window))

    async def is_kept(self, chat: tuple[str, int], window: Window = LAST) -> bool:
        """Tell whether a page is given from memory, and check that it is right."""
        before = self.hits
        assert await self.read(chat, window) == await self.stored(chat, window)
        return self.hits > before

    def _count(self) -> None:
        self.hits += 1


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[Ports]:
    """Give a storage and its log."""
    async with opened(Ports(DATABASES["sqlite"](tmp_path), StillClock())) as made:
        yield made


@pytest.fixture
def room(ports: Ports) -> Room:
    """Give a tail with room enough."""
    return Room(ports)


def some_event(rng: Random, last: int) -> tuple[What, int | None]:
    """Draw what happens to a chat with ``last`` numbers."""
    number = rng.randint(max(1, last - 20), last) if last else None
    if number is None or rng.random() < 0.6:
        count = 130 if rng.random() < 0.05 else rng.randint(1, 4)
        return MessagesPosted(tuple(Draft(f"böd\u00fd {rng.random()}", sender="s") for _ in range(count))), None
    kinds: list[What] = [MessageEdited("edited"), *[MessageDeleted()] * 6, ChatRetitled("title")]
    what = rng.choice(kinds)
    return what, None if isinstance(what, ChatRetitled) else number


def some_window(rng: Random, last: int) -> Window:
    """Draw a page, near the end more often than not."""
    limit, near = rng.choice([1, 3, 20, 50, 100]), rng.choice([0, last, last + 1, last + 7, rng.randint(0, last)])
    if rng.random() < 0.5:
        return Window(before=rng.choice([max(1, near), NUMBER_MAX]), limit=limit)
    return Window(after=rng.choice([near, max(0, last - 3)]), limit=limit)


@pytest.mark.parametrize("seed", range(6))
async def test_a_tail_says_what_the_storage_says(room: Room, seed: int) -> None:
    """After random writes, with pages that were read before a write was followed, every window agrees."""
    rng = Random(seed)
    chat = await room.ports.add_chat()
    last = 0
    for _ in range(300):
        what, number = some_event(rng, last)
        entry = Entry(*chat, what, number)
        outcomes = await room.ports.append(entry)
        if rng.random() < 0.3:
            await room.reads.list_messages(*chat, some_window(rng, last))  # sees what is not followed yet
        room.tail.follow([entry], outcomes)
        if isinstance(what, MessagesPosted):
            last += len(what.messages)

        for window in (some_window(rng, last) for _ in range(3)):
            page = await room.read(chat, window)
            assert page == await room.stored(chat, window), window

    assert 200 < room.hits < 1_200


async def test_a_page_is_not_kept_when_the_chat_changes_while_it_is_read(room: Room) -> None:
    """A write that is followed between the reading and the keeping would be missed."""
    chat = await room.ports.add_chat(messages=3)
    watched = room.tail.watch(chat)
    old = await room.ports.storage.page_messages(*chat, LAST)

    await room.write(posted(chat, "new"))
    room.tail.keep(chat, watched, LAST, old)

    assert not await room.is_kept(chat)
    assert await room.is_kept(chat)


async def test_clients_read_what_they_were_told(ports: Ports) -> None:
    """Many at once on a few chats: after each answer the last page has it."""
    room = Room(ports)
    batcher = Batcher(
        ports.log, BatchLimits(16, MIB), SystemClock(), lambda entries, results, _: room.tail.follow(entries, results)
    )
    chats = [await ports.add_chat(messages=2) for _ in range(3)]

    async def send(entry: Entry) -> Appended:
        answer: asyncio.Future[Outcome | ParleyError] = asyncio.get_running_loop().create_future()
        batcher.submit(entry, 10, 60, answer.set_result)
        outcome = await answer
        assert isinstance(outcome, Appended)
        return outcome

    async def client(name: int) -> None:
        rng = Random(name)
        for turn in range(60):
            chat, body = rng.choice(chats), f"{name} {turn}"
            number = (await send(posted(chat, body))).number
            if turn % 5 == 1:
                await send(Entry(*chat, MessageEdited(body + "!"), number))
            elif turn % 5 == 2:
                await send(Entry(*chat, MessageDeleted(), number))
            page = await room.read(chat, Window(before=NUMBER_MAX, limit=100))
            held = {message.number: message.json for message in page.items}
            assert (number in held) is (turn % 5 != 2)
            if turn % 5 == 1:
                assert f'"{body}!"'.encode() in bytes(held[number])

    await asyncio.gather(*map(client, range(12)))

    for chat in chats:
        await room.is_kept(chat)
    assert room.hits > 100


async def test_a_deleted_chat_is_forgotten(room: Room) -> None:
    """And a deleted application with all its chats, also one that is being read; others stay."""
    gone, other = await room.ports.add_chat(messages=1), await room.ports.add_chat(messages=1)
    for chat in (gone, other):
        await room.is_kept(chat)

    await room.write(Entry(*gone, ChatDeleted()))
    with pytest.raises(NotFoundError):
        await room.reads.list_messages(*gone, LAST)
    watched, page = room.tail.watch(other), await room.ports.storage.page_messages(*other, LAST)
    assert await room.is_kept(other)
    await room.ports.tenants.delete(other[0])
    room.tail.forget(other[0])
    room.tail.keep(other, watched, LAST, page)

    with pytest.raises(NotFoundError):
        await room.reads.list_messages(*other, LAST)
    assert room.tail.bytes == 0


@pytest.mark.parametrize(
    ("error", "kept"), [(UnavailableError("busy"), [True]), (OutcomeUnknownError("who knows"), [False])]
)
async def test_a_tail_forgets_all_when_nobody_knows_what_was_written(
    room: Room, error: ParleyError, kept: list[bool]
) -> None:
    """An append that certainly wrote nothing changes nothing."""
    chat = await room.ports.add_chat(messages=1)
    await room.is_kept(chat)

    room.tail.follow([posted(chat, "a")], [error])

    assert [await room.is_kept(chat)] == kept


async def test_a_tail_forgets_all_when_it_cannot_follow(ports: Ports) -> None:
    """Rather than saying what is no more."""
    failing = False

    def encode(message: Message) -> msgspec.Raw:
        if failing:
            raise ZeroDivisionError
        return encode_message(message)

    tail = Tail(encode, MIB, lambda: None)
    reads, chat = Reads(ports.tenants, ports.storage, tail), await ports.add_chat(messages=1)
    await reads.list_messages(*chat, LAST)

    failing = True
    with pytest.raises(ZeroDivisionError):
        tail.follow([posted(chat, "a")], [Appended(2, Position(1, 1))])

    assert tail.page(chat, LAST) is None
    assert tail.bytes == 0


async def test_a_tail_stays_within_its_bound(ports: Ports) -> None:
    """The end that was read longest ago goes first; with no room nothing is kept."""
    room, none = Room(ports, max_bytes=20_000), Room(ports, max_bytes=0)
    chats = [await ports.add_chat(messages=20) for _ in range(4)]
    for chat in chats[:3]:
        await room.is_kept(chat)
    assert await room.is_kept(chats[0])

    await room.is_kept(chats[3])
    await room.write(posted(chats[0], *["long " * 300] * 2))
    sizes = [room.tail.bytes]
    await room.write(*(posted(chats[0], "long " * 500) for _ in range(20)))
    sizes.append(room.tail.bytes)

    assert max(sizes) <= 20_000
    assert not await room.is_kept(chats[1])
    assert [await none.is_kept(chat) for chat in chats * 2] == [False] * 8


async def test_a_page_that_reaches_the_end_is_encoded_once_for_client_and_tail(ports: Ports) -> None:
    """And not for the tail at all where it has no room: then it comes as the storage gave it."""
    room, none = Room(ports), Room(ports, max_bytes=0)
    chat = await ports.add_chat(messages=20)

    kept = await room.reads.list_messages(*chat, LAST)
    plain = await none.reads.list_messages(*chat, LAST)

    assert [type(item) for item in kept.items] == [Shown] * 20
    assert [type(item) for item in plain.items] == [Message] * 20
    assert shown(plain) == kept == await room.stored(chat, LAST)


async def test_a_reader_is_told_what_lies_before(room: Room) -> None:
    """Also when the end grew out of a whole chat, when all before it was deleted, and in a chat that was empty."""
    grown, emptied, empty = [await room.ports.add_chat(messages=count) for count in (60, 3, 0)]
    ahead, behind = Window(after=10), Window(after=2)
    for chat, window in ((grown, Window(after=0, limit=LENGTH)), (emptied, behind), (empty, ahead)):
        await room.is_kept(chat, window)

    for number in range(60):
        await room.write(posted(grown, f"{number}"), posted(empty, f"{number}"))
    await room.write(Entry(*emptied, MessageDeleted(), 1), Entry(*emptied, MessageDeleted(), 2))

    assert await room.is_kept(grown, Window(before=NUMBER_MAX, limit=LENGTH))
    assert not await room.is_kept(grown, Window(after=0))
    assert await room.is_kept(empty, ahead)
    assert not await room.is_kept(emptied, behind)


async def test_a_long_bulk_leaves_the_end_of_itself(room: Room) -> None:
    """What follows is known, what lies before is asked for."""
    chat = await room.ports.add_chat(messages=5)
    await room.is_kept(chat)

    await room.write(posted(chat, *(f"{number}" for number in range(1_000))))

    assert await room.is_kept(chat, Window(before=NUMBER_MAX, limit=LENGTH))
    assert await room.is_kept(chat, Window(after=1_005 - LENGTH, limit=LENGTH))
    assert not await room.is_kept(chat, Window(before=1_005, limit=LENGTH))
