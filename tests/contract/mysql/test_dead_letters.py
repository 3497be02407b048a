"""What MySQL cannot store is set aside in the transaction that stores the rest, and stored again when it can be."""

from __future__ import annotations

import pytest

from parley.domain.errors import NotFoundError, UnavailableError
from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    IdempotencyKey,
    Logged,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
)
from parley.domain.model import Draft
from parley.storage.sharing import Applied, DeadLetter
from tests.support.mysql_house import KEY_TTL_S, House
from tests.unit.workers.doubles import BEGAN_AT, StillClock

POISON = "x" * 65_536
"""One byte more than the column holds; nobody is let in with it."""


async def letters(house: House) -> list[DeadLetter]:
    """Give all letters."""
    return await house.dead_letters.page(0, 1_000)


async def make_room(house: House) -> None:
    """Let the columns hold the poison, as a later version of the schema might."""
    await house.sql("alter table message modify body mediumtext")
    await house.sql("alter table chat modify title mediumtext")


@pytest.mark.parametrize("place", [0, 1, 500, 999])
async def test_one_that_cannot_be_stored_is_isolated(house: House, place: int) -> None:
    """Wherever it stands among a thousand: all others are stored, it is set aside with what it was."""
    chat = await house.add_chat()
    batch = [house.post(chat, POISON if n == place else "fine") for n in range(1_000)]

    applied = await house.persist(*batch)

    (letter,) = await letters(house)
    assert applied == Applied(messages=999, dropped=0, dead=1)
    assert (letter.token, letter.chat, letter.number, letter.position) == (*chat, place + 1, batch[place].position)
    assert (letter.raw, letter.attempts, letter.created_at) == (batch[place].raw, 1, BEGAN_AT)
    assert "Data too long" in letter.reason
    assert (await house.storage.get_chat(*chat)).messages_count == 999
    assert (await house.row()).position == batch[-1].position


async def test_what_is_overwritten_in_the_same_batch_is_nobodys_trouble(house: House) -> None:
    """Only what a message is after all its events has to fit."""
    chat = await house.add_chat("a")

    applied = await house.persist(
        house.post(chat, POISON),
        house.say(*chat, MessageEdited("short"), 2),
        house.say(*chat, MessageEdited(POISON), 1),
        house.say(*chat, MessageEdited("A"), 1),
    )

    assert applied == Applied(messages=1, dropped=0, dead=0)
    assert await house.bodies(chat) == {1: "A", 2: "short"}


async def test_what_nobody_can_read_is_kept(house: House) -> None:
    """It is of no application; what is around it is stored."""
    chat = await house.add_chat()
    noise = house.noise()

    applied = await house.persist(house.post(chat, "a"), noise, house.post(chat, "b"))

    (letter,) = await letters(house)
    assert applied == Applied(messages=2, dropped=0, dead=1)
    assert (letter.token, letter.chat, letter.number, letter.raw) == ("", None, None, noise.raw)
    assert letter.reason.startswith("unreadable")
    assert not await house.dead_letters.replay(letter.id)
    assert [each.attempts for each in await letters(house)] == [2]
    await house.dead_letters.discard(letter.id)
    assert await letters(house) == []
    assert await house.gaps() == []


@pytest.mark.parametrize("body", ["another", "A", "a ", ""])
async def test_another_message_under_a_stored_number_is_a_collision(house: House, body: str) -> None:
    """Never an overwrite: the first stays, the other is set aside; the rest of a bulk, too."""
    chat = await house.add_chat("a", "b")

    applied = await house.persist(
        house.say(*chat, MessagesPosted((Draft("b"), Draft("c"))), 2),
        house.say(*chat, MessagesPosted((Draft(body), Draft("b"), Draft("c"), Draft("d"))), 1),
        house.post(chat, "e"),
    )

    (letter,) = await letters(house)
    assert applied == Applied(messages=2, dropped=0, dead=1)
    assert letter.reason.startswith("collision")
    assert await house.bodies(chat) == {1: "a", 2: "b", 3: "c", 5: "e"}


