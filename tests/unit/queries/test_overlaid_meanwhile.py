"""Reads over what is not stored yet while persist, writers and the follower go on; and what texts cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from parley.domain.cursors import NUMBER_MAX, Window
from parley.domain.events import Entry, MessageDeleted
from parley.domain.model import Chat, Message
from parley.domain.partitions import partition_of
from parley.queries.overlaid import UNSTORED, Overlaid
from parley.storage.port import Page
from tests.support.ports import DATABASES, PARTITIONS, Ports, opened
from tests.unit.queries.doubles import HeldStorage
from tests.unit.queries.histories import WORD, History, page_of, refused
from tests.unit.workers.doubles import StillClock

MIB: Final = 1024 * 1024


class Room:
    """One application whose chat is stored, with three messages, and what comes then is only on the log."""

    def __init__(self, ports: Ports, max_bytes: int) -> None:
        """Look through a storage whose answers the test holds."""
        self.history = History(ports, max_bytes)
        self.held = HeldStorage(ports.storage)
        self.unstored = self.history.unstored
        self.overlaid = Overlaid(self.held, self.unstored, self.history.stream, PARTITIONS)

    async def begin(self) -> None:
        """Store what is there before the follower starts."""
        history = self.history
        await history.begin()
        self.token = history.tokens[0]
        self.model = history.live[self.token][1]
        self.partition = partition_of(self.token, PARTITIONS)
        await history.post(self.token, self.model, 3)
        for partition in range(PARTITIONS):
            await history.store(partition, 1_000)
        history.follow()

    async def store(self) -> None:
        """Let persist store everything and trim it, and let the follower see that."""
        await self.history.store(self.partition, 1_000)
        until = self.history.stored_until(self.partition)
        self.history.stream.trim(until, self.partition)
        self.unstored.drop(self.partition, until)

    async def page(self, window: Window = Window()) -> Page[Message]:  # noqa: B008 - a value
        """Read the first page."""
        return await self.overlaid.page_messages(self.token, 1, window)

    def expected(self, window: Window = Window()) -> Page[Message]:  # noqa: B008 - a value
        """Give what the model says at this moment."""
        return page_of(self.model.messages, window)

    def does(self, *names: str) -> Callable[[], Awaitable[None]]:
        """Give something to happen meanwhile."""

        async def happen() -> None:
            for name in names:
                if name == "store":
                    await self.store()
                elif name == "post":
                    await self.history.post(self.token, self.model, 2)
                elif name.startswith("delete"):
                    await self.history.delete(self.token, self.model, int(name[-1]))
                elif name.startswith("edit"):
                    await self.history.edit(self.token, self.model, int(name[-1]))

        return happen


@pytest.fixture(params=[0, MIB], ids=["texts let go of", "texts kept"])
async def room(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Room]:
    """Give a room, with memory for texts and without."""
    async with opened(Ports(DATABASES["sqlite"](tmp_path), StillClock())) as ports:
        made = Room(ports, request.param)
        await made.begin()
        yield made


UNSTORED_WRITES: Final = ("post", "edit 1", "edit 4", "delete 2", "post", "delete 6")
LAST: Final = Window(before=NUMBER_MAX, limit=2)


@pytest.mark.parametrize(
    "window", [Window(), Window(limit=2), LAST, Window(after=2, limit=1), Window(before=4, limit=9)]
)
@pytest.mark.parametrize("place", ["meanwhile", "afterwards"])
async def test_a_page_is_right_when_everything_is_stored_while_it_is_read(
    room: Room, window: Window, place: str
) -> None:
    """Whether persist commits just before the database reads or just after, nothing is missed, nothing comes back."""
    await room.does(*UNSTORED_WRITES)()
    expected = room.expected(window)

    getattr(room.held, place).append(room.does("store"))
    page = await room.page(window)

    assert page == expected
    assert not getattr(room.held, place)
    assert len(room.unstored) == 0


@pytest.mark.parametrize("place", ["meanwhile", "afterwards"])
async def test_single_reads_and_picks_are_right_when_everything_is_stored_meanwhile(room: Room, place: str) -> None:
    """The same for one message, a chat, a list of chats, and what a search verifies."""
    await room.does(*UNSTORED_WRITES)()
    await room.history.retitle(room.token, room.model, "another title")
    ids = await room.overlaid.find_chat(room.token, 1)
    messages, meanwhile = dict(room.model.messages), getattr(room.held, place)

    meanwhile.append(room.does("store"))
    picked = await room.overlaid.pick_messages(ids, range(1, 9))

    assert picked == [messages[1], messages[3]] + [messages[n] for n in (4, 5, 7) if place == "meanwhile"]
    await room.does("edit 1", "delete 3")()
    meanwhile.append(room.does("store"))
    assert await room.overlaid.get_message(room.token, 1, 1) == room.model.messages[1]
    await room.does("edit 5")()
    meanwhile.append(room.does("store"))
    found = (await room.overlaid.scan_messages(ids, WORD, 0, 9)).items
    assert found == [room.model.messages[n] for n in ((1, 5) if place == "meanwhile" else (1,))]
    await room.history.retitle(room.token, room.model, "a third title")
    meanwhile.append(room.does("store"))
    assert (await room.overlaid.page_chats(room.token, Window())).items[0].title == "a third title"
    await room.history.retitle(room.token, room.model, None)
    meanwhile.append(room.does("store"))
    assert (await room.overlaid.get_chat(room.token, 1)).title is None


async def test_what_happens_after_a_read_began_does_not_break_it(room: Room) -> None:
    """Posted, deleted and stored while the page is read: it is a page, with what was there at its beginning."""
    await room.does("post")()
    room.held.meanwhile.append(room.does("delete 4", "post", "edit 5", "store"))

    page = await room.page()

    assert {1, 2, 3, 5} <= {message.number for message in page.items} <= {1, 2, 3, 4, 5, 6, 7}
    assert await room.page() == room.expected()


async def test_a_list_is_no_404_when_a_message_goes_while_its_text_is_looked_for(room: Room) -> None:
    """Its text is neither in memory, nor on the log, nor in the database: it was deleted meanwhile."""
    await room.does("post", "edit 1")()
    history = room.history
    delete_on_the_log = Entry(room.token, 1, MessageDeleted(), 4)
    await history.store(room.partition, 1_000)
    history.ports.clock.move(1)
    await history.ports.append(delete_on_the_log, Entry(room.token, 1, MessageDeleted(), 1))
    history.stream.trim(history.stored_until(room.partition), room.partition)

    page = await room.page(Window(limit=1))
    numbers = [message.number for message in (await room.page()).items]

    assert page.more_after
    assert numbers in ([2, 3, 5], [2, 3, 4, 5])


async def test_a_bulk_is_read_again_once_for_a_page(ports: Ports) -> None:
    """However many of its texts were let go of."""
    history = History(ports, max_bytes=0)
    await history.begin()
    history.follow()
    token = history.tokens[0]
    await history.post(token, history.live[token][1], 60)
    history.stream.asked.clear()

    page = await history.overlaid.page_messages(token, 1, Window())

    assert len(page.items) == 50
    assert len(history.stream.asked) == 1


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[Ports]:
    """Give an empty installation."""
    async with opened(Ports(DATABASES["sqlite"](tmp_path), StillClock())) as made:
        yield made


async def test_an_edit_is_seen_when_the_post_is_stored_and_the_edit_is_not(ports: Ports) -> None:
    """The post's text was let go of here and trimmed there, and the follower has not looked since."""
    history = History(ports, max_bytes=0)
    await history.begin()
    history.follow()
    token = history.tokens[0]
    model, partition = history.live[token][1], partition_of(token, PARTITIONS)
    await history.post(token, model, 1)
    await history.store(partition, 1_000)
    await history.edit(token, model, 1)

    history.stream.trim(history.stored_until(partition), partition)

    assert (await history.overlaid.get_message(token, 1, 1)).body.startswith("edited")
    assert (await history.overlaid.page_messages(token, 1, Window())).items == [model.messages[1]]


