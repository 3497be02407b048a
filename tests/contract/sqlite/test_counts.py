"""The contract of counts: what is not the number of live rows is found, and mended when that is asked for."""

from __future__ import annotations

from parley.domain.events import ChatDeleted, Entry, MessageDeleted
from parley.storage.port import Counting, Difference
from tests.support.ports import Ports


async def walk(ports: Ports, *, repair: bool = False) -> list[Difference]:
    """Look at all, two at a time, and give what is wrong."""
    found: list[Difference] = []
    for what in Counting:
        last: int | None = 0
        while last is not None:
            wrong, last = await ports.counts.recount(what, last, 2, repair=repair)
            found += wrong
    return found


async def miscount(ports: Ports) -> tuple[str, str]:
    """Make five applications with a chat each, of which two say something wrong; give those two's tokens."""
    tokens = [(await ports.add_chat(3))[0] for _ in range(5)]
    await ports.take(Entry(tokens[4], 1, MessageDeleted(), number=2))
    ports.sql(f"update application set chats_count = 7 where token = '{tokens[0]}'")  # noqa: S608 - a token of ours
    ports.sql("update chat set messages_count = 0 where messages_count = 2")
    return tokens[0], tokens[4]


async def test_right_counts_are_not_told(ports: Ports) -> None:
    """Tombstones and deleted chats are not counted, by neither side; what is gone itself is not looked at."""
    token, _ = await ports.add_chat(3)
    await ports.take(Entry(token, 1, MessageDeleted(), number=2))
    gone, _ = await ports.add_chat(3)
    await ports.take(Entry(gone, 1, ChatDeleted()))

    assert await walk(ports) == []


async def test_wrong_counts_are_told_and_stay(ports: Ports) -> None:
    """Where they are, what they say and what it should be; looking changes nothing."""
    first, last = await miscount(ports)

    looked = await walk(ports), await walk(ports)

    assert (
        looked[0]
        == looked[1]
        == [
            Difference("counts", f"application {first[:8]}", "chats_count is 7, live chats are 1"),
            Difference("counts", f"application {last[:8]}, chat 1", "messages_count is 0, live messages are 2"),
        ]
    )


async def test_wrong_counts_are_mended_when_that_is_asked_for(ports: Ports) -> None:
    """They are told once more, and are right after; messages that come later count from there."""
    first, last = await miscount(ports)

    mended = await walk(ports, repair=True)

    assert (len(mended), await walk(ports)) == (2, [])
    assert (await ports.tenants.get(first)).chats_count == 1
    assert (await ports.storage.get_chat(last, 1)).messages_count == 2
