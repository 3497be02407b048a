"""Persisting into MySQL: each entry once, folded, counted by what it changed."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.cursors import Window
from parley.domain.documents import WHOLE_CHAT
from parley.domain.errors import ConflictError, NotFoundError
from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    IdempotencyKey,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    NumbersBurnt,
    Position,
)
from parley.domain.model import Chat, Draft, Message
from parley.domain.numbering import KeyState
from parley.storage.sharing import Applied
from tests.support.mysql_house import House, opened
from tests.unit.workers.doubles import BEGAN_AT, StillClock


async def test_a_batch_is_folded_and_stored(house: House, clock: StillClock) -> None:
    """A chat, its messages, an edit and a delete of them, all in one transaction: what is left is what is read."""
    token = await house.add_application()
    batch = [
        house.say(token, None, ChatCreated("first")),
        house.say(token, 1, MessagesPosted((Draft("a", "me", '{"k":1.0}'), Draft("b"), Draft("c")))),
        house.say(token, 1, MessageEdited("A"), 1),
        house.say(token, 1, MessageEdited("AA"), 1),
        house.say(token, 1, MessageDeleted(), 2),
        house.say(token, 1, MessageEdited("gone"), 2),
        house.say(token, 1, ChatRetitled("second")),
    ]

    applied = await house.persist(*batch)

    page = await house.storage.page_messages(token, 1, Window())
    assert applied == Applied(messages=3, dropped=0, dead=0)
    assert page.items == [
        Message(1, "AA", "me", '{"k":1.0}', BEGAN_AT, BEGAN_AT, edited=True),
        Message(3, "c", None, None, BEGAN_AT, BEGAN_AT),
    ]
    assert await house.storage.get_chat(token, 1) == Chat(1, "second", 2, BEGAN_AT, BEGAN_AT)
    assert (await house.tenants.get(token)).chats_count == 1
    assert (await house.row()).position == batch[-1].position
    assert clock.now == BEGAN_AT


async def test_later_batches_change_what_is_stored(house: House, clock: StillClock) -> None:
    """Edits, deletes and titles over several transactions; the times are those of the events."""
    chat = await house.add_chat("a", "b", "c")
    clock.move(5)
    await house.persist(house.say(*chat, MessageEdited("B"), 2), house.say(*chat, ChatRetitled("title")))
    clock.move(5)
    await house.persist(house.say(*chat, MessageEdited("BB"), 2), house.say(*chat, MessageDeleted(), 3))
    await house.persist(house.say(*chat, MessageDeleted(), 3), house.say(*chat, MessageEdited("x"), 3))

    assert await house.bodies(chat) == {1: "a", 2: "BB", 3: None}
    assert (await house.storage.get_message(*chat, 2)).updated_at == BEGAN_AT + 10_000
    assert await house.storage.get_chat(*chat) == Chat(1, "title", 2, BEGAN_AT, BEGAN_AT + 5_000)
    with pytest.raises(NotFoundError, match="Message not found"):
        await house.storage.get_message(*chat, 3)


async def test_a_chat_keeps_the_time_of_its_creation_when_it_changes_in_the_same_batch(
    house: House, clock: StillClock
) -> None:
    """It was answered with that time, and no chat is older than the one before it."""
    token = await house.add_application()
    batch = [house.say(token, None, ChatCreated("first")), house.say(token, None, ChatCreated("gone"))]
    clock.now += 7
    batch += [house.say(token, 1, ChatRetitled("second")), house.say(token, 2, ChatDeleted())]

    await house.persist(*batch)

    assert await house.storage.get_chat(token, 1) == Chat(1, "second", 0, BEGAN_AT, BEGAN_AT + 7)
    assert await house.sql("select created_at, deleted_at - created_at from chat where number = 2") == [(BEGAN_AT, 7)]


async def test_a_tombstone_keeps_nothing_but_its_number(house: House) -> None:
    """No body, sender, metadata or hash, whether it was stored before it was deleted or not."""
    chat = await house.add_chat("a")
    what = MessagesPosted((Draft("b", "me", "{}"),))

    await house.persist(house.say(*chat, what), house.say(*chat, MessageDeleted(), 2))
    await house.persist(house.say(*chat, MessageDeleted(), 1))

    rows = await house.sql(
        "select number, body, sender, metadata, created_hash, deleted_at is null from message order by number"
    )
    assert rows == [(1, None, None, None, None, 0), (2, None, None, None, None, 0)]
    assert (await house.storage.get_chat(*chat)).messages_count == 0


async def test_counts_follow_transitions(house: House) -> None:
    """What was deleted twice is counted once, as is what was delivered twice; a deleted chat counts out."""
    token = await house.add_application()
    await house.persist(*(house.say(token, None, ChatCreated()) for _ in range(4)))
    posted = [house.post((token, chat), "a", "b", "c") for chat in (1, 2, 3)]
    await house.persist(*posted, *(house.say(token, 1, MessageDeleted(), number) for number in (1, 1, 2)))
    await house.persist(
        house.say(token, 1, MessageDeleted(), 2),
        house.say(token, 1, MessagesPosted((Draft("c"),)), 3),
        house.say(token, 2, ChatDeleted()),
        house.say(token, 2, ChatDeleted()),
    )

    chats = (await house.storage.page_chats(token, Window())).items
    assert {chat.number: chat.messages_count for chat in chats} == {1: 1, 3: 3, 4: 0}
    assert (await house.tenants.get(token)).chats_count == 3


async def test_the_same_batch_is_stored_once(house: House) -> None:
    """Whoever comes again with what is stored is told that the partition has moved; nothing is written."""
    chat = await house.add_chat()
    before = (await house.row()).position
    batch = [house.post(chat, "a"), house.post(chat, "b")]

    await house.persisting.apply(0, house.lease, before, batch)
    with pytest.raises(ConflictError, match="not where the caller thinks"):
        await house.persisting.apply(0, house.lease, before, batch)

    assert await house.bodies(chat) == {1: "a", 2: "b"}
    assert (await house.storage.get_chat(*chat)).messages_count == 2


@pytest.mark.parametrize("shift", [-1, 1])
async def test_a_batch_for_another_position_is_refused(house: House, shift: int) -> None:
    """Behind or ahead of where the partition is; the position and the rows stay."""
    chat = await house.add_chat("a")
    there = await house.row()

    with pytest.raises(ConflictError):
        await house.persisting.apply(
            0, house.lease, there.position._replace(id=there.position.id + shift), [house.post(chat, "b")]
        )
    with pytest.raises(ConflictError):
        await house.persisting.apply(
            0, house.lease, there.position._replace(epoch=there.position.epoch + shift), [house.post(chat, "b")]
        )

    assert await house.row() == there
    assert await house.bodies(chat) == {1: "a"}


async def test_an_empty_batch_does_nothing(house: House) -> None:
    """Not even look at the lease."""
    assert await house.persisting.apply(0, house.lease, Position(0, 0), []) == Applied(0, 0, 0)


async def test_a_message_that_comes_again_is_the_same_one(house: House) -> None:
    """At a later place of the log: equal is skipped, also when it was changed since; its own edits still count."""
    chat = await house.add_chat("a", "b", "c")
    await house.persist(house.say(*chat, MessageEdited("B"), 2), house.say(*chat, MessageDeleted(), 3))

    applied = await house.persist(
        house.say(*chat, MessagesPosted((Draft("a"), Draft("b"), Draft("c"))), 1),
        house.say(*chat, MessageEdited("A"), 1),
        house.post(chat, "d"),
    )

    assert applied == Applied(messages=1, dropped=0, dead=0)
    assert await house.bodies(chat) == {1: "A", 2: "B", 3: None, 4: "d"}
    assert (await house.storage.get_chat(*chat)).messages_count == 3


async def test_a_message_that_comes_twice_in_one_batch_is_the_same_one(house: House) -> None:
    """As if it came in two."""
    chat = await house.add_chat()

    applied = await house.persist(house.post(chat, "a", "b"), house.say(*chat, MessagesPosted((Draft("b"),)), 2))

    assert applied == Applied(messages=2, dropped=0, dead=0)
    assert (await house.storage.get_chat(*chat)).messages_count == 2


async def test_a_chat_that_comes_again_is_the_same_one(house: House) -> None:
    """It keeps its id, its title and its messages."""
    token = await house.add_application()
    await house.persist(house.say(token, None, ChatCreated("title")), house.post((token, 1), "a"))
    chat_id = await house.storage.find_chat(token, 1)

    applied = await house.persist(house.say(token, None, ChatCreated("title"), 1), house.post((token, 1), "b"))

    assert applied == Applied(messages=1, dropped=0, dead=0)
    assert await house.storage.find_chat(token, 1) == chat_id
    assert await house.storage.get_chat(token, 1) == Chat(1, "title", 2, BEGAN_AT, BEGAN_AT)


async def test_entries_of_deleted_parents_are_dropped(house: House) -> None:
    """And counted; what came before the deletion is stored, and others go on."""
    gone, deleted, live = await house.add_chat(), await house.add_chat("a"), await house.add_chat()
    await house.tenants.delete(gone[0])

    applied = await house.persist(
        house.post(gone, "x", key=IdempotencyKey("messages", "k", bytes(16))),
        house.say(gone[0], None, ChatCreated()),
        house.post(deleted, "b"),
        house.say(*deleted, ChatDeleted()),
        house.post(deleted, "x"),
        house.say(*deleted, MessageEdited("x"), 1),
        house.say(*deleted, NumbersBurnt(9), 4),
        house.post(live, "a"),
    )

    assert applied == Applied(messages=2, dropped=5, dead=0)
    assert await house.sql("select body from message order by application_id, number") == [("a",), ("b",), ("a",)]
    assert await house.sql("select * from idempotency_key") == []
    assert await house.gaps() == []


async def test_an_application_is_closed_by_its_entry(house: House) -> None:
    """From then on it may be erased; one whose deletion is not known here is deleted with it."""
    (closed, _), (other, _) = await house.add_chat(), await house.add_chat()
    await house.tenants.delete(closed)
    before = await house.scopes.unclosed()

    applied = await house.persist(
        house.say(closed, None, ApplicationClosed()),
        house.say(other, None, ApplicationClosed()),
        house.post((other, 1), "x"),
    )

    assert before == [closed]
    assert applied == Applied(messages=0, dropped=1, dead=0)
    assert await house.scopes.unclosed() == []
    with pytest.raises(NotFoundError):
        await house.tenants.get(other)


async def test_an_edit_of_what_is_not_there_changes_nothing(house: House) -> None:
    """The log does not know which messages there are."""
    chat = await house.add_chat("a")

    applied = await house.persist(
        house.say(*chat, MessageEdited("x"), 7), house.say(*chat, MessageDeleted(), 8), house.post(chat, "b")
    )

    assert applied == Applied(messages=1, dropped=0, dead=0)
    assert await house.bodies(chat) == {1: "a", 2: "b"}
    assert (await house.storage.get_chat(*chat)).messages_count == 2


async def test_burnt_numbers_are_in_the_gap_ledger(house: House) -> None:
    """Of a chat and of an application; the next grant begins behind them."""
    token, chat = await house.add_chat("a")

    await house.persist(house.say(token, chat, NumbersBurnt(1_000), 2), house.say(token, None, NumbersBurnt(30), 2))

    rows = await house.sql("select chat_id = 0, first, last, reason from gap order by id")
    assert rows == [(0, 2, 1_000, b"burnt"), (1, 2, 30, b"burnt")]
    assert await house.sql("select last_number from chat") == [(1_000,)]
    assert await house.sql("select last_number from application") == [(30,)]


async def test_keys_are_stored_with_what_they_made(house: House, clock: StillClock) -> None:
    """The first number and the position; an expired one gives way; the youngest one's age is known."""
    chat = await house.add_chat()
    key = IdempotencyKey("messages", 'a key "of" \\ mine', b"f" * 16)
    name = (chat[0], key.route, key.key)
    entry = house.post(chat, "a", "b", key=key)
    await house.persist(entry, house.post(chat, "c"))
    first = await house.scopes.find_keys([name, (chat[0], "chats", key.key), ("0" * 32, *name[1:])])
    clock.move(86_400)
    expired = await house.scopes.find_keys([name])
    again = house.post(chat, "d", key=IdempotencyKey(key.route, key.key, b"g" * 16))
    await house.persist(again)

    assert first == {name: KeyState(b"f" * 16, 1, entry.position)}
    assert expired == {}
    assert await house.scopes.find_keys([name]) == {name: KeyState(b"g" * 16, 4, again.position)}
    assert (await house.row()).last_key_at == BEGAN_AT + 86_400_000


