"""The log's contract: numbers without a hole, one meaning a key, all or nothing, gates, order."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from random import Random

import pytest

from parley.domain.cursors import Window
from parley.domain.events import (
    NUMBER_LIMIT,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    What,
)
from parley.domain.model import Draft
from parley.domain.numbering import Appended, Reason, Refused, Replayed
from tests.support.ports import KEY_TTL_S, PARTITIONS, Profile, keyed, posted
from tests.unit.workers.doubles import StillClock

ABSENT = "0" * 32


async def bodies(ports: Profile, chat: tuple[str, int]) -> dict[int, str]:
    """Give what a small chat holds, by number."""
    page = await ports.storage.page_messages(*chat, Window(limit=1_000))
    return {message.number: message.body for message in page.items}


async def test_a_scope_is_numbered_without_a_hole_when_many_write_at_once(ports: Profile) -> None:
    """Concurrent batches over several scopes: each scope's numbers are 1..n, each used once."""
    chats = [await ports.add_chat() for _ in range(5)]
    rng = Random(1)
    batches = [[posted(rng.choice(chats), f"{batch} {n}") for n in range(rng.randint(1, 20))] for batch in range(60)]

    outcomes = await asyncio.gather(*(ports.append(*batch) for batch in batches))

    given: dict[tuple[str, int], dict[int, str]] = {chat: {} for chat in chats}
    for batch, taken in zip(batches, outcomes, strict=True):
        for entry, outcome in zip(batch, taken, strict=True):
            assert isinstance(outcome, Appended)
            assert isinstance(entry.what, MessagesPosted)
            given[entry.token, entry.chat or 0][outcome.number] = entry.what.messages[0].body
    for chat, numbers in given.items():
        assert list(numbers) == list(range(1, len(numbers) + 1))
        assert await bodies(ports, chat) == numbers


async def test_a_batch_is_decided_in_order(ports: Profile) -> None:
    """A later entry of a batch sees what an earlier one did."""
    chat = await ports.add_chat(messages=2)
    token, number = chat

    outcomes = await ports.append(
        posted(chat, "three"),
        posted(chat, "four", "five"),
        Entry(token, number, MessageEdited("edited"), 2),
        Entry(token, number, ChatDeleted()),
        posted(chat, "too late"),
        Entry(token, None, ChatCreated()),
    )

    told = [outcome.number if isinstance(outcome, Appended) else outcome for outcome in outcomes]
    positions = [outcome.position for outcome in outcomes if isinstance(outcome, Appended)]
    assert told == [3, 4, 2, number, Refused(Reason.CHAT_GONE), 2]
    assert all(earlier < later for earlier, later in pairwise(positions))


async def test_a_bulk_takes_consecutive_numbers(ports: Profile) -> None:
    """A bulk is one entry: its first number says all, whoever writes beside it."""
    chat = await ports.add_chat()

    outcomes = await asyncio.gather(*(ports.append(posted(chat, *(f"{bulk}.{n}" for n in range(7)))) for bulk in "abc"))

    held = await bodies(ports, chat)
    for bulk, (outcome,) in zip("abc", outcomes, strict=True):
        assert isinstance(outcome, Appended)
        assert [held[outcome.number + n] for n in range(7)] == [f"{bulk}.{n}" for n in range(7)]
    assert len(held) == 21


@pytest.mark.parametrize(
    "what",
    [
        MessagesPosted((Draft("a"),)),
        MessageEdited("a"),
        MessageDeleted(),
        ChatRetitled("a"),
        ChatDeleted(),
    ],
)
async def test_an_entry_is_refused_when_a_gate_is_closed(ports: Profile, what: What) -> None:
    """Nothing enters a chat or an application that is deleted or never was; a neighbour is not touched."""
    (token, chat), (neighbour, _) = await ports.add_chat(messages=1), await ports.add_chat(messages=1)
    await ports.take(Entry(token, None, ChatCreated()))
    await ports.take(Entry(token, chat, ChatDeleted()))
    number = 1 if isinstance(what, MessageEdited | MessageDeleted) else None
    places = [(ABSENT, 1), (token, chat), (token, 3), (token, NUMBER_LIMIT + 1), (token, 2**63 - 1), (neighbour, 1)]

    outcomes = await ports.append(*(Entry(*place, what, number) for place in places))

    gone = Refused(Reason.CHAT_GONE)
    assert outcomes[:-1] == [Refused(Reason.APPLICATION_GONE), gone, gone, gone, gone]
    assert isinstance(outcomes[-1], Appended)


