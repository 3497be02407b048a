"""The contract of changes: followers hear of everything that was touched, in order, until all have passed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest

from parley.domain.documents import WHOLE_CHAT, Change, Document
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    MessageDeleted,
    MessageEdited,
    Position,
    What,
)
from parley.domain.numbering import Appended
from tests.support.ports import PARTITIONS, Profile, posted
from tests.unit.workers.doubles import StillClock

START: Mapping[int, Position] = {}


async def read_all(ports: Profile, after: Mapping[int, Position] = START, limit: int = 1_000) -> list[Change]:
    """Read every change above the positions, a part at a time."""
    found, positions = list[Change](), dict(after)
    while changes := await ports.changes.read(positions, limit):
        found += changes
        positions |= {change.partition: change.position for change in changes}
    return found


def keys(changes: Sequence[Change]) -> list[list[tuple[int, int]]]:
    """Give what each change touched."""
    return [sorted(change.keys) for change in changes]


async def place(ports: Profile, messages: int) -> tuple[tuple[str, int], int, Mapping[int, Position]]:
    """Make a chat with messages; give it, its id, and the ends after that."""
    chat = await ports.add_chat(messages)
    return chat, (await ports.storage.find_chat(*chat)).chat, await ports.changes.ends()


@pytest.mark.parametrize(
    ("what", "number", "touched"),
    [(MessageEdited("a"), 2, [2]), (MessageDeleted(), 3, [3]), (ChatDeleted(), None, [WHOLE_CHAT])],
)
async def test_a_change_names_what_was_touched(
    ports: Profile, what: What, number: int | None, touched: list[int]
) -> None:
    """Edits, deletes, whole chats."""
    chat, chat_id, ends = await place(ports, 3)

    taken = await ports.take(Entry(*chat, what, number))

    (change,) = await read_all(ports, ends)
    assert change.position == taken.position
    assert change.keys == [(chat_id, each) for each in touched]
    assert (await ports.changes.ends())[change.partition] == taken.position


async def test_a_batch_is_one_change_of_its_partition(ports: Profile) -> None:
    """With all that it touched and the position of its last event; refused entries are not in it."""
    chat, chat_id, ends = await place(ports, 2)

    outcomes = await ports.append(
        posted(chat, "3", "4", "5"),
        Entry(*chat, MessageDeleted(), 1),
        Entry(*chat, MessageEdited("gone"), 1),
        posted(("0" * 32, 1), "nowhere"),
        Entry(*chat, MessageEdited("2"), 2),
    )

    (change,) = await read_all(ports, ends)
    assert keys([change]) == [[(chat_id, number) for number in range(1, 6)]]
    assert isinstance(outcomes[-1], Appended)
    assert change.position == outcomes[-1].position


async def test_what_touches_no_message_is_a_change_without_keys(ports: Profile) -> None:
    """A new chat and a new title: a follower that has read them is where the partition ends."""
    chat, _, ends = await place(ports, 1)

    created = await ports.take(Entry(chat[0], None, ChatCreated()))
    retitled = await ports.take(Entry(*chat, ChatRetitled("title")))

    changes = await read_all(ports, ends)
    assert [change.keys for change in changes] == [[], []]
    assert [change.position for change in changes] == [created.position, retitled.position]
    assert retitled.position in (await ports.changes.ends()).values()


async def test_a_follower_reads_in_order_from_where_it_is(ports: Profile, clock: StillClock) -> None:
    """Positions rise within each partition whatever the clock does, and a part ends after about its limit."""
    chats = [await ports.add_chat() for _ in range(8)]
    for step in range(30):
        clock.move(-7 if step % 3 else 5)
        await ports.append(*(posted(chat, "a", "b") for chat in chats[step % 8 :]))

    together = await read_all(ports)
    apart = await read_all(ports, limit=3)
    some = await ports.changes.read({}, 10)

    for partition in {change.partition for change in together}:
        alone = [change for change in together if change.partition == partition]
        assert all(earlier.position < later.position for earlier, later in pairwise(alone))
        assert [change for change in apart if change.partition == partition] == alone
        assert (await ports.changes.ends())[partition] == alone[-1].position
    assert sum(len(change.keys) for change in some) < PARTITIONS * (10 + 2 * len(chats))
    told = [key for change in together for key in change.keys]
    assert len(told) == len(set(told)) == sum(2 * (8 - step % 8) for step in range(30))


async def test_changes_outlive_a_restart(ports: Profile) -> None:
    """As do the ends and what followers recorded."""
    chat, _, _ = await place(ports, 3)
    before, ends = await read_all(ports), await ports.changes.ends()
    await ports.changes.passed("search", dict.fromkeys(ends, Position(0, 0)))
    await ports.reopen()

    assert await read_all(ports) == before
    assert await ports.changes.ends() == ends
    assert await ports.changes.floor("search") == dict.fromkeys(ends, Position(0, 0))
    assert sorted(ends) == list(range(PARTITIONS))
    assert chat


async def test_changes_are_trimmed_behind_the_slowest_follower(ports: Profile) -> None:
    """Nothing that one of them still has to read is gone; what all have passed is."""
    chat, _, ends = await place(ports, 1)
    taken = [(await ports.take(posted(chat, str(number)))).position for number in range(4)]
    (partition,) = {change.partition for change in await read_all(ports, ends)}

    async def kept() -> list[Position]:
        return [change.position for change in await read_all(ports, ends)]

    await ports.changes.passed("slow", {partition: taken[0]})
    after_slow = await kept()
    await ports.changes.passed("fast", {partition: taken[3]})
    after_fast = await kept()
    await ports.changes.passed("slow", {partition: taken[2]})

    assert after_slow == after_fast == taken[1:]
    assert await kept() == taken[3:]
    assert await ports.changes.floor("slow") == {partition: taken[2]}
    assert await ports.changes.floor("nobody") == {}


async def test_a_follower_loads_present_states(ports: Profile) -> None:
    """The body as it is now; none for tombstones, what never was, and everything in a chat that is gone."""
    chat, chat_id, _ = await place(ports, 3)
    gone, gone_id, _ = await place(ports, 2)
    deleted, deleted_id, _ = await place(ports, 2)
    await ports.append(Entry(*chat, MessageEdited("now"), 1), Entry(*chat, MessageDeleted(), 2))
    await ports.take(Entry(*gone, ChatDeleted()))
    await ports.delete_application(deleted[0])
    wanted = [(chat_id, number) for number in (3, 2, 1, 9, 1)]
    wanted += [(each, number) for each in (gone_id, deleted_id, 999) for number in (1, WHOLE_CHAT)]

    documents = await ports.changes.load([*wanted, (chat_id, WHOLE_CHAT)])

    assert {(each.chat_id, each.number): each.body for each in documents} == {
        **dict.fromkeys(wanted),
        (chat_id, 1): "now",
        (chat_id, 3): "message 3",
    }
    assert len(documents) == len(set(wanted))


async def test_a_rebuild_walks_over_every_live_message(ports: Profile) -> None:
    """Once each, in order, in any slices; no tombstone, and nothing of a chat or application that is gone."""
    chat, chat_id, _ = await place(ports, 5)
    gone, _, _ = await place(ports, 3)
    deleted, _, _ = await place(ports, 3)
    later, later_id, _ = await place(ports, 2)
    await ports.append(Entry(*chat, MessageDeleted(), 2), Entry(*chat, MessageEdited("now"), 3))
    await ports.take(Entry(*gone, ChatDeleted()))
    await ports.delete_application(deleted[0])
    ids = await ports.storage.find_chat(*chat)
    expected = [Document(chat_id, number, f"message {number}") for number in (1, 3, 4, 5)]
    expected[1] = Document(chat_id, 3, "now")
    expected += [Document(later_id, number, f"message {number}") for number in (1, 2)]

    for limit in (1, 2, 3, 100):
        walked, after = list[Document](), (0, 0)
        while documents := await ports.changes.walk(after, limit):
            walked += documents
            after = documents[-1].chat_id, documents[-1].number

        assert [document[:3] for document in walked] == [document[:3] for document in expected]
        assert {each.application_id for each in walked if each.chat_id == chat_id} == {ids.application}
        assert all(document.version for document in walked)
    assert later


async def test_a_rebuild_walks_over_large_and_small_chats(ports: Profile) -> None:
    """In any slices: each live message once, in order, whatever lies empty between."""
    token = await ports.add_application()
    await ports.append(*(Entry(token, None, ChatCreated()) for _ in range(12)))
    sizes = [0, 5, 1, 0, 30, 2, 3, 1, 40, 0, 7, 1]
    bodies = {chat: [f"{chat}-{n}" for n in range(1, size + 1)] for chat, size in enumerate(sizes, 1) if size}
    await ports.append(*(posted((token, chat), *some) for chat, some in bodies.items()))
    await ports.append(Entry(token, 6, ChatDeleted()), Entry(token, 5, MessageDeleted(), 7))
    expected = [body for chat, some in bodies.items() for body in some if chat != 6 and body != "5-7"]

    for limit in (1, 2, 7, 33, 1_000):
        walked, after = list[Document](), (0, 0)
        while documents := await ports.changes.walk(after, limit):
            walked += documents
            after = documents[-1].chat_id, documents[-1].number

        assert [document.body for document in walked] == expected