async def test_keys_of_a_deleted_application_are_not_told(house: House) -> None:
    """As if they had never been."""
    chat = await house.add_chat()
    await house.persist(house.post(chat, "a", key=IdempotencyKey("messages", "k", bytes(16))))

    await house.tenants.delete(chat[0])

    assert await house.scopes.find_keys([(chat[0], "messages", "k")]) == {}


async def test_a_batch_is_one_change(house: House) -> None:
    """With all that it touched, what it only skipped left out, at the position of its last entry."""
    chat = await house.add_chat("a", "b", "c")
    ids = await house.storage.find_chat(*chat)
    ends = await house.changes.ends()

    batch = [
        house.post(chat, "d", "e"),
        house.say(*chat, MessageEdited("A"), 1),
        house.say(*chat, MessageDeleted(), 2),
        house.say(*chat, MessageEdited("x"), 9),
        house.say(*chat, MessagesPosted((Draft("c"),)), 3),
    ]
    await house.persist(*batch)
    closing = house.say(*chat, ChatDeleted())
    await house.persist(closing)

    first, second = await house.changes.read(ends, 100)
    assert first.position == batch[-1].position
    assert first.keys == [(ids.chat, number) for number in (1, 2, 4, 5)]
    assert (second.position, second.keys) == (closing.position, [(ids.chat, WHOLE_CHAT)])