async def test_another_chat_under_a_stored_number_is_a_collision(house: House) -> None:
    """Titles tell them apart, an empty one from none."""
    token, _ = await house.add_chat()

    applied = await house.persist(house.say(token, None, ChatCreated(""), 1))

    assert applied == Applied(messages=0, dropped=0, dead=1)
    assert (await house.storage.get_chat(token, 1)).title is None


async def test_what_belongs_to_nobody_known_is_kept(house: House) -> None:
    """An application or chat without a row is no deleted one: what was acknowledged is not thrown away."""
    token = await house.add_application()

    applied = await house.persist(house.post(("f" * 32, 1), "a"), house.post((token, 7), "a"))

    assert applied == Applied(messages=0, dropped=0, dead=2)
    assert [each.reason for each in await letters(house)] == ["the application is not known", "the chat is not known"]


async def test_later_events_of_the_number_wait(house: House) -> None:
    """In their order, however many batches later; events of other numbers pass."""
    chat = await house.add_chat()
    await house.persist(house.post(chat, POISON), house.post(chat, "fine"))
    await house.persist(house.say(*chat, MessageEdited("one"), 1))

    applied = await house.persist(
        house.say(*chat, MessageEdited("two"), 1), house.say(*chat, MessageEdited("fine too"), 2)
    )

    first, *waiting = await letters(house)
    assert applied == Applied(messages=0, dropped=0, dead=1)
    assert [letter.reason for letter in waiting] == [f"waits behind {first.id}"] * 2
    assert await house.bodies(chat) == {2: "fine too"}


async def test_a_letter_and_what_waits_behind_it_are_replayed(house: House, clock: StillClock) -> None:
    """Once the reason is gone: in the order of the log, with the times of their events, told to followers."""
    chat = await house.add_chat("first")
    await house.persist(house.post(chat, POISON), house.post(chat, "last"))
    clock.move(5)
    await house.persist(house.say(*chat, MessageEdited("one"), 2), house.say(*chat, MessageEdited("two"), 2))
    ids, ends = await house.storage.find_chat(*chat), await house.changes.ends()
    letter = (await letters(house))[0]
    clock.move(5)

    in_vain = await house.dead_letters.replay(letter.id)
    again = await house.dead_letters.get(letter.id)
    await make_room(house)
    stored = await house.dead_letters.replay(letter.id)

    assert (in_vain, stored) == (False, True)
    assert again is not None
    assert (again.attempts, again.updated_at) == (2, BEGAN_AT + 10_000)
    assert await letters(house) == []
    message = await house.storage.get_message(*chat, 2)
    assert (message.body, message.created_at, message.updated_at) == ("two", BEGAN_AT, BEGAN_AT + 5_000)
    assert (await house.storage.get_chat(*chat)).messages_count == 3
    changes = await house.changes.read(ends, 100)
    assert [change.keys for change in changes] == [[], [(ids.chat, 2)]]
    assert not await house.dead_letters.replay(letter.id)


async def test_a_chat_that_could_not_be_stored_holds_up_its_own(house: House) -> None:
    """Posts, titles and edits wait for it, and are stored with it."""
    token = await house.add_application()
    chat = (token, 1)
    await house.persist(
        house.say(token, None, ChatCreated(POISON)),
        house.post(chat, "a", "b"),
        house.say(*chat, MessageEdited("B"), 2),
        house.say(token, None, ChatCreated("another")),
    )
    await house.persist(house.say(*chat, ChatRetitled("short")), house.post((token, 2), "a"))
    waiting = [each.reason for each in await letters(house)][1:]
    await make_room(house)

    assert await house.dead_letters.replay((await letters(house))[0].id)

    assert len(waiting) == 3
    assert all(reason.startswith("waits behind") for reason in waiting)
    assert await letters(house) == []
    assert await house.bodies(chat) == {1: "a", 2: "B"}
    assert (await house.storage.get_chat(*chat)).title == "short"
    assert (await house.tenants.get(token)).chats_count == 2