async def test_an_edit_of_a_number_before_its_message_changes_nothing(ports: Ports) -> None:
    """Refused to its client with 404, it lies on the log all the same, in front of the message with that number."""
    history = History(ports, MIB)
    await history.begin()
    history.follow()
    token = history.tokens[0]
    model = history.live[token][1]
    await history.edit(token, model, 1)
    await history.post(token, model, 1)
    await history.store(partition_of(token, PARTITIONS), 1_000)
    history.unstored.chat((token, 1)).created = None  # type: ignore[union-attr]

    ids = await ports.storage.find_chat(token, 1)
    await history.overlaid.find_chat(token, 1)

    assert await history.overlaid.pick_messages(ids, [1]) == [model.messages[1]]
    assert await history.overlaid.get_message(token, 1, 1) == model.messages[1]


async def test_a_page_behind_many_deleted_rows_asks_for_a_few_at_a_time(ports: Ports) -> None:
    """A thousand deletes that wait are no thousand bodies in memory."""
    history = History(ports, MIB)
    await history.begin()
    token = history.tokens[0]
    model = history.live[token][1]
    await history.post(token, model, 1_500)
    await history.store(partition_of(token, PARTITIONS), 1_000)
    history.follow()
    for number in range(1, 1_201):
        await history.delete(token, model, number)
    held = HeldStorage(ports.storage)
    overlaid = Overlaid(held, history.unstored, history.stream, PARTITIONS)
    for window in (Window(limit=3), Window(before=1_203, limit=50), Window(after=1_200), Window(before=1_100)):
        assert await overlaid.page_messages(token, 1, window) == page_of(model.messages, window)

    assert max(held.limits) <= 250