async def test_a_document_has_the_position_of_its_last_event(house: House) -> None:
    """So that an index can tell an old state from a new one; the deletion of its chat is the last."""
    chat = await house.add_chat("a", "b", "c")
    ids = await house.storage.find_chat(*chat)
    edit, delete = house.say(*chat, MessageEdited("B"), 2), house.say(*chat, MessageDeleted(), 3)
    await house.persist(edit, delete)
    wanted = [(ids.chat, number) for number in (1, 2, 3, 4)]

    live = await house.changes.load(wanted)
    closing = house.say(*chat, ChatDeleted())
    await house.persist(closing)
    gone = await house.changes.load([*wanted, (ids.chat, WHOLE_CHAT)])

    assert [document.body for document in live] == ["a", "B", None, None]
    assert [document.version for document in live[1:]] == [edit.position.id, delete.position.id, 0]
    assert 0 < live[0].version < edit.position.id
    assert {document.application_id for document in live + gone} == {ids.application}
    assert {(document.body, document.version) for document in gone} == {(None, closing.position.id)}


async def test_chats_get_ids_that_no_other_partition_gives(house: House) -> None:
    """Small ones, also when their transaction is repeated."""
    token = await house.add_application()
    await house.persist(*(house.say(token, None, ChatCreated()) for _ in range(3)))

    ids = [(await house.storage.find_chat(token, number)).chat for number in (1, 2, 3)]

    assert all(chat_id % 4 == 0 for chat_id in ids)
    assert sorted(set(ids)) == ids
    assert ids[-1] < 100


