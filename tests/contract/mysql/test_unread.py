"""What an older version could not read is stored, or given up, by one that can: with its number and its place."""

from __future__ import annotations

import struct

import msgspec

from parley.domain.events import Logged, MessageEdited, MessagesPosted, Position
from parley.domain.model import Draft
from parley.log.redis.entries import encode_entry, encode_unread, read_again, read_entry, stream_id
from parley.storage.sharing import Applied, DeadLetter
from tests.contract.mysql.standing import differences
from tests.contract.mysql.whole import POISON
from tests.support.mysql_house import House


def read_two(position: Position, raw: bytes) -> Logged | None:
    """Read version 2, which is version 1 under another name."""
    version, value = msgspec.msgpack.decode(raw, type=tuple[bytes, bytes])
    assert version == b"2"
    return read_again(position, encode_unread(b"1", value))


def written_by_two(house: House, chat: tuple[str, int], body: str) -> Logged:
    """Put a message on the log as version 2 writes it, and read it as this version does."""
    logged = house.say(*chat, MessagesPosted((Draft(body),)))
    assert logged.event is not None
    value = struct.pack(">IQQ", logged.event.number, 1, 1) + encode_entry(logged.event.entry)
    return read_entry(logged.position.epoch, stream_id(logged.position.id), [b"2", value])


async def upgrade(house: House) -> None:
    """Replace the process by one that knows version 2."""
    await house.close()
    house.read_again = read_two
    await house.open()
    await house.begin()


async def letters(house: House) -> list[DeadLetter]:
    """Give all letters."""
    return await house.dead_letters.page(0, 1_000)


async def test_it_is_replayed_by_a_version_that_can_read_it(house: House) -> None:
    """Under its own number, at its own time; before that it stays a letter."""
    chat = await house.add_chat()
    await house.persist(written_by_two(house, chat, "kept"), house.post(chat, "b"))
    (letter,) = await letters(house)

    in_vain = await house.dead_letters.replay(letter.id)
    await upgrade(house)
    stored = await house.dead_letters.replay(letter.id)

    assert (letter.token, letter.number, in_vain, stored) == ("", None, False, True)
    assert await letters(house) == []
    assert await house.bodies(chat) == {1: "kept", 2: "b"}
    assert (await house.storage.get_message(*chat, 1)).created_at == letter.position.at
    assert await differences(house) == []


async def test_what_is_given_up_by_a_version_that_can_read_it_leaves_a_gap(house: House) -> None:
    """Its number is known by then."""
    chat = await house.add_chat()
    await house.persist(written_by_two(house, chat, "given up"), house.post(chat, "b"))
    await upgrade(house)

    await house.dead_letters.discard((await letters(house))[0].id)

    assert await house.gaps() == [(1, 1, b"discarded")]
    assert await differences(house) == []


async def test_what_fails_again_is_a_letter_that_can_be_read(house: House) -> None:
    """People see what it is about, and later events of its number wait."""
    chat = await house.add_chat()
    await house.persist(written_by_two(house, chat, POISON))
    await upgrade(house)

    stored = await house.dead_letters.replay((await letters(house))[0].id)
    applied = await house.persist(house.say(*chat, MessageEdited("x"), 1))

    assert not stored
    first, second = await letters(house)
    assert (first.token, first.chat, first.number, first.attempts) == (*chat, 1, 2)
    assert "Data too long" in first.reason
    assert applied == Applied(messages=0, dropped=0, dead=1)
    assert second.reason == f"waits behind {first.id}"
