"""Counts in MySQL: mended beside a worker that goes on storing."""

from __future__ import annotations

import asyncio

from parley.storage.port import Counting, Difference
from tests.support.mysql_house import House


async def test_a_wrong_count_is_found_and_mended(house: House) -> None:
    """Of an application and of a chat."""
    token, _ = await house.add_chat("one", "two")
    await house.sql("update application set chats_count = 7")
    await house.sql("update chat set messages_count = 5")

    found = [await house.counts.recount(what, 0, 10, repair=True) for what in Counting]
    again = [await house.counts.recount(what, 0, 10, repair=False) for what in Counting]

    assert [each.wrong for each in found] == [
        [Difference("counts", f"application {token[:8]}", "chats_count is 7, live chats are 1")],
        [Difference("counts", f"application {token[:8]}, chat 1", "messages_count is 5, live messages are 2")],
    ]
    assert [each.wrong for each in again] == [[], []]
    assert (await house.tenants.get(token)).chats_count == 1


async def test_a_count_is_mended_while_its_chat_grows(house: House) -> None:
    """The partition is held while rows are counted, so that no message is counted twice or missed."""
    chat = await house.add_chat("one")

    async def grow() -> None:
        for index in range(50):
            await house.persist(house.post(chat, f"more {index}"))

    growing = asyncio.create_task(grow())
    mended = 0
    while not growing.done():
        await house.sql("update chat set messages_count = messages_count + 1000 where messages_count < 1000")
        mended += len((await house.counts.recount(Counting.MESSAGES, 0, 10, repair=True)).wrong)
    await growing

    assert (await house.counts.recount(Counting.MESSAGES, 0, 10, repair=True)).last is not None
    assert (await house.storage.get_chat(*chat)).messages_count == 51
    assert mended > 1
