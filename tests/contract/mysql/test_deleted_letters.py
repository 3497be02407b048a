"""What was deleted is in no dead letter, though it could not be stored, and no replay brings it back."""

from __future__ import annotations

import pytest

from parley.domain.errors import NotFoundError
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    IdempotencyKey,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
)
from parley.domain.model import Draft
from parley.storage.sharing import Applied
from tests.contract.mysql.standing import differences
from tests.contract.mysql.test_dead_letters import letters, make_room
from tests.contract.mysql.test_erasing import SECRET, places_with_secret
from tests.contract.mysql.whole import POISON
from tests.support.mysql_house import House


@pytest.mark.parametrize("batches", [1, 2, 4])
async def test_a_chat_that_could_not_be_stored_is_deleted_at_once(house: House, batches: int) -> None:
    """Nothing of what was said in it is kept once it is erased, whether it all comes together or not."""
    token = await house.add_application()
    entries = [
        house.say(token, None, ChatCreated(POISON)),
        house.say(token, 1, MessagesPosted((Draft(SECRET),) * 3), key=IdempotencyKey("bulk", "k", b"f" * 16)),
        house.say(token, 1, ChatRetitled(SECRET)),
        house.say(token, 1, ChatDeleted()),
    ]
    later = [house.say(token, None, ChatCreated("another")), house.post((token, 1), SECRET)]
    size = len(entries) // batches

    for first in range(0, len(entries), size):
        await house.persist(*entries[first : first + size])
    waiting = await differences(house)
    applied = await house.persist(*later)
    await house.erase()

    assert waiting == []
    assert await letters(house) == []
    assert applied == Applied(messages=0, dropped=1, dead=0)
    assert await house.sql("select number, title, last_number, deleted_at > 0, erased_at > 0 from chat") == [
        (1, None, 3, 1, 1),
        (2, "another", 0, None, None),
    ]
    assert (await house.tenants.get(token)).chats_count == 1
    assert await differences(house) == []


async def test_the_deletion_of_a_chat_does_not_wait_behind_a_collision(house: House) -> None:
    """Whatever else was to have its number, who was told that it is gone does not find it again."""
    token, _ = chat = await house.add_chat("a")
    await house.persist(house.say(token, None, ChatCreated("another"), 1))

    await house.persist(house.say(*chat, ChatDeleted()))

    with pytest.raises(NotFoundError):
        await house.storage.get_chat(*chat)
    await house.erase()
    assert await letters(house) == []


async def test_a_replay_before_the_erasure_brings_nothing_back(house: House) -> None:
    """Of a chat that is deleted the letters are replayed in vain, its creation too, and what waits behind that."""
    token = await house.add_application()
    await house.persist(house.say(token, None, ChatCreated(POISON)), house.post((token, 1), SECRET))
    await house.persist(house.say(token, 1, ChatDeleted()))
    await make_room(house)

    assert await house.dead_letters.replay((await letters(house))[0].id)

    assert await letters(house) == []
    assert await places_with_secret(house) == set()
    assert (await house.tenants.get(token)).chats_count == 0
    with pytest.raises(NotFoundError):
        await house.storage.get_chat(token, 1)
    await house.erase()
    assert await differences(house) == []


async def test_what_waits_in_the_batch_of_a_deletion_is_not_kept(house: House) -> None:
    """An edit that waits behind another goes with it."""
    chat = await house.add_chat("a")
    await house.persist(house.say(*chat, MessageEdited(POISON), 1))

    await house.persist(house.say(*chat, MessageEdited(SECRET), 1), house.say(*chat, MessageDeleted(), 1))

    assert await letters(house) == []


@pytest.mark.parametrize("batches", [1, 3])
async def test_a_deleted_message_is_in_no_letter(house: House, batches: int) -> None:
    """Not what it said at first, nor after an edit; the others of its bulk wait on, and a replay stores them alone."""
    chat = await house.add_chat()
    entries = [
        house.say(*chat, MessagesPosted((Draft(POISON), Draft(SECRET, SECRET, f'{{"k":"{SECRET}"}}'), Draft("c")))),
        house.say(*chat, MessageEdited(f"{SECRET} again"), 2),
        house.say(*chat, MessageDeleted(), 2),
    ]

    for first in range(0, 3, 3 // batches):
        await house.persist(*entries[first : first + 3 // batches])

    assert await places_with_secret(house) == set()
    kept = await letters(house)
    assert [letter.number for letter in kept] == [1, 2]
    await make_room(house)
    assert await house.dead_letters.replay(kept[0].id)
    assert await house.bodies(chat) == {1: POISON, 2: None, 3: "c"}
    assert await letters(house) == []
    assert (await house.storage.get_chat(*chat)).messages_count == 2
    assert await differences(house) == []


async def test_a_deleted_message_of_a_chat_that_could_not_be_stored_is_in_no_letter(house: House) -> None:
    """The chat may still be stored, and the message is a tombstone then."""
    token = await house.add_application()
    await house.persist(
        house.say(token, None, ChatCreated(POISON)),
        house.post((token, 1), "a", SECRET),
        house.say(token, 1, MessageDeleted(), 2),
    )

    assert await places_with_secret(house) == set()
    await make_room(house)
    assert await house.dead_letters.replay((await letters(house))[0].id)
    assert await house.bodies((token, 1)) == {1: "a", 2: None}


async def test_a_message_is_deleted_that_has_a_row_and_a_collision(house: House) -> None:
    """Whatever else was to have its number, who was told that it is gone does not find it again."""
    chat = await house.add_chat(SECRET, "b")
    await house.persist(house.say(*chat, MessagesPosted((Draft(f"other {SECRET}"), Draft("other"))), 1))
    (letter,) = await letters(house)

    await house.persist(house.say(*chat, MessageDeleted(), 1))

    assert await places_with_secret(house) == set()
    assert await house.bodies(chat) == {1: None, 2: "b"}
    assert [each.id for each in await letters(house)] == [letter.id]
    assert await differences(house) == []
