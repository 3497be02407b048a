"""Use cases of writing: what becomes of an entry, in the words of the tree of errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from parley.domain.errors import KeyReusedError, NotFoundError, ParleyError, UnavailableError
from parley.domain.events import NUMBER_LIMIT, Entry, IdempotencyKey
from parley.domain.model import Chat, Draft, Message
from parley.domain.numbering import Appended, Outcome, Reason, Refused, Replayed
from parley.http.written import written_headers
from parley.ingest.admission import Admission, DepthBound
from parley.ingest.applications import ApplicationWrites
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.ingest.chats import ChatWrites
from parley.ingest.messages import MessageWrites
from parley.ingest.parents import Parents
from parley.ingest.storing import Storing
from parley.ingest.writes import Accepted, Patience, Writes
from tests.support.ports import Ports, keyed, posted
from tests.unit.ingest.doubles import HeldLog, message, turn
from tests.unit.ingest.doubles_recovery import DictScopes, position
from tests.unit.workers.doubles import BEGAN_AT, StillClock


class Desk:
    """The use cases over opened ports."""

    def __init__(self, ports: Ports) -> None:
        """Wire them as bootstrap does."""
        batcher = Batcher(ports.log, BatchLimits(256, 1024 * 1024), ports.clock, lambda _, __, ___: None)
        admission = Admission(ports.log, batcher, DepthBound(1_000, 1_000_000))
        self.writes = Writes(ports.log, admission, Parents(ports.storage), batcher, Patience(5))
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
    accepted = Accepted(1, BEGAN_AT, replayed=False, durability="stored")
    assert await desk.open_chat(token) == accepted
    assert desk.remembers(token, 1)
    assert await desk.post((token, 1), "a") == accepted
    ports.clock.move(1)
    at = ports.clock.now
    edited = Message(1, "b", None, None, BEGAN_AT, at, edited=True)
    assert await desk.messages.edit_message(token, 1, 1, "b") == (edited, replace(accepted, at=at))
    assert await ports.storage.get_message(token, 1, 1) == edited
    retitled = Chat(1, None, 1, BEGAN_AT, at)
    assert await desk.chats.retitle_chat(token, 1, None) == (retitled, replace(accepted, at=at))
    assert await ports.storage.get_chat(token, 1) == retitled
    assert await desk.messages.delete_message(token, 1, 1) == replace(accepted, at=at)
    assert (await ports.storage.get_chat(token, 1)).messages_count == 0
    assert await desk.chats.delete_chat(token, 1) == replace(accepted, at=at)
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

    assert await desk.post(chat, "a", keyed("k")) == replace(first, replayed=True)
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
    writes = Writes(log, Admission(log, batcher, DepthBound(9, 9)), Parents(ports.storage), batcher, Patience(5))
    answers: list[Accepted | ParleyError] = []
    writes.send(message("a"), 1, wait_s, answers.append)
    await turn()

    clock.move(timeout_s - 0.001)
    batcher._expire()
    early = answers.copy()
    clock.move(0.001)
    batcher._expire()

    assert early == []
    assert [getattr(each, "code", "") for each in answers] == ["outcome_unknown"]
    await log.settle()


class QueuedLog(HeldLog):
    """A log of its own: what it took is not stored yet."""

    durability = "queued"


def queued(log: QueuedLog, ports: Ports, storing: Storing | None = None) -> Writes:
    """Wire writes to a log of its own."""
    batcher = Batcher(log, BatchLimits(256, 1_000), ports.clock, lambda _, __, ___: None)
    return Writes(
        log, Admission(log, batcher, DepthBound(9, 999)), Parents(ports.storage), batcher, Patience(5, storing)
    )


async def appended(log: QueuedLog) -> None:
    """Wait until the log has an append, and take it."""
    async with asyncio.timeout(5):
        while not log.futures:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.001)
    await log.settle()


@pytest.mark.parametrize("kind", ["edit", "retitle"])
async def test_a_change_that_is_on_the_log_is_no_failure_when_the_database_goes_away(ports: Ports, kind: str) -> None:
    """503 would say that nothing was written: the answer needs nobody any more."""
    chat, log = await ports.add_chat(messages=1), QueuedLog()
    writes = queued(log, ports)
    changing = asyncio.ensure_future(
        MessageWrites(writes, ports.storage).edit_message(*chat, 1, "b")
        if kind == "edit"
        else ChatWrites(writes, ports.storage).retitle_chat(*chat, "another title")
    )
    async with asyncio.timeout(5):
        while not log.futures:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.001)
    for table in ("message", "chat"):
        ports.sql(f"alter table {table} rename to {table}_elsewhere")
    await log.settle()

    changed, accepted = await changing

    assert accepted == Accepted(1, BEGAN_AT, replayed=False, durability="queued")
    assert changed in {
        Message(1, "b", None, None, BEGAN_AT, BEGAN_AT, edited=True), Chat(1, "another title", 1, BEGAN_AT, BEGAN_AT)
    }  # fmt: skip


async def test_a_message_that_is_not_there_is_neither_edited_nor_deleted_on_the_log(ports: Ports) -> None:
    """A log of its own would take both: it knows numbers, not messages."""
    chat, log = await ports.add_chat(messages=1), QueuedLog()
    messages = MessageWrites(queued(log, ports), ports.storage)

    for change in (messages.edit_message(*chat, 2, "b"), messages.delete_message(*chat, 2)):
        with pytest.raises(NotFoundError, match="Message not found"):
            await change

    assert log.batches == []


@pytest.mark.parametrize(
    ("wait_s", "stored", "durability"), [(None, True, "queued"), (1, True, "stored"), (1, False, "queued")]
)
async def test_who_prefers_to_wait_is_told_what_is_true(
    ports: Ports,
    wait_s: int | None,
    stored: bool,  # noqa: FBT001
    durability: str,
) -> None:
    """Stored if it is in time, else queued: never an error, and never more than is known."""
    log, scopes = QueuedLog(), DictScopes()
    writes = queued(log, ports, Storing(scopes, ports.clock))
    if stored:
        scopes.store(position(1))
    appending = asyncio.ensure_future(writes.append(message("a"), 1, wait_s))
    await appended(log)
    ports.clock.move(0 if stored else 1)

    accepted = await asyncio.wait_for(appending, 5)

    assert accepted == Accepted(1, BEGAN_AT, replayed=False, durability=durability)
    assert (scopes.looks > 0) is (wait_s is not None)
    applied = (b"Preference-Applied", b"wait")
    assert (applied in written_headers(accepted.durability, wait_s)) is (durability == "stored")


async def test_who_prefers_to_wait_is_told_of_an_error_at_once(ports: Ports) -> None:
    """There is nothing to wait for."""
    log, scopes = QueuedLog(), DictScopes()
    writes = queued(log, ports, Storing(scopes, ports.clock))
    appending = asyncio.ensure_future(writes.append(message("a"), 1, 30))
    await turn()
    await log.settle(error=UnavailableError("away"))

    with pytest.raises(UnavailableError):
        await asyncio.wait_for(appending, 5)
    assert scopes.looks == 0


class StandbyLog(QueuedLog):
    """A log of its own that is away: some of what it is asked the standby has done."""

    def __init__(self, outcome: Outcome) -> None:
        """Answer with this."""
        super().__init__()
        self.outcome = outcome

    async def settle(self, batch: int = -1, error: Exception | None = None) -> None:
        """Answer."""
        assert error is None
        self.futures[batch].set_result([self.outcome for _ in self.batches[batch]])
        await turn()


@pytest.mark.parametrize("wait_s", [None, 30])
@pytest.mark.parametrize(
    ("outcome", "replayed"),
    [(Appended(1, position(1), by_standby=True), False), (Replayed(1, position(1), by_standby=True), True)],
)
async def test_what_the_standby_did_is_stored_already(
    ports: Ports, wait_s: int | None, outcome: Outcome, *, replayed: bool
) -> None:
    """And marked; who prefers to wait has nothing to wait for."""
    scopes = DictScopes()
    log = StandbyLog(outcome)
    writes = queued(log, ports, Storing(scopes, ports.clock))

    appending = asyncio.ensure_future(writes.append(message("a"), 1, wait_s))
    await appended(log)

    assert await asyncio.wait_for(appending, 5) == Accepted(1, BEGAN_AT, replayed, "stored", by_standby=True)
    assert scopes.looks == 0


async def test_what_only_the_log_could_tell_is_refused_while_it_is_away(ports: Ports) -> None:
    """503, and the parent is remembered as it was."""
    log = StandbyLog(Refused(Reason.AWAY))
    writes = queued(log, ports)
    writes.parents.add("t", 1)

    appending = asyncio.ensure_future(writes.append(message("a"), 1))
    await appended(log)

    with pytest.raises(UnavailableError) as refused:
        await asyncio.wait_for(appending, 5)
    assert (refused.value.code, refused.value.retry_after_s) == ("log_unavailable", 1)
    assert 1 in writes.parents._chats["t"]


async def test_an_application_stays_as_it_is_while_its_gate_cannot_be_closed(desk: Desk, ports: Ports) -> None:
    """503 before anything is done; one that is not there is not there."""
    token = await ports.add_application()
    writes = ApplicationWrites(ports.tenants, ports.log, desk.writes.parents, desk.deleted.append, lambda _: True)

    with pytest.raises(UnavailableError) as refused:
        await writes.delete_application(token)
    with pytest.raises(NotFoundError):
        await writes.delete_application("0" * 32)

    assert refused.value.code == "log_unavailable"
    assert (await ports.tenants.get(token)).token == token
    assert desk.deleted == []
