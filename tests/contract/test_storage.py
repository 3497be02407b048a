"""The storage's contract: pages, single rows, picks and scans, and what they cost."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from random import Random

import pytest

from parley.domain.cursors import NUMBER_MAX, Window
from parley.domain.documents import ChatId
from parley.domain.errors import NotFoundError
from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
)
from parley.domain.model import Chat, Draft, Message
from parley.storage.port import Page, Scan
from tests.contract.conftest import NewProfile
from tests.support.ports import Profile, opened, posted
from tests.unit.workers.doubles import BEGAN_AT, StillClock

FAR = (2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**33, 2**62, NUMBER_MAX)


async def delete(ports: Profile, chat: tuple[str, int], *numbers: int) -> None:
    """Turn messages into tombstones."""
    await ports.append(*(Entry(*chat, MessageDeleted(), number) for number in numbers))


def expected(live: list[int], window: Window) -> tuple[list[int], bool, bool]:
    """Give a page's numbers, and whether there are more on either side, done naively."""
    if window.before is not None:
        below = [number for number in live if number < window.before]
        items = below[-window.limit :]
        return items, len(below) > len(items), any(number >= window.before for number in live)
    above = [number for number in live if number > (window.after or 0)]
    items = above[: window.limit]
    return items, any(number <= (window.after or 0) for number in live), len(above) > len(items)


def told(page: Page[Chat] | Page[Message]) -> tuple[list[int], bool, bool]:
    """Give a page in the same words."""
    return [item.number for item in page.items], page.more_before, page.more_after


def windows(highest: int) -> Iterator[Window]:
    """Give every window around a few numbers, and far beyond them."""
    for limit in (1, 2, 5, 100):
        yield Window(limit=limit)
        for bound in (*range(highest + 3), *FAR):
            yield Window(after=bound, limit=limit)
            if bound:
                yield Window(before=bound, limit=limit)


@pytest.mark.parametrize("dead", [(), (1,), (9,), (1, 2, 3), (4, 5, 6), (7, 8, 9), (2, 4, 6, 8), tuple(range(1, 10))])
async def test_a_reader_pages_through_live_messages(ports: Profile, dead: tuple[int, ...]) -> None:
    """Every window around tombstones: the rows, their order, and whether a page has neighbours."""
    await ports.add_chat(messages=5)
    chat = await ports.add_chat(messages=9)
    await delete(ports, chat, *dead)
    await ports.take(Entry(chat[0], None, ChatCreated()))
    await ports.take(posted((chat[0], 2), "another chat's"))
    live = [number for number in range(1, 10) if number not in dead]

    for window in windows(9):
        page = await ports.storage.page_messages(*chat, window)

        assert told(page) == expected(live, window), window
        assert [message.body for message in page.items] == [f"message {item.number}" for item in page.items]


async def test_a_reader_pages_through_live_chats(ports: Profile) -> None:
    """The same for chats, some of which are deleted."""
    token, other = await ports.add_application(), await ports.add_application()
    await ports.append(*(Entry(token, None, ChatCreated(f"chat {number}")) for number in range(1, 8)))
    await ports.append(*(Entry(other, None, ChatCreated()) for _ in range(3)))
    await ports.append(*(Entry(token, number, ChatDeleted()) for number in (1, 4, 7)))

    for window in windows(7):
        page = await ports.storage.page_chats(token, window)

        assert told(page) == expected([2, 3, 5, 6], window), window
        assert [chat.title for chat in page.items] == [f"chat {chat.number}" for chat in page.items]


@pytest.mark.parametrize("number", [0, *FAR])
async def test_a_far_number_is_nobody_elses(ports: Profile, number: int) -> None:
    """Numbers beyond 32 bits reach no message of this chat or a later one, by no way of reading."""
    chat = await ports.add_chat(messages=3)
    for _ in range(3):
        await ports.take(Entry(chat[0], None, ChatCreated()))
    await ports.append(*(posted((chat[0], other), "secret") for other in (2, 3, 4)))
    chat_id = await ports.storage.find_chat(*chat)
    far_chat = max(number, 5)

    with pytest.raises(NotFoundError, match="Message not found"):
        await ports.storage.get_message(*chat, number)
    assert await ports.storage.pick_messages(chat_id, [number, 2]) == [await ports.storage.get_message(*chat, 2)]
    assert await ports.storage.scan_messages(chat_id, "secret", number, 10) == Scan([], None)
    for read in (ports.storage.get_chat(chat[0], far_chat), ports.storage.find_chat(chat[0], far_chat)):
        with pytest.raises(NotFoundError, match="Chat not found"):
            await read