async def test_a_letter_that_waits_is_not_replayed_alone(house: House) -> None:
    """It would overtake what it waits for."""
    chat = await house.add_chat()
    await house.persist(house.post(chat, POISON))
    await house.persist(house.say(*chat, MessageEdited("x"), 1))
    first, second = await letters(house)

    assert not await house.dead_letters.replay(second.id)
    assert [each.reason for each in await letters(house)][1] == f"waits behind {first.id}"


async def test_an_old_edit_does_not_come_back_over_a_newer_one(house: House) -> None:
    """Replayed after a later one was stored, it changes nothing; a title likewise."""
    chat = await house.add_chat("a")
    await house.persist(house.say(*chat, MessageEdited(POISON), 1), house.say(*chat, ChatRetitled(POISON)))
    await house.sql("update dead_letter set first = 77, last = 77")
    await house.persist(house.say(*chat, MessageEdited("newer"), 1), house.say(*chat, ChatRetitled("newer")))
    await make_room(house)

    for letter in await letters(house):
        assert await house.dead_letters.replay(letter.id)

    assert await house.bodies(chat) == {1: "newer"}
    assert (await house.storage.get_chat(*chat)).title == "newer"


async def test_a_deletion_takes_the_place_of_edits_that_wait(house: House) -> None:
    """What could not be stored of the message is not kept any longer."""
    chat = await house.add_chat("a")
    await house.persist(house.say(*chat, MessageEdited(POISON), 1))
    await house.persist(house.say(*chat, MessageEdited("x"), 1))
    before = len(await letters(house))

    applied = await house.persist(house.say(*chat, MessageDeleted(), 1))

    assert before == 2
    assert applied == Applied(0, 0, 0)
    assert await letters(house) == []
    assert await house.bodies(chat) == {1: None}


async def test_a_letters_key_is_remembered(house: House) -> None:
    """Its number was given to a client, who may come again."""
    chat = await house.add_chat()

    await house.persist(house.post(chat, POISON, key=IdempotencyKey("messages", "k", b"f" * 16)))

    name = (chat[0], "messages", "k")
    assert (await house.scopes.find_keys([name]))[name].number == 1


async def test_a_replay_leaves_a_key_alone_that_is_anothers_by_now(house: House, clock: StillClock) -> None:
    """A client may use a name again once it has expired, and is answered for that request; a name of nobody is kept."""
    chat = await house.add_chat()
    old, new = IdempotencyKey("messages", "k", b"o" * 16), IdempotencyKey("messages", "k", b"n" * 16)
    await house.persist(house.post(chat, POISON, key=old))
    clock.move(KEY_TTL_S + 1)
    await house.persist(house.post(chat, "later", key=new))
    await make_room(house)

    assert await house.dead_letters.replay((await letters(house))[0].id)

    name = (chat[0], "messages", "k")
    found = (await house.scopes.find_keys([name]))[name]
    assert (found.fingerprint, found.number) == (new.fingerprint, 2)


async def test_a_letters_numbers_are_not_void_in_a_new_epoch(house: House) -> None:
    """They have an explanation already."""
    chat = await house.add_chat()
    await house.persist(house.post(chat, "a"), house.post(chat, POISON, POISON))

    assert await house.sql("select last_number from chat") == [(3,)]


async def test_letters_of_what_was_deleted_are_erased(house: House) -> None:
    """Of a chat and of an application, with all that they said."""
    chat, (gone, _), kept = await house.add_chat(), await house.add_chat(), await house.add_chat()
    await house.persist(house.post(chat, POISON), house.post((gone, 1), POISON), house.post(kept, POISON))
    await house.persist(house.say(gone, None, ChatCreated(POISON)), house.say(*chat, ChatDeleted()))
    await house.tenants.delete(gone)
    await house.persist(house.say(gone, None, ApplicationClosed()))

    await house.erase()

    assert [each.token for each in await letters(house)] == [kept[0]]
    with pytest.raises(NotFoundError):
        await house.storage.get_chat(*chat)