async def test_an_application_takes_nothing_when_it_is_deleted(ports: Profile) -> None:
    """Its gate is closed by the deletion, for chats of its own as for new ones, also after a restart."""
    chat = await ports.add_chat(messages=1)
    await ports.delete_application(chat[0])
    await ports.log.close_gate(chat[0])

    for _ in range(2):
        outcomes = await ports.append(posted(chat, "a"), Entry(chat[0], None, ChatCreated()))
        await ports.reopen()

        assert outcomes == [Refused(Reason.APPLICATION_GONE)] * 2


async def test_a_refused_entry_takes_no_number(ports: Profile) -> None:
    """Numbers go on as if it had never been sent: no hole, no position, no key used up."""
    chat = await ports.add_chat(messages=1)
    token, number = chat
    ends = await ports.changes.ends()

    refused = await ports.append(
        Entry(token, number, MessageEdited("a"), 2, keyed("k")),
        Entry(token, number, MessageDeleted(), 7),
        Entry(token, number, MessageEdited("a"), NUMBER_LIMIT + 2),
        Entry(token, number, MessageEdited("a"), 2**63 - 1),
    )

    assert refused == [Refused(Reason.MESSAGE_GONE)] * 4
    assert await ports.changes.ends() == ends
    assert (await ports.take(posted(chat, "a", key=keyed("k")))).number == 2


async def test_a_repeat_gets_the_first_outcome(ports: Profile) -> None:
    """The same key and fingerprint: the same number and position, in the batch, in the next one, after a restart."""
    chat = await ports.add_chat()
    entry = posted(chat, "a", "b", key=keyed("k"))

    first, within = await ports.append(entry, entry)
    (across,) = await ports.append(entry)
    await ports.reopen()
    (restarted,) = await ports.append(entry)

    assert isinstance(first, Appended)
    assert within == across == restarted == Replayed(*first)
    assert isinstance(restarted, Replayed)
    assert await bodies(ports, chat) == {1: "a", 2: "b"}


async def test_a_key_is_refused_when_its_payload_is_another(ports: Profile) -> None:
    """In the same batch as in a later one; another route or application has keys of its own."""
    chat, other = await ports.add_chat(), await ports.add_chat()

    outcomes = [
        *await ports.append(
            posted(chat, "a", key=keyed("k", "a")),
            posted(chat, "b", key=keyed("k", "b")),
            posted(chat, "c", key=keyed("k", "c", route="bulk")),
            posted(other, "d", key=keyed("k", "d")),
        ),
        *await ports.append(posted(chat, "b", key=keyed("k", "b"))),
    ]

    assert [type(outcome) for outcome in outcomes] == [Appended, Refused, Appended, Appended, Refused]
    assert outcomes[1] == outcomes[4] == Refused(Reason.KEY_REUSED)
    assert await bodies(ports, chat) == {1: "a", 2: "c"}


async def test_a_repeat_is_answered_after_the_message_changed(ports: Profile) -> None:
    """Edited or deleted since, the first number and time still stand."""
    chat = await ports.add_chat()
    entry = posted(chat, "a", key=keyed("k"))
    first = await ports.take(entry)

    for what in (MessageEdited("b"), MessageDeleted()):
        await ports.take(Entry(*chat, what, first.number))

        assert await ports.append(entry) == [Replayed(*first)]


async def test_a_repeat_is_refused_when_the_parent_is_gone(ports: Profile) -> None:
    """The gate comes before the key, as the contract orders the checks."""
    chat = await ports.add_chat()
    entries = posted(chat, "a", key=keyed("k")), Entry(chat[0], None, ChatCreated(), key=keyed("k", route="chats"))
    await ports.append(*entries)

    await ports.take(Entry(*chat, ChatDeleted()))
    in_chat = await ports.append(*entries)
    await ports.delete_application(chat[0])
    in_application = await ports.append(*entries)

    assert in_chat[0] == Refused(Reason.CHAT_GONE)
    assert isinstance(in_chat[1], Replayed)
    assert in_application == [Refused(Reason.APPLICATION_GONE)] * 2