async def test_a_reader_is_told_what_is_missing(ports: Profile) -> None:
    """Application, chat or message; deleted ones are like those that never were."""
    (token, chat), gone = await ports.add_chat(messages=2), await ports.add_chat(messages=1)
    await delete(ports, (token, chat), 2)
    await ports.take(Entry(token, None, ChatCreated()))
    await ports.take(Entry(token, 2, ChatDeleted()))
    await ports.delete_application(gone[0])
    storage = ports.storage

    for application in (gone[0], "0" * 32, "", "é"):
        for reading in (
            storage.find_chat(application, None), storage.find_chat(application, 1), storage.get_chat(application, 1),
            storage.page_chats(application, Window()), storage.page_messages(application, 1, Window()),
            storage.get_message(application, 1, 1),
        ):  # fmt: skip
            with pytest.raises(NotFoundError, match="ChatApplication not found"):
                await reading
    for number in (2, 3):
        for in_chat in (
            storage.find_chat(token, number), storage.get_chat(token, number), storage.get_message(token, number, 1),
            storage.page_messages(token, number, Window()),
        ):  # fmt: skip
            with pytest.raises(NotFoundError, match="Chat not found"):
                await in_chat
    for number in (2, 3):
        with pytest.raises(NotFoundError, match="Message not found"):
            await storage.get_message(token, chat, number)


@pytest.mark.parametrize("strange", ["", "é", "x" * 1_000, "' or 1 = 1 -- ", "{} ", " {}", "{}\0", "{:.31}", "A{:.31}"])
async def test_a_strange_token_is_nobodys(ports: Profile, strange: str) -> None:
    """Nor is a real one with something before or behind it, cut off, or in capitals: names are bytes."""
    real, chat = await ports.add_chat(messages=1)

    for wrong in {strange.format(real), strange.format(real).upper()} - {real}:
        with pytest.raises(NotFoundError, match="ChatApplication not found"):
            await ports.storage.get_message(wrong, chat, 1)
        with pytest.raises(NotFoundError, match="ChatApplication not found"):
            await ports.tenants.get(wrong)


async def test_what_was_written_is_read(ports: Profile, clock: StillClock) -> None:
    """Every field of a chat and its messages, and its times, from creation through a change."""
    token = await ports.add_application()
    await ports.take(Entry(token, None, ChatCreated("first")))
    await ports.take(Entry(token, 1, MessagesPosted((Draft("a", "me", '{"k":1.0}'), Draft("b")))))
    clock.move(5)
    await ports.append(Entry(token, 1, MessageEdited("A"), 1), Entry(token, 1, ChatRetitled("second")))
    await ports.take(Entry(token, None, ChatCreated()))
    edited_at = BEGAN_AT + 5_000

    assert await ports.storage.get_message(token, 1, 1) == Message(
        1, "A", "me", '{"k":1.0}', BEGAN_AT, edited_at, edited=True
    )
    assert await ports.storage.get_message(token, 1, 2) == Message(2, "b", None, None, BEGAN_AT, BEGAN_AT)
    assert await ports.storage.get_chat(token, 1) == Chat(1, "second", 2, BEGAN_AT, edited_at)
    assert await ports.storage.get_chat(token, 2) == Chat(2, None, 0, edited_at, edited_at)


async def test_every_character_comes_back(ports: Profile) -> None:
    """All of Unicode but NUL and lone surrogates, in every text: one code point for one."""
    points = [chr(n) for n in range(1, sys.maxunicode + 1) if not 0xD800 <= n < 0xE000]
    texts = ["".join(points[first : first + 15_000]) for first in range(0, len(points), 15_000)]
    texts += [
        " a ", "1", "null", "1e5", '"', "\\", "\\u0000", "%s", "[]", "e\u0301", "\ufeff", "\x1f\x7f\u2028",
        "'; drop table",
    ]  # fmt: skip
    token = await ports.add_application()
    await ports.append(*(Entry(token, None, ChatCreated(text)) for text in texts))
    await ports.take(Entry(token, 1, MessagesPosted(tuple(Draft(text, text, text) for text in texts))))
    await ports.append(*(Entry(token, 2, MessagesPosted((Draft("a"),))) for _ in texts))
    await ports.append(*(Entry(token, 2, MessageEdited(text), number) for number, text in enumerate(texts, 1)))
    chat_id = await ports.storage.find_chat(token, 1)

    chats = await ports.storage.page_chats(token, Window(limit=200))
    page = await ports.storage.page_messages(token, 1, Window(limit=200))
    edited = await ports.storage.page_messages(token, 2, Window(limit=200))
    picked = await ports.storage.pick_messages(chat_id, range(1, len(texts) + 1))
    loaded = await ports.changes.load([(chat_id.chat, number) for number in range(1, len(texts) + 1)])

    assert [chat.title for chat in chats.items] == texts
    assert [(message.body, message.sender, message.metadata) for message in page.items] == [(t, t, t) for t in texts]
    assert [message.body for message in edited.items] == texts
    assert picked == page.items
    assert [document.body for document in loaded] == texts


