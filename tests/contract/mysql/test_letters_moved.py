"""Whatever becomes of dead letters, readers who know the ends of chats by heart are told that something has."""

from __future__ import annotations

from tests.contract.mysql.whole import POISON
from tests.support.mysql_house import House


async def test_readers_are_told_whenever_letters_move(house: House) -> None:
    """Made, stored again, failed again or given up: each time, for an entry that is stored behind would hide it."""
    chat = await house.add_chat("a")
    moved = [(await house.row()).letters_moved]

    async def note() -> None:
        moved.append((await house.row()).letters_moved)
        await house.persist(house.post(chat, "stored"))
        assert (await house.row()).letters_moved == moved[-1]

    await house.persist(house.post(chat, POISON))
    await note()
    await house.persist(house.post(chat, POISON))
    await note()
    first, second = await house.dead_letters.page(0, 10)
    assert not await house.dead_letters.replay(first.id)
    await note()
    await house.dead_letters.discard(first.id)
    await note()
    await house.sql("alter table message modify body mediumtext")
    assert await house.dead_letters.replay(second.id)
    await note()

    assert moved == list(range(6))
    assert [partition.letters_moved for partition in await house.scopes.partitions()] == [5, 0, 0, 0]
    assert [holder.job for holder in await house.leases.holders()] == ["persist-0"]