async def test_a_hundred_in_a_row_are_too_many(house: House) -> None:
    """Then it is not the entries that are wrong: nothing is stored, nothing is set aside, and it says so."""
    chat = await house.add_chat()
    before = await house.row()
    fine, poison = [house.post(chat, "fine") for _ in range(3)], [house.post(chat, POISON) for _ in range(100)]

    with pytest.raises(UnavailableError, match="100 entries in a row") as refused:
        await house.persist(*fine, *poison)

    assert refused.value.code == "too_many_dead_letters"
    assert await house.row() == before
    assert await letters(house) == []
    assert await house.bodies(chat) == {}


async def test_who_says_so_gets_past_a_hundred(house: House) -> None:
    """The entries were wrong after all: they become letters, which people can look at, and the rest is stored."""
    chat = await house.add_chat()
    poison, fine = [house.post(chat, POISON) for _ in range(150)], house.post(chat, "fine")
    await house.close()
    house.dead_letter_run = 1_000
    await house.open()
    await house.begin()

    applied = await house.persist(*poison, fine)

    assert applied == Applied(messages=1, dropped=0, dead=150)


async def test_a_row_of_failures_goes_on_from_batch_to_batch(house: House) -> None:
    """Small batches do not hide it; one that is stored ends it."""
    chat = await house.add_chat()
    await house.persist(*(house.post(chat, POISON) for _ in range(60)))
    await house.persist(house.post(chat, "fine"))
    await house.persist(*(house.post(chat, POISON) for _ in range(99)))

    with pytest.raises(UnavailableError, match="100 entries in a row"):
        await house.persist(house.post(chat, POISON))
    assert await house.dead_letters.count() == 159


async def test_ten_thousand_letters_are_too_many(house: House) -> None:
    """Nobody will look at them; what can be stored still is."""
    chat = await house.add_chat()
    await house.persist(house.post(chat, POISON))
    doubled = "insert into dead_letter (`partition`, epoch, position, token, gives_numbers, reason, raw, created_at, "
    doubled += "updated_at) select 0, 1, 1, '', 0, 'made', '', 0, 0 from dead_letter limit %s"
    while missing := 10_000 - await house.dead_letters.count():
        await house.sql(doubled, missing)

    await house.persist(house.post(chat, "fine"))
    with pytest.raises(UnavailableError, match="more than 10000 dead letters"):
        await house.persist(house.post(chat, POISON))
    assert await house.dead_letters.count() == 10_000


async def test_letters_are_paged(house: House) -> None:
    """In the order of the log."""
    chat = await house.add_chat()
    batch: list[Logged] = [house.post(chat, POISON) for _ in range(5)]
    await house.persist(*batch)

    first = await house.dead_letters.page(0, 3)
    second = await house.dead_letters.page(first[-1].id, 3)

    assert [letter.position for letter in first + second] == [logged.position for logged in batch]
    assert await house.dead_letters.get(10**9) is None
    assert await house.dead_letters.count() == 5


@pytest.mark.parametrize("what", [MessageEdited(POISON), ChatRetitled(POISON), MessageEdited("x" * 70_000)])
async def test_a_change_that_does_not_fit_changes_nothing(house: House, what: MessageEdited | ChatRetitled) -> None:
    """Among others that do: it is not cut off, but set aside."""
    chat, other = await house.add_chat(*"abc"), await house.add_chat(*"abc")
    edits = [house.say(*each, MessageEdited("fine"), 2) for each in (chat, other)]

    applied = await house.persist(*edits, house.say(*chat, what, 1), house.say(*other, MessageEdited("fine"), 3))

    assert applied == Applied(messages=0, dropped=0, dead=1)
    assert await house.bodies(chat) == {1: "a", 2: "fine", 3: "c"}
    assert await house.bodies(other) == {1: "a", 2: "fine", 3: "fine"}
    assert (await house.storage.get_chat(*chat)).title is None