async def test_a_key_is_forgotten_after_a_day(ports: Profile, clock: StillClock) -> None:
    """Within 24 h of the injected clock it is known; then it is as new, for another payload too."""
    chat = await ports.add_chat()
    first = await ports.take(posted(chat, "a", key=keyed("k", "a")))

    clock.move(KEY_TTL_S - 0.001)
    (known,) = await ports.append(posted(chat, "a", key=keyed("k", "a")))
    clock.move(0.001)
    second = await ports.take(posted(chat, "b", key=keyed("k", "b")))

    assert known == Replayed(*first)
    assert second.number == first.number + 1
    assert await ports.append(posted(chat, "b", key=keyed("k", "b"))) == [Replayed(*second)]


async def test_positions_and_times_rise_when_the_clock_runs_backwards(ports: Profile, clock: StillClock) -> None:
    """Per partition every entry's position is above the one before, across batches, jumps and restarts."""
    chat = await ports.add_chat()
    taken: list[Appended] = []

    for seconds in (0, 0, -3_600, 0.001, 7_200, -7_200):
        clock.move(seconds)
        outcomes = await ports.append(posted(chat, "a"), posted(chat, "b"))
        taken += [outcome for outcome in outcomes if isinstance(outcome, Appended)]
        await ports.reopen()

    page = await ports.storage.page_messages(*chat, Window())
    assert len(taken) == 12
    assert all(earlier.position < later.position for earlier, later in pairwise(taken))
    assert [message.created_at for message in page.items] == [outcome.position.at for outcome in taken]
    assert max(end for end in (await ports.changes.ends()).values()) == taken[-1].position


async def test_numbers_go_on_after_a_restart(ports: Profile) -> None:
    """Also when the last ones are tombstones, or their chat is gone."""
    chat = await ports.add_chat(messages=3)
    token, number = chat
    await ports.take(Entry(token, number, MessageDeleted(), 3))
    await ports.take(Entry(token, None, ChatCreated()))
    await ports.take(Entry(token, 2, ChatDeleted()))
    await ports.erase()

    await ports.reopen()

    assert (await ports.take(posted(chat, "a"))).number == 4
    assert (await ports.take(Entry(token, None, ChatCreated()))).number == 3


async def test_the_last_change_of_a_batch_stands(ports: Profile) -> None:
    """Of two edits, of two titles; and a deletion after an edit."""
    chat = await ports.add_chat(messages=2)

    await ports.append(
        Entry(*chat, MessageEdited("first"), 1),
        Entry(*chat, ChatRetitled("first")),
        Entry(*chat, MessageEdited("second"), 1),
        Entry(*chat, ChatRetitled("second")),
        Entry(*chat, MessageEdited("gone"), 2),
        Entry(*chat, MessageDeleted(), 2),
    )

    assert await bodies(ports, chat) == {1: "second"}
    assert (await ports.storage.get_chat(*chat)).title == "second"


async def test_positions_rise_over_appends_and_erasure(ports: Profile) -> None:
    """An erasing worker writes changes of its own between two appends."""
    chats = [await ports.add_chat(messages=1) for _ in range(3 * PARTITIONS)]
    ends = [await ports.changes.ends()]

    for gone, kept in zip(chats[::2], chats[1::2], strict=True):
        await ports.take(posted(kept, "before"))
        await ports.delete_application(gone[0])
        ends.append(await ports.changes.ends())
        await ports.erase()
        ends.append(await ports.changes.ends())
        await ports.take(posted(kept, "after"))
        ends.append(await ports.changes.ends())

    assert all(earlier[p] <= later[p] for earlier, later in pairwise(ends) for p in range(PARTITIONS))
    assert all(earlier != later for earlier, later in pairwise(ends))


async def test_the_log_answers(ports: Profile) -> None:
    """A ping returns, also right after a restart."""
    await ports.log.ping()
    await ports.reopen()
    await ports.log.ping()
