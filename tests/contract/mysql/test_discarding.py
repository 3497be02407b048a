"""A dead letter that is given up leaves every number explained, in whatever order people decide."""

from __future__ import annotations

import pytest

from parley.domain.errors import ConflictError, NotFoundError
from parley.domain.events import ChatCreated, MessageDeleted, MessageEdited, MessagesPosted, NumbersBurnt, What
from parley.domain.grants import Need, ScopeName
from parley.domain.model import Draft
from parley.storage.sharing import Applied
from tests.contract.mysql.standing import differences
from tests.contract.mysql.whole import POISON
from tests.support.mysql_house import House


async def letters(house: House) -> list[int]:
    """Give the ids of all letters."""
    return [letter.id for letter in await house.dead_letters.page(0, 1_000)]


async def add_dead_chat(house: House, *said: What) -> tuple[str, int]:
    """Make a chat that cannot be stored, in which something is said under number 1."""
    token = await house.add_application()
    await house.persist(house.say(token, None, ChatCreated(POISON)))
    await house.persist(*(house.say(token, 1, what, 1) for what in said))
    return token, 1


async def test_a_message_that_is_given_up_leaves_a_gap(house: House) -> None:
    """Of the numbers that no row has; what waited behind it has nothing to change."""
    chat = await house.add_chat("a", "b", "c")
    await house.persist(
        house.say(*chat, MessagesPosted((Draft("x"), Draft("c"), Draft("d"), Draft("e"))), 2),
        house.say(*chat, MessageEdited("x"), 5),
        house.post(chat, "f"),
    )
    first, second = await house.dead_letters.page(0, 1_000)

    assert await house.dead_letters.discard(first.id)

    assert second.reason == f"waits behind {first.id}"
    assert await letters(house) == []
    assert await house.gaps() == [(4, 5, b"discarded")]
    assert await house.bodies(chat) == {1: "a", 2: "b", 3: "c", 6: "f"}
    assert await differences(house) == []
    assert not await house.dead_letters.discard(first.id)


async def test_a_chat_that_is_given_up_is_deleted(house: House) -> None:
    """With all that was said in it; what the log still brings of it stops nobody, however much that is."""
    chat = await add_dead_chat(house, MessagesPosted((Draft("a"),)))
    first, second = await letters(house)
    named = [await house.dead_letters.chat_given_up(id_) for id_ in (first, second, 10**9)]

    await house.dead_letters.discard(first)
    clean = await differences(house)
    late = await house.persist(*(house.post(chat, "late") for _ in range(150)))
    await house.erase()

    assert named == [ScopeName(*chat), None, None]
    assert await letters(house) == []
    assert late == Applied(messages=0, dropped=150, dead=0)
    assert (await house.tenants.get(chat[0])).chats_count == 0
    with pytest.raises(NotFoundError):
        await house.storage.get_chat(*chat)
    assert await house.gaps() == []
    assert clean == await differences(house) == []


async def test_a_chat_that_collides_is_given_up_without_a_gap(house: House) -> None:
    """Its number has a row: the other chat's."""
    token, _ = await house.add_chat("a")
    await house.persist(house.say(token, None, ChatCreated("another"), 1))
    (letter,) = await letters(house)
    given_up = await house.dead_letters.chat_given_up(letter)

    await house.dead_letters.discard(letter)

    assert given_up is None
    assert await house.bodies((token, 1)) == {1: "a"}
    assert await house.gaps() == []
    assert await differences(house) == []


@pytest.mark.parametrize("what", [MessagesPosted((Draft("a"), Draft("b"))), NumbersBurnt(2)])
async def test_numbers_are_not_given_up_before_their_chat_is_decided(
    house: House, what: MessagesPosted | NumbersBurnt
) -> None:
    """No gap can name a chat that has no row; once the chat is stored, so are they."""
    chat = await add_dead_chat(house, what)
    creation, inside = await letters(house)

    with pytest.raises(ConflictError, match=f"letter {creation} ") as refused:
        await house.dead_letters.discard(inside)
    kept = await letters(house)
    await house.sql("alter table chat modify title mediumtext")
    stored = await house.dead_letters.replay(creation)
    await house.persist(house.say(*chat, MessagesPosted((Draft("c"),)), 3))

    assert refused.value.code == "chat_is_a_letter"
    assert (kept, stored, await letters(house)) == ([creation, inside], True, [])
    assert await differences(house) == []