async def test_two_who_apply_the_same_are_one(house: House) -> None:
    """Both have read the same entries: one stores them, the other is told so; by one lease or by two."""
    chat = await house.add_chat()
    before = (await house.row()).position
    batch = [house.post(chat, "a"), house.post(chat, "b")]

    async with opened(House(house.url, house.clock)) as twin:
        applies = [each.persisting.apply(0, house.lease, before, batch) for each in (house, twin)]
        results = await asyncio.gather(*applies, return_exceptions=True)

    kinds = sorted(type(result).__name__ for result in results)
    assert kinds in (["Applied", "ConflictError"], ["Applied", "UnavailableError"])
    assert await house.bodies(chat) == {1: "a", 2: "b"}
    assert (await house.storage.get_chat(*chat)).messages_count == 2


async def test_many_chats_and_edits_fit_into_one_batch(house: House) -> None:
    """A thousand entries over a hundred chats, each message edited once: few statements, all of it."""
    token = await house.add_application()
    chats = range(1, 101)
    await house.persist(*(house.say(token, None, ChatCreated(f"chat {number}")) for number in chats))
    posts = [house.post((token, chat), f"message {n} of {chat}") for n in range(1, 11) for chat in chats]

    applied = await house.persist(*posts)
    await house.persist(*(house.say(token, chat, MessageEdited(f"edited {chat}"), 5) for chat in chats))
    await house.persist(*(house.say(token, chat, MessageDeleted(), 6) for chat in chats))

    assert applied == Applied(1_000, 0, 0)
    for chat in (1, 50, 100):
        assert await house.bodies((token, chat)) == {
            **{n: f"message {n} of {chat}" for n in range(1, 11)}, 5: f"edited {chat}", 6: None
        }  # fmt: skip
    assert await house.sql("select sum(messages_count) from chat") == [(900,)]
