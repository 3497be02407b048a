"""The log that SQLite carries itself: it numbers in the transaction that stores, and knows what is stored."""

from __future__ import annotations

import pytest

from parley.domain.cursors import Window
from parley.domain.errors import UnavailableError
from parley.domain.events import (
    NUMBER_LIMIT,
    ChatCreated,
    Depth,
    Entry,
    MessageDeleted,
    MessageEdited,
)
from parley.domain.numbering import Reason, Refused
from tests.support.ports import Ports, keyed, posted


async def bodies(ports: Ports, chat: tuple[str, int]) -> dict[int, str]:
    """Give what a small chat holds, by number."""
    page = await ports.storage.page_messages(*chat, Window(limit=1_000))
    return {message.number: message.body for message in page.items}


async def test_a_message_that_is_gone_is_not_changed(ports: Ports) -> None:
    """The log is the table: it refuses what a log of its own would take without effect, and takes no key for it."""
    chat = await ports.add_chat(messages=2)
    await ports.take(Entry(*chat, MessageDeleted(), 1))
    ends = await ports.changes.ends()

    refused = await ports.append(Entry(*chat, MessageEdited("a"), 1, keyed("k")), Entry(*chat, MessageDeleted(), 1))

    assert refused == [Refused(Reason.MESSAGE_GONE)] * 2
    assert await ports.changes.ends() == ends
    assert (await ports.take(posted(chat, "a", key=keyed("k")))).number == 3


async def test_what_a_batch_makes_is_not_there_for_its_later_entries(ports: Ports) -> None:
    """Nobody was told of those numbers yet; what a batch takes away is gone at once."""
    chat = await ports.add_chat(messages=1)
    token, number = chat

    outcomes = await ports.append(
        posted(chat, "two"),
        Entry(token, number, MessageEdited("guessed"), 2),
        Entry(token, None, ChatCreated()),
        posted((token, 2), "guessed"),
        Entry(token, number, MessageDeleted(), 1),
        Entry(token, number, MessageEdited("too late"), 1),
    )

    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Refused)]
    assert reasons == [Reason.MESSAGE_GONE, Reason.CHAT_GONE, Reason.MESSAGE_GONE]


async def test_a_scope_is_exhausted_at_its_last_number(ports: Ports) -> None:
    """The last number is given; a bulk that does not fit and every later entry are refused, and take nothing."""
    chat, other = await ports.add_chat(), await ports.add_chat()
    chat_id = (await ports.storage.find_chat(*chat)).chat
    ports.sql("update chat set granted_until = ? where id = ?", NUMBER_LIMIT - 2, chat_id)

    outcomes = await ports.append(
        posted(chat, "a", "b", "c"), posted(chat, "a", "b"), posted(chat, "c", key=keyed("k")), posted(other, "d")
    )

    exhausted = Refused(Reason.EXHAUSTED)
    assert [outcome if isinstance(outcome, Refused) else outcome[0] for outcome in outcomes] == [
        exhausted, NUMBER_LIMIT - 1, exhausted, 1,
    ]  # fmt: skip
    assert await bodies(ports, chat) == {NUMBER_LIMIT - 1: "a", NUMBER_LIMIT: "b"}
    assert await bodies(ports, other) == {1: "d"}


@pytest.mark.parametrize("table", ["message", "idempotency_key", "change", "chat", "partition"])
async def test_a_failing_batch_leaves_nothing(ports: Ports, table: str) -> None:
    """The storage raises in the middle: no row, key, count or position of the batch stays, and no number is lost."""
    chat = await ports.add_chat(messages=1)
    before = await ports.changes.ends()
    verb = "insert" if table in {"message", "idempotency_key", "change"} else "update"
    ports.sql(f"create trigger fault before {verb} on {table} begin select raise(abort, 'disk on fire'); end")

    with pytest.raises(UnavailableError):
        await ports.append(posted(chat, "a"), posted(chat, "b", key=keyed("k")), Entry(chat[0], None, ChatCreated()))

    ports.sql("drop trigger fault")
    assert await bodies(ports, chat) == {1: "message 1"}
    assert await ports.changes.ends() == before
    assert (await ports.storage.get_chat(*chat)).messages_count == 1
    assert (await ports.take(posted(chat, "b", key=keyed("k", "another payload")))).number == 2
    assert (await ports.take(Entry(chat[0], None, ChatCreated()))).number == 2


async def test_a_log_follows_what_others_wrote_between_its_appends(ports: Ports) -> None:
    """Nothing that it remembers from the last append outlives another's write."""
    chat = await ports.add_chat()
    await ports.take(posted(chat, "a"))
    chat_id = (await ports.storage.find_chat(*chat)).chat

    ports.sql("update chat set granted_until = 41 where id = ?", chat_id)
    jumped = await ports.take(posted(chat, "b"))
    ports.sql("update chat set deleted_at = 1 where id = ?", chat_id)
    refused = await ports.append(posted(chat, "c"))

    assert jumped.number == 42
    assert refused == [Refused(Reason.CHAT_GONE)]


async def test_the_log_says_what_an_answer_may_claim(ports: Ports) -> None:
    """An embedded log is never behind: what it took is stored."""
    await ports.log.ping()

    assert ports.log.durability == "stored"
    assert ports.log.depth() == Depth(0, 0)