async def test_a_new_chat_is_read_without_the_database(ports: Ports) -> None:
    """All of it is in memory: the chat, its count, its messages; and what is not there is not there."""
    history = History(ports, MIB)
    await history.begin()
    history.follow()
    token = history.tokens[0]
    model = history.live[token][1]
    await history.post(token, model, 3)
    await history.delete(token, model, 2)
    await history.retitle(token, model, "new")
    away = HeldStorage(ports.storage)
    overlaid = Overlaid(away, history.unstored, history.stream, PARTITIONS)

    assert await overlaid.get_chat(token, 1) == Chat(1, "new", 2, model.chat.created_at, model.chat.updated_at)
    assert (await overlaid.page_messages(token, 1, Window(limit=1))).more_after
    assert await overlaid.get_message(token, 1, 3) == model.messages[3]
    assert await overlaid.find_chat(token, 1) == UNSTORED
    await refused("Message not found", overlaid.get_message(token, 1, 2))
    assert away.questions == []
    await refused("Chat not found", overlaid.get_message(token, 2, 1))
    await overlaid.ping()
    assert away.questions == ["get_message", "ping"]


async def test_a_deleted_message_is_not_found_by_a_search_that_many_others_overtake(
    ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which chat an id means is remembered for the latest ones, not forgotten for all at once."""
    monkeypatch.setattr("parley.queries.overlaid._MOST_PLACES", 3)
    history = History(ports, MIB)
    await history.begin()
    token = history.tokens[0]
    model = history.live[token][1]
    await history.post(token, model, 2)
    for _ in range(2):
        await history.create_chat(token)
    for partition in range(PARTITIONS):
        await history.store(partition, 1_000)
    history.follow()
    await history.delete(token, model, 1)

    for chat in (2, 3):
        await history.overlaid.find_chat(token, chat)
    ids = await history.overlaid.find_chat(token, 1)
    await history.overlaid.find_chat(history.tokens[1], 1)
    for chat in (2, 3):
        await history.overlaid.find_chat(token, chat)
        await history.overlaid.find_chat(token, 1)

    assert await history.overlaid.pick_messages(ids, [1, 2]) == [model.messages[2]]
    assert len(history.overlaid._places) == 3


async def test_a_search_under_way_in_a_chat_that_is_deleted_finds_nothing(ports: Ports) -> None:
    """Nor what was deleted in it before."""
    history = History(ports, MIB)
    await history.begin()
    token = history.tokens[0]
    model = history.live[token][1]
    await history.post(token, model, 2)
    for partition in range(PARTITIONS):
        await history.store(partition, 1_000)
    history.follow()
    ids = await history.overlaid.find_chat(token, 1)
    await history.delete(token, model, 1)
    await history.delete_chat(token, model)

    assert await history.overlaid.pick_messages(ids, [1, 2]) == []
    assert (await history.overlaid.scan_messages(ids, "hay", 0, 9)).items == []
