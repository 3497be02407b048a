"""What is remembered of applications and chats: only what is live, only so much, and gates close it."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.errors import NotFoundError, ParleyError, UnavailableError
from parley.domain.events import ChatDeleted, Entry
from parley.domain.numbering import Reason
from parley.ingest.capacity import REQUEST_BYTES, Capacity
from parley.ingest.deadline import time_to_write
from parley.ingest.parents import Parents
from tests.support.ports import Ports


async def resolve(parents: Parents, token: str, chat: int | None) -> ParleyError | None:
    """Resolve a parent and wait for the answer."""
    answer: asyncio.Future[ParleyError | None] = asyncio.get_running_loop().create_future()
    parents.resolve(token, chat, answer.set_result)
    return await answer


def is_remembered(parents: Parents, token: str, chat: int | None) -> bool:
    """Tell whether the answer is there at once; that is, without a lookup."""
    answers: list[ParleyError | None] = []
    parents.resolve(token, chat, answers.append)
    return answers == [None]


async def test_a_live_parent_is_looked_up_once(ports: Ports) -> None:
    """Afterwards it is remembered, and its application with it."""
    parents, (token, chat) = Parents(ports.storage), await ports.add_chat()

    first = is_remembered(parents, token, chat)

    assert not first
    assert await resolve(parents, token, chat) is None
    assert is_remembered(parents, token, chat)
    assert is_remembered(parents, token, None)


async def test_a_missing_parent_is_told_and_not_remembered(ports: Ports) -> None:
    """It may come to be: the next request looks again."""
    parents, (token, chat) = Parents(ports.storage), await ports.add_chat()

    missing = [await resolve(parents, "0" * 32, chat), await resolve(parents, token, chat + 1)]
    parents.add(token, chat + 1)

    assert [str(error) for error in missing] == ["ChatApplication not found", "Chat not found"]
    assert is_remembered(parents, token, chat + 1)
    assert not is_remembered(parents, "0" * 32, None)


async def test_a_database_that_is_away_is_told(ports: Ports) -> None:
    """As unavailable: nothing was written, and nothing is remembered."""
    parents, (token, chat) = Parents(ports.storage), await ports.add_chat()
    ports.sql("alter table chat rename to elsewhere")

    assert isinstance(await resolve(parents, token, chat), UnavailableError)
    ports.sql("alter table elsewhere rename to chat")
    assert await resolve(parents, token, chat) is None


@pytest.mark.parametrize(
    ("reason", "error", "kept"),
    [
        (Reason.APPLICATION_GONE, "ChatApplication not found", {("u", 1)}),
        (Reason.CHAT_GONE, "Chat not found", {("t", 2), ("u", 1)}),
        (Reason.MESSAGE_GONE, "Message not found", {("t", 1), ("t", 2), ("u", 1)}),
        (Reason.KEY_REUSED, "None", {("t", 1), ("t", 2), ("u", 1)}),
        (Reason.EXHAUSTED, "None", {("t", 1), ("t", 2), ("u", 1)}),
    ],
)
async def test_a_closed_gate_is_followed(ports: Ports, reason: Reason, error: str, kept: set[tuple[str, int]]) -> None:
    """What the log refused is forgotten as far as it says, and nothing else."""
    parents, places = Parents(ports.storage), [("t", 1), ("t", 2), ("u", 1)]
    for place in places:
        parents.add(*place)

    told = parents.refused("t", 1, reason)

    assert str(told) == error
    assert {place for place in places if is_remembered(parents, *place)} == kept
    await asyncio.gather(*parents._lookups, return_exceptions=True)


async def test_a_stale_memory_costs_a_refused_append_and_no_message(ports: Ports) -> None:
    """Deleted behind its back, the chat is remembered until the log says otherwise."""
    parents, (token, chat) = Parents(ports.storage), await ports.add_chat()
    await resolve(parents, token, chat)
    await ports.take(Entry(token, chat, ChatDeleted()))

    stale = is_remembered(parents, token, chat)
    parents.refused(token, chat, Reason.CHAT_GONE)

    assert stale
    assert isinstance(await resolve(parents, token, chat), NotFoundError)


@pytest.mark.parametrize("chats_each", [0, 1, 3])
async def test_memory_is_bounded(ports: Ports, chats_each: int) -> None:
    """Applications count as chats do; at the bound all is forgotten and learnt again."""
    parents = Parents(ports.storage, most=100)
    sizes: list[int] = []

    for application in range(500):
        parents.add(str(application), None)
        for chat in range(chats_each):
            parents.add(str(application), chat)
            parents.add(str(application), chat)
        sizes.append(sum(1 + len(chats) for chats in parents._chats.values()))
        assert parents._count == sizes[-1]

    assert 90 < max(sizes) <= 104


async def test_what_was_forgotten_makes_room(ports: Ports) -> None:
    """Forgetting twice, or what was never known, counts nothing."""
    parents = Parents(ports.storage, most=4)

    for _ in range(50):
        parents.add("kept", 1)
        parents.add("t", 1)
        for chat in (1, 1, 2, None, None, 1):
            parents.forget("t", chat)

        assert is_remembered(parents, "kept", 1)
        assert parents._count == 2


class HangingFinder:
    """A database that hangs until it may go on."""

    def __init__(self) -> None:
        """Hang."""
        self.may_go_on = asyncio.Event()

    async def find_chat(self, token: str, chat: int | None) -> None:
        """Find anything, in the end."""
        del token, chat
        await self.may_go_on.wait()


async def test_a_lookup_that_takes_too_long_is_told() -> None:
    """As unavailable, and it is not waited for any longer; when the database is back it is asked again."""
    finder = HangingFinder()
    parents = Parents(finder, answer_timeout_s=0.01)

    told = await resolve(parents, "t", 1)
    await asyncio.gather(*parents._lookups)
    finder.may_go_on.set()

    assert isinstance(told, UnavailableError)
    assert await resolve(parents, "t", 1) is None


async def test_what_waits_for_its_parents_is_bounded_with_its_bodies() -> None:
    """The next one is refused at once; what is remembered goes on, and when they are told there is room again."""
    finder, capacity = HangingFinder(), Capacity(2 * (REQUEST_BYTES + 100))
    parents = Parents(finder, capacity=capacity)
    parents.add("t", 9)
    answers: list[ParleyError | None] = []
    refused: list[ParleyError | None] = []

    for chat in (1, 2):
        parents.resolve("t", chat, answers.append, 100)
    parents.resolve("t", 3, refused.append, 100)
    parents.resolve("t", 9, refused.append, 100)
    finder.may_go_on.set()
    await asyncio.gather(*parents._lookups)

    assert [getattr(error, "code", None) for error in refused] == ["overloaded", None]
    assert answers == [None, None]
    assert capacity.used_bytes == 0


async def test_a_create_has_what_its_lookup_has_left_of_the_time() -> None:
    """Together they take no longer than one answer may; one that needed no lookup has all of it."""
    finder, answered = HangingFinder(), asyncio.Event()
    parents, left_s = Parents(finder, answer_timeout_s=5), list[float]()

    def write(error: ParleyError | None) -> None:
        assert error is None
        left_s.append(time_to_write(9))
        asyncio.get_running_loop().call_soon(lambda: left_s.append(time_to_write(9)))  # another request's
        answered.set()

    parents.resolve("t", 1, write)
    asyncio.get_running_loop().call_later(0.01, finder.may_go_on.set)
    await asyncio.wait_for(answered.wait(), 5)
    await asyncio.sleep(0)

    assert 0 < left_s[0] < 4.995
    assert left_s[1:] == [9]
