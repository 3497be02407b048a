"""Reading behind a follower: what was acknowledged is found, and what cannot be known is not said to be absent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from parley.domain.cursors import Window
from parley.domain.documents import ChatId
from parley.domain.errors import NotFoundError, ParleyError, UnavailableError
from parley.domain.events import ApplicationClosed, ChatRetitled, Entry, Logged, MessageDeleted, MessageEdited
from parley.domain.partitions import partition_of
from parley.http.v1.schemas import encode_message
from parley.queries.caught_up import CaughtUp
from parley.queries.ends import Shown
from parley.queries.following import RETRY_AFTER_S, Follower
from parley.queries.overlaid import Overlaid
from parley.queries.reads import Reads
from parley.queries.tail import Tail
from parley.queries.unstored import Unstored
from tests.support.ports import DATABASES, PARTITIONS, Ports, opened
from tests.unit.queries.doubles import DictStream, HeldStorage, Rows, say
from tests.unit.workers.doubles import StillClock

MIB = 1024 * 1024


class Front:
    """The read path of a process that only reads, as bootstrap wires it; chat 1 with message 1 is stored."""

    def __init__(self, ports: Ports) -> None:
        """Wire it."""
        self.ports, self.clock = ports, ports.clock
        self.stream, self.rows = DictStream(PARTITIONS), Rows(PARTITIONS)
        self.held = HeldStorage(ports.storage)
        self.hits = 0
        self.tail = Tail(encode_message, MIB, self._count)
        unstored = Unstored(MIB)
        self.follower = Follower(self.stream, self.rows, unstored, self.clock, self.tail.take)
        self.storage = CaughtUp(self.follower, Overlaid(self.held, unstored, self.stream, PARTITIONS))
        self.reads = Reads(ports.tenants, self.storage, self.tail, self.follower)

    async def begin(self) -> None:
        """Store a chat with a message."""
        self.token, _ = await self.ports.add_chat(messages=1)
        self.partition = partition_of(self.token, PARTITIONS)
        await self.follower.start()
        self.put(Entry(self.token, 1, ChatRetitled("first")), 1)
        await self.follower.catch_up()  # from now on it knows the log's count

    def put(self, entry: Entry, number: int) -> Logged:
        """Put an entry on the log."""
        return self.stream.put(entry, number, self.partition)

    def post(self, number: int) -> Logged:
        """Post a message that only the log has."""
        return self.put(say(self.token, 1, f"message {number}"), number)

    async def listed(self) -> list[int]:
        """Give the numbers of the first page."""
        return [item.number for item in (await self.reads.list_messages(self.token, 1, Window())).items]

    def _count(self) -> None:
        self.hits += 1


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    """Give a read path."""
    async with opened(Ports(DATABASES["sqlite"](tmp_path), StillClock())) as ports:
        made = Front(ports)
        await made.begin()
        yield made


Ask = Callable[[Front], Awaitable[object]]
ABSENT: dict[str, Ask] = {
    "a message": lambda front: front.storage.get_message(front.token, 1, 2),
    "a message of a chat": lambda front: front.storage.get_message(front.token, 2, 1),
    "a chat": lambda front: front.storage.get_chat(front.token, 2),
    "a chat's ids": lambda front: front.storage.find_chat(front.token, 2),
    "a chat's page": lambda front: front.storage.page_messages(front.token, 2, Window()),
}
FOUND: dict[str, Ask] = {
    "a message": lambda front: front.storage.get_message(front.token, 1, 1),
    "a chat": lambda front: front.storage.get_chat(front.token, 1),
    "chats": lambda front: front.storage.page_chats(front.token, Window()),
    "a chat's ids": lambda front: front.storage.find_chat(front.token, 1),
    "an application's ids": lambda front: front.storage.find_chat(front.token, None),
    "a page": lambda front: front.storage.page_messages(front.token, 1, Window()),
    "picked": lambda front: front.storage.pick_messages(ChatId(1, 1), [1]),
    "scanned": lambda front: front.storage.scan_messages(ChatId(1, 1), "m", 0, 9),
}


async def told(question: Awaitable[object]) -> tuple[type, str]:
    """Give what a question fails with."""
    with pytest.raises(ParleyError) as failed:
        await question
    return type(failed.value), failed.value.code


@pytest.mark.parametrize("ask", ABSENT.values(), ids=ABSENT)
async def test_what_the_database_does_not_know_is_unknown_while_the_log_is_away(front: Front, ask: Ask) -> None:
    """503, not 404; a moment later, too, without waiting; 404 when the log is back."""
    front.stream.error = UnavailableError("away")
    unknown = [await told(ask(front)) for _ in range(2)]
    front.stream.error = None
    front.clock.move(RETRY_AFTER_S)

    assert unknown == [(UnavailableError, "log_unavailable")] * 2
    assert (await told(ask(front)))[0] is NotFoundError


@pytest.mark.parametrize("ask", FOUND.values(), ids=FOUND)
async def test_what_is_stored_is_read_while_the_log_is_away(front: Front, ask: Ask) -> None:
    """The same as before, and readers are told that it may be old."""
    before = await ask(front), front.reads.is_degraded
    front.stream.error = UnavailableError("away")

    assert (await ask(front), False) == before
    assert (await front.listed(), front.reads.is_degraded) == ([1], True)


async def test_an_application_is_known_to_be_absent_while_the_log_is_away(front: Front) -> None:
    """The database has it before anybody is told of it."""
    front.stream.error = UnavailableError("away")
    nobody = "0" * 32

    assert await told(front.storage.find_chat(nobody, None)) == (NotFoundError, "application_not_found")
    assert await told(front.storage.get_message(nobody, 1, 1)) == (NotFoundError, "application_not_found")
    await front.storage.ping()
    assert front.held.questions[-1] == "ping"


@pytest.mark.parametrize("fails_first", [True, False])
async def test_a_reader_is_judged_by_its_own_catching_up(front: Front, fails_first: bool) -> None:  # noqa: FBT001
    """Another one's luck while the database is asked changes nothing about what this one could know."""
    front.stream.error = UnavailableError("away") if fails_first else None

    async def turn() -> None:
        front.stream.error = None if fails_first else UnavailableError("away")
        front.clock.move(RETRY_AFTER_S)
        assert await front.follower.catch_up() is fails_first

    front.held.meanwhile.append(turn)

    assert (await told(front.storage.get_message(front.token, 1, 2)))[0] is (
        UnavailableError if fails_first else NotFoundError
    )


