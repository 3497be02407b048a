"""Use cases of writing: what becomes of an entry, in the words of the tree of errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from parley.domain.errors import KeyReusedError, NotFoundError, ParleyError, UnavailableError
from parley.domain.events import Entry, IdempotencyKey
from parley.domain.model import Chat, Draft, Message
from parley.domain.numbering import NUMBER_LIMIT
from parley.ingest.admission import Admission, DepthBound
from parley.ingest.applications import ApplicationWrites
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.ingest.chats import ChatWrites
from parley.ingest.messages import MessageWrites
from parley.ingest.parents import Parents
from parley.ingest.writes import Accepted, Writes
from tests.support.ports import Ports, keyed, posted
from tests.unit.ingest.doubles import HeldLog, message, turn
from tests.unit.workers.doubles import BEGAN_AT, StillClock


class Desk:
    """The use cases over opened ports."""

    def __init__(self, ports: Ports) -> None:
        """Wire them as bootstrap does."""
        batcher = Batcher(ports.log, BatchLimits(256, 1024 * 1024), ports.clock, lambda _, __, ___: None)
        admission = Admission(ports.log, batcher, DepthBound(1_000, 1_000_000))
        self.writes = Writes(ports.log, admission, Parents(ports.storage), batcher, 5)
        self.deleted: list[str] = []
        self.applications = ApplicationWrites(ports.tenants, ports.log, self.writes.parents, self.deleted.append)
        self.chats = ChatWrites(self.writes, ports.storage)
        self.messages = MessageWrites(self.writes, ports.storage)

    async def post(self, chat: tuple[str, int], body: str, key: IdempotencyKey | None = None) -> Any:  # noqa: ANN401
        """Post a message and give what was answered."""
        return await answer(self.messages.create_messages, chat, (Draft(body),), key, None)

    async def open_chat(self, token: str, key: IdempotencyKey | None = None) -> Any:  # noqa: ANN401
        """Create a chat and give what was answered."""
        return await answer(self.chats.create_chat, token, "title", key, None)

    def remembers(self, token: str, chat: int | None) -> bool:
        """Tell whether a parent is known without a lookup."""
        known = self.writes.parents._chats.get(token)
        return known is not None and (chat is None or chat in known)


@pytest.fixture
async def desk(ports: Ports) -> Desk:
    """Give the use cases."""
    return Desk(ports)


async def answer(create: Callable[..., None], *given: object) -> Accepted | ParleyError:
    """Call a create and wait for its one answer."""
    answered: asyncio.Future[Accepted | ParleyError] = asyncio.get_running_loop().create_future()
    create(*given, answered.set_result)
    return await answered


async def test_a_life_of_an_application(desk: Desk, ports: Ports) -> None:
    """Created, filled, changed, emptied, deleted: every answer, and what is remembered meanwhile."""
    application, _ = await desk.applications.create_application("name", None)
    token = application.token

    assert desk.remembers(token, None)
    assert await desk.open_chat(token) == Accepted(1, BEGAN_AT, replayed=False)
    assert desk.remembers(token, 1)
    assert await desk.post((token, 1), "a") == Accepted(1, BEGAN_AT, replayed=False)
    edited = await desk.messages.edit_message(token, 1, 1, "b")
    assert edited == Message(1, "b", None, None, BEGAN_AT, BEGAN_AT, edited=True)
    assert await desk.chats.retitle_chat(token, 1, None) == Chat(1, None, 1, BEGAN_AT, BEGAN_AT)
    await desk.messages.delete_message(token, 1, 1)
    assert (await ports.storage.get_chat(token, 1)).messages_count == 0
    await desk.chats.delete_chat(token, 1)
    assert not desk.remembers(token, 1)
    assert desk.remembers(token, None)
    await desk.applications.delete_application(token)
    assert not desk.remembers(token, None)
    assert desk.deleted == [token]


async def test_a_repeat_is_marked(desk: Desk, ports: Ports) -> None:
    """With the first number and time."""
    chat = await ports.add_chat()
    first = await desk.post(chat, "a", keyed("k"))
    ports.clock.move(9)

    assert await desk.post(chat, "a", keyed("k")) == first._replace(replayed=True)
    assert isinstance(await desk.post(chat, "b", keyed("k", "another payload")), KeyReusedError)


async def test_what_is_gone_is_told_and_forgotten(desk: Desk, ports: Ports) -> None:
    """By use case: posts by their answer, edits and deletes by raising."""
    (token, chat), gone = await ports.add_chat(messages=1), await ports.add_chat(messages=1)
    desk.writes.parents.add(*gone)
    desk.writes.parents.add(token, 2)
    await ports.tenants.delete(gone[0])
    places = {gone: "ChatApplication not found", (token, 2): "Chat not found"}

    for place, sentence in places.items():
        assert str(await desk.post(place, "a")) == sentence
        assert not desk.remembers(*place)
        for change in (
            desk.messages.edit_message(*place, 1, "b"), desk.messages.delete_message(*place, 1),
            desk.chats.retitle_chat(*place, "title"), desk.chats.delete_chat(*place),
        ):  # fmt: skip
            with pytest.raises(NotFoundError, match=sentence):
                await change
    for number in (2, NUMBER_LIMIT + 2, 2**63 - 1):
        with pytest.raises(NotFoundError, match="Message not found"):
            await desk.messages.edit_message(token, chat, number, "b")
        with pytest.raises(NotFoundError, match="Message not found"):
            await desk.messages.delete_message(token, chat, number)
    assert str(await desk.open_chat(gone[0])) == "ChatApplication not found"


async def test_an_exhausted_scope_is_unavailable(desk: Desk, ports: Ports) -> None:
    """503 with its own code: certainly nothing was written."""
    chat = await ports.add_chat()
    ports.sql("update chat set granted_until = ?", NUMBER_LIMIT)

    refused = await desk.post(chat, "a")

    assert isinstance(refused, UnavailableError)
    assert refused.code == "numbers_exhausted"


async def test_a_caller_that_went_away_costs_nothing(desk: Desk, ports: Ports) -> None:
    """Its edit is done, nobody is told, and the desk goes on."""
    chat = await ports.add_chat(messages=1)
    editing = asyncio.ensure_future(desk.writes.append(Entry(*chat, posted(chat, "b").what), 1))
    await asyncio.sleep(0)
    editing.cancel()

    await desk.writes.drained()

    assert editing.cancelled()
    assert (await ports.storage.get_chat(*chat)).messages_count == 2


@pytest.mark.parametrize(("wait_s", "timeout_s"), [(None, 5), (1, 1), (30, 30)])
async def test_an_answer_takes_as_long_as_was_asked_for(ports: Ports, wait_s: int | None, timeout_s: int) -> None:
    """`Prefer: wait` sets the time after which the outcome is unknown; 5 s are the default."""
    clock, log = StillClock(), HeldLog()
    batcher = Batcher(log, BatchLimits(256, 1_000), clock, lambda _, __, ___: None)
    writes = Writes(log, Admission(log, batcher, DepthBound(9, 9)), Parents(ports.storage), batcher, 5)
    answers: list[Accepted | ParleyError] = []
    writes.send(message("a"), 1, wait_s, answers.append)
    await turn()

    clock.move(timeout_s - 0.001)
    batcher._expire()
    early = answers.copy()
    clock.move(0.001)
    batcher._expire()

    assert writes.durability == "stored"
    assert early == []
    assert [getattr(each, "code", "") for each in answers] == ["outcome_unknown"]
    await log.settle()
