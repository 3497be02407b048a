"""Many dead letters are replayed, and what they are of is erased, in slices: others store in between."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from parley.database.mysql.address import parse_address
from parley.database.mysql.session import connect
from parley.domain.events import ChatCreated, ChatDeleted, MessageDeleted, MessageEdited, MessagesPosted
from parley.domain.model import Draft
from tests.contract.mysql.standing import differences
from tests.contract.mysql.test_dead_letters import letters, make_room
from tests.contract.mysql.whole import POISON
from tests.support.mysql_house import House

_WAITING: Final = """
select id from information_schema.processlist
where db = database() and id <> connection_id() and instr(info, 'for update')
"""


async def test_what_waits_is_replayed_in_slices(house: House) -> None:
    """In the order of the log, each slice a transaction of its own, so that others store in between."""
    token = await house.add_application()
    chat = (token, 1)
    await house.persist(house.say(token, None, ChatCreated(POISON)))
    await house.persist(*(house.post(chat, f"message {n}") for n in range(1, 402)))
    await house.persist(house.say(*chat, MessageEdited("edited"), 401), house.say(*chat, MessageDeleted(), 1))
    ends = await house.changes.ends()
    await make_room(house)

    stored = await house.dead_letters.replay((await letters(house))[0].id)

    assert stored
    assert await letters(house) == []
    bodies = await house.bodies(chat)
    assert (len(bodies), bodies[1], bodies[2], bodies[401]) == (401, None, "message 2", "edited")
    assert (await house.storage.get_chat(*chat)).messages_count == 400
    slices = [len(change.keys) for change in await house.changes.read(ends, 1_000)]
    assert len(slices) == 3
    assert max(slices) <= 200


@pytest.mark.parametrize(
    ("letters_count", "bulk", "slices"),
    [(12, (Draft("x" * 60_000),) * 16, 3), (25, (Draft("x"),) * 1_000, 3), (3, (Draft("x" * 60_000),) * 100, 3)],
)
async def test_a_slice_is_bounded_in_bytes_and_messages(
    house: House, letters_count: int, bulk: tuple[Draft, ...], slices: int
) -> None:
    """As a step of the log is: 200 letters of bulks would hold the partition's row for minutes; one goes always."""
    token = await house.add_application()
    await house.persist(house.say(token, None, ChatCreated(POISON)))
    for _ in range(letters_count):
        await house.persist(house.say(token, 1, MessagesPosted(bulk)))
    ends = await house.changes.ends()
    await make_room(house)

    assert await house.dead_letters.replay((await letters(house))[0].id)

    assert await letters(house) == []
    found: list[list[int]] = []
    while changes := await house.changes.read(ends, 1_000):
        found += [[number for _, number in change.keys if number] for change in changes]
        ends = {**ends, 0: changes[-1].position}
    assert [number for numbers in found for number in numbers] == list(range(1, letters_count * len(bulk) + 1))
    assert len(found) == slices
    assert await differences(house) == []


@pytest.mark.parametrize("is_whole", [False, True])
async def test_dead_letters_are_erased_in_slices(house: House, *, is_whole: bool) -> None:
    """Of a chat or of its whole application: each may be a bulk, and those that wait go before what they wait for."""
    token = await house.add_application()
    await house.persist(house.say(token, None, ChatCreated(POISON)))
    await house.persist(*(house.post((token, 1), "said") for _ in range(39)))
    other = await house.add_chat(POISON)
    if is_whole:
        await house.delete_application(token)
    else:
        await house.persist(house.say(token, 1, ChatDeleted()))
    left, clean = [len(await letters(house))], []

    while await house.erasure.erase(500):
        left.append(len(await letters(house)))
        clean += await differences(house)

    assert left[:4] == [41, 25, 9, 1]
    assert await house.sql("select token, chat from dead_letter") == [(other[0].encode(), 1)]
    assert clean == []


async def test_a_letter_is_not_erased_while_somebody_replays(house: House) -> None:
    """Who changes letters holds the partition's row, so a replay finds what it has just found to wait."""
    chat = await house.add_chat()
    await house.persist(house.post(chat, POISON))
    await house.persist(house.say(*chat, ChatDeleted()))
    replaying = await connect(parse_address(house.url), {})
    await replaying.begin()
    await replaying.execute("select id from `partition` where id = 0 for update")

    erasing = asyncio.create_task(house.erasure.erase(500))
    try:
        while not erasing.done() and not await house.sql(_WAITING):
            pass
        kept = len(await letters(house))
    finally:
        await replaying.close()
        await erasing

    assert (kept, await letters(house)) == (1, [])