async def test_a_read_is_marked_by_its_own_catching_up(front: Front) -> None:
    """What was read without the log's end says so, also where another one's round finds it before the answer."""
    front.post(2)
    front.stream.error = UnavailableError("away")

    async def turn() -> None:
        front.stream.error = None
        front.clock.move(RETRY_AFTER_S)
        assert await front.follower.catch_up()

    async def read() -> tuple[list[int], bool]:
        return await front.listed(), front.reads.has_lacked

    front.held.meanwhile.append(turn)

    assert await asyncio.create_task(read()) == ([1], True)
    assert await asyncio.create_task(read()) == ([1, 2], False)


async def test_a_reader_that_goes_away_while_it_catches_up_asks_nothing(front: Front) -> None:
    """And leaves nothing behind that was never awaited."""
    front.stream.gate = asyncio.Event()
    asked = asyncio.Event()
    front.stream.on_read = asked.set
    reading = asyncio.ensure_future(front.storage.get_message(front.token, 1, 1))
    await asked.wait()

    reading.cancel()
    await asyncio.wait([reading])
    front.stream.gate.set()

    assert front.held.questions == []
    assert await front.follower.catch_up()


async def test_an_end_in_memory_is_given_only_after_catching_up(front: Front) -> None:
    """What others wrote is on it, deletes too; a page is from memory again as soon as it can be."""
    await front.listed()
    seen = [(await front.listed(), front.hits)]
    front.post(2)
    seen.append((await front.listed(), front.hits))
    front.put(Entry(front.token, 1, MessageDeleted(), 1), 1)
    seen.append((await front.listed(), front.hits))
    front.put(Entry(front.token, 1, ChatRetitled("title")), 1)
    seen.append((await front.listed(), front.hits))
    front.put(Entry(front.token, 1, MessageEdited("edited"), 2), 2)
    (last,) = (await front.reads.list_messages(front.token, 1, Window())).items

    assert seen == [([1], 1), ([1, 2], 2), ([2], 3), ([2], 4)]
    assert isinstance(last, Shown), "it is on its way into memory again"
    assert b'"edited"' in bytes(last.json)
    assert front.hits == 4


async def test_an_end_in_memory_is_not_given_while_the_log_is_away(front: Front) -> None:
    """The database is asked, and what was in memory goes on when the log is back."""
    await front.listed()
    front.stream.error = UnavailableError("away")
    front.post(2)
    away = await front.listed(), front.hits, front.reads.is_degraded
    front.stream.error = None
    front.clock.move(RETRY_AFTER_S)

    assert away == ([1], 0, True)
    assert (await front.listed(), front.hits, front.reads.is_degraded) == ([1, 2], 1, False)


async def test_a_page_that_is_read_while_the_chat_changes_is_not_kept(front: Front) -> None:
    """The change is followed while the database is asked: by another reader's round."""

    async def change() -> None:
        front.post(2)
        await front.follower.catch_up()

    front.held.afterwards.append(change)

    assert await front.listed() == [1]
    assert await front.listed() == [1, 2]
    assert front.hits == 0


async def test_an_end_in_memory_lacks_nothing_that_was_trimmed_unread(front: Front) -> None:
    """Stored, trimmed and never read here, but followed by another entry."""
    front.post(2)
    for _ in range(3):
        await front.listed()
    missed = front.post(3)
    front.clock.now = missed.position.at
    for number in (2, 3):
        await front.ports.take(say(front.token, 1, f"message {number}"))
    front.rows.move(missed.position, front.partition)
    front.stream.trim(missed.position, front.partition)
    front.post(4)

    assert front.hits == 1
    assert await front.listed() == [1, 2, 3, 4]


async def test_what_was_stored_and_trimmed_unread_is_read_at_once(front: Front) -> None:
    """Nothing follows it on the log: neither the end in memory nor what is remembered of the chat hides it."""
    front.post(2)
    for _ in range(3):
        await front.listed()
    deleted = front.put(Entry(front.token, 1, MessageDeleted(), 2), 2)
    for entry in (say(front.token, 1, "message 2"), Entry(front.token, 1, MessageDeleted(), 2)):
        await front.ports.take(entry)
    front.stream.trim(deleted.position, front.partition)

    assert front.hits == 1
    assert await front.listed() == [1]
    assert await told(front.storage.get_message(front.token, 1, 2)) == (NotFoundError, "message_not_found")


async def test_an_application_that_another_process_deleted_is_gone_from_memory(front: Front) -> None:
    """Its end of the log says so."""
    await front.listed()
    front.post(2)
    assert await front.listed() == [1, 2]
    await front.ports.tenants.delete(front.token)
    front.put(Entry(front.token, None, ApplicationClosed()), 0)

    with pytest.raises(NotFoundError, match="ChatApplication"):
        await front.listed()
    assert front.tail.bytes == 0