async def test_a_picker_gets_what_is_live_in_order(ports: Profile) -> None:
    """Whatever the order and number of the wanted ones."""
    chat = await ports.add_chat(messages=2_000)
    await ports.add_chat(messages=2_000)
    await delete(ports, chat, 3, 1_999)
    chat_id = await ports.storage.find_chat(*chat)
    wanted = list(range(2_100))
    Random(1).shuffle(wanted)

    picked = await ports.storage.pick_messages(chat_id, wanted)

    assert [message.number for message in picked] == [n for n in range(1, 2_001) if n not in {3, 1_999}]
    assert [message.body for message in picked] == [f"message {message.number}" for message in picked]
    assert await ports.storage.pick_messages(chat_id, []) == []


async def scanned(ports: Profile, chat_id: ChatId, folded: str, limit: int) -> AsyncIterator[Scan]:
    """Scan a chat from its start, page by page, to the end."""
    after: int | None = 0
    while after is not None:
        scan = await ports.storage.scan_messages(chat_id, folded, after, limit)
        yield scan
        after = scan.next_after


async def test_a_scanner_walks_to_the_end(ports: Profile) -> None:
    """Page by page every live match once, ascending, and nothing of a neighbour; the last page says that it is."""
    chat, _ = await ports.add_chat(messages=1_234), await ports.add_chat(messages=1_234)
    await delete(ports, chat, 7, 17, 1_117)
    chat_id = await ports.storage.find_chat(*chat)
    matching = [n for n in range(1, 1_235) if "7" in str(n) and n not in {7, 17, 1_117}]

    for limit in (1, 10, len(matching) - 1, len(matching), len(matching) + 1):
        scans = [scan async for scan in scanned(ports, chat_id, "7", limit)]

        assert [message.number for scan in scans for message in scan.items] == matching
        assert len(scans) == -(-len(matching) // limit)


async def test_a_scanner_folds_what_is_stored(ports: Profile) -> None:
    """The caller's text is folded already; bodies are folded here."""
    chat = await ports.add_chat()
    await ports.take(posted(chat, "ПРИВЕТ", "привет", "пока", "e\u0301", "É", "Straße"))
    chat_id = await ports.storage.find_chat(*chat)

    async def scan(folded: str) -> list[int]:
        found = await ports.storage.scan_messages(chat_id, folded, 0, 10)
        return [message.number for message in found.items]

    assert await scan("при") == [1, 2]
    assert await scan("é") == [4, 5]
    assert await scan("ss") == [6]


async def test_a_scan_is_bounded_in_rows(new_profile: NewProfile, clock: StillClock) -> None:
    """It stops after so many messages, found or not, and says where to go on."""
    async with opened(new_profile(clock, scan_max_messages=1_000)) as ports:
        chat = await ports.add_chat(messages=2_500)
        chat_id = await ports.storage.find_chat(*chat)

        scans = [scan async for scan in scanned(ports, chat_id, "2500", 10)]

    assert [scan.next_after for scan in scans] == [1_000, 2_000, None]
    assert [len(scan.items) for scan in scans] == [0, 0, 1]


class Impatient(StillClock):
    """A second passes with every look."""

    def monotonic(self) -> float:
        """Let a second pass."""
        self.move(1)
        return super().monotonic()


async def test_a_scan_is_bounded_in_time(new_profile: NewProfile) -> None:
    """When the time is up after a slice, it says where to go on: each request gets somewhere."""
    async with opened(new_profile(Impatient(), scan_max_s=1.5)) as ports:
        chat = await ports.add_chat(messages=2_500)
        chat_id = await ports.storage.find_chat(*chat)

        scans = [scan async for scan in scanned(ports, chat_id, "2500", 10)]

    assert [scan.next_after for scan in scans] == [1_000, 2_000, None]
    assert [message.number for scan in scans for message in scan.items] == [2_500]


async def test_the_storage_answers(ports: Profile) -> None:
    """A ping returns, also right after a restart."""
    await ports.storage.ping()
    await ports.reopen()
    await ports.storage.ping()