async def test_a_change_is_given_up_before_its_chat_is_decided(house: House) -> None:
    """It explains no number."""
    await add_dead_chat(house, MessagesPosted((Draft("a"),)), MessageEdited("b"))
    *kept, edit = await letters(house)

    await house.dead_letters.discard(edit)

    assert await letters(house) == kept


@pytest.mark.parametrize("is_given_up", [True, False])
async def test_a_letter_whose_chat_came_late_keeps_its_numbers(house: House, *, is_given_up: bool) -> None:
    """A new epoch does not void them, whether the letter is given up before or stored after."""
    chat = await add_dead_chat(house, MessagesPosted((Draft(POISON),)))
    creation, inside = await letters(house)
    await house.sql("alter table chat modify title mediumtext")
    assert await house.dead_letters.replay(creation)
    if is_given_up:
        await house.dead_letters.discard(inside)

    await house.open_life(house.position.epoch + 1)
    await house.scopes.provide([Need(ScopeName(*chat), house.position.epoch)])
    await house.sql("alter table message modify body mediumtext")
    stored = await house.dead_letters.replay(inside)

    assert stored is not is_given_up
    assert await house.gaps() == [(1, 1, b"discarded")] * is_given_up + [(2, 1_000, b"epoch")]
    assert await differences(house) == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_numbers_of_two_letters_are_explained_once(house: House, order: tuple[int, int]) -> None:
    """As long as one is kept it explains them, so a gap has only what the other alone had."""
    chat = await house.add_chat()
    await house.persist(house.say(*chat, MessagesPosted((Draft("a"), Draft(POISON), Draft("c"))), 1))
    await house.persist(house.say(*chat, MessagesPosted((Draft(POISON), Draft("d"))), 2), house.post(chat, "e"))
    ids = await letters(house)

    for place in order:
        await house.dead_letters.discard(ids[place])
        assert await differences(house) == []

    assert await letters(house) == []
    assert [number for first, last, _ in await house.gaps() for number in range(first, last + 1)] == [1, 2, 3]
    assert await house.bodies(chat) == {4: "e"}


async def test_what_no_row_has_of_a_letter_can_be_posted_anew(house: House) -> None:
    """Of a bulk, not what is stored, was deleted or has been blanked."""
    chat = await house.add_chat("a", "b", "c")
    await house.persist(house.say(*chat, MessageDeleted(), 3))
    said = (Draft("another"), Draft("b"), Draft("deleted"), Draft("d", "sender"), Draft("e"))
    await house.persist(house.say(*chat, MessagesPosted(said), 1))
    await house.persist(house.say(*chat, MessageDeleted(), 5))
    first, *_ = await letters(house)

    assert await house.dead_letters.lost(first) == [Draft("another"), Draft("d", "sender")]


async def test_what_cannot_be_posted_anew_is_refused(house: House) -> None:
    """What is no message, or cannot be read; what has no chat, or one that is deleted."""
    chat, closed = await house.add_chat("a"), await house.add_chat("a")
    await house.persist(
        house.say(*chat, MessageEdited(POISON), 1),
        house.noise(),
        house.say("0" * 32, 1, MessagesPosted((Draft("a"),)), 1),
        house.say(*closed, MessagesPosted((Draft(POISON),))),
    )
    edit, unread, unknown, of_closed = await letters(house)
    await add_dead_chat(house, MessagesPosted((Draft("a"),)))
    *_, waiting = await letters(house)
    await house.sql("update application set deleted_at = 1 where token = %s", closed[0])

    for id_, why in (
        (edit, "no messages"), (unread, "no messages"), (10**9, "no messages"),
        (unknown, "chat is not there"), (of_closed, "chat is not there"), (waiting, "chat is not there"),
    ):  # fmt: skip
        with pytest.raises(ConflictError, match=why) as refused:
            await house.dead_letters.lost(id_)
        assert refused.value.code == "nothing_to_post"
