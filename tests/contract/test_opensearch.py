"""The search engine's own ways, on a real one: versions, generations, refusals, and an engine that is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from parley.domain.documents import WHOLE_CHAT, ChatId, Document
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.domain.events import Position
from parley.search import open_search
from parley.search.opensearch import bulk, removal
from parley.search.port import SearchIndex
from parley.workers.feed import Feed
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.indexes import AT_ONCE, Place, own_place
from tests.support.relay import Relay, make_certificate

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")

CHAT = ChatId(3, 7)
REACHED = {0: Position(1, 5)}


@pytest.fixture
def place(opensearch_server: OpenSearchServer) -> Iterator[Place]:
    """Give a prefix of the test's own."""
    with own_place(opensearch_server) as made:
        yield made


@asynccontextmanager
async def opened(place: Place, options: str = AT_ONCE) -> AsyncIterator[SearchIndex]:
    """Open an index as a process does."""
    index = open_search(place.url + options)
    await index.start()
    yield index
    await index.close()


def message(number: int, body: str | None, version: int = 1, chat: ChatId = CHAT) -> Document:
    """Give a state of a message."""
    return Document(chat.chat, number, body, chat.application, version)


async def numbers(index: SearchIndex, text: str = "needle", chat: ChatId = CHAT) -> list[int]:
    """Search."""
    return (await index.candidates(chat, text, 0, 100)).numbers


async def test_a_late_writer_with_an_older_state_changes_nothing(place: Place) -> None:
    """An older version is done, not an error: what is newer stays, and the rest of its call is stored."""
    async with opened(place) as index:
        await index.index([message(1, "needle", 9)], REACHED)

        await index.index([message(1, "older", 8), message(2, "needle")], REACHED)

        assert (await numbers(index), await numbers(index, "older")) == ([1, 2], [])


async def test_a_late_writer_cannot_revive_a_deleted_message(place: Place) -> None:
    """A tombstone keeps its version, whether the message was ever indexed or not."""
    async with opened(place) as index:
        await index.index([message(1, "needle", 8), message(1, None, 9), message(2, None, 9)], REACHED)

        await index.index([message(1, "needle", 8), message(2, "needle", 8)], REACHED)

        assert await numbers(index) == []


async def test_a_chat_of_many_messages_is_removed_whole(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes in slices, from all shards, whatever the application that the document of its end names."""
    monkeypatch.setattr(removal, "SLICE", 10)
    neighbour = ChatId(4, 8)
    async with opened(place, f"{AT_ONCE}&shards=3") as index:
        chats = [CHAT, CHAT._replace(application=5), neighbour]
        await index.index([message(n, "needle", chat=chat) for chat in chats for n in range(1, 35)], REACHED)

        await index.index([Document(CHAT.chat, WHOLE_CHAT, None)], REACHED)

        assert [await numbers(index, chat=chat) for chat in chats] == [[], [], list(range(1, 35))]
        assert place.ask("GET", f"{place.prefix}-*/_count?q=chat:{CHAT.chat}")["count"] == 0


async def test_a_searcher_finds_a_message_a_moment_later_without_being_told_to(place: Place) -> None:
    """The engine refreshes by itself every half second."""
    async with opened(place, "") as index:
        await index.index([message(1, "needle")], REACHED)

        async with asyncio.timeout(5):
            found: list[int] = []
            while not found:
                found = await numbers(index)


async def test_another_process_searches_what_the_writer_published(place: Place) -> None:
    """It is refused while the index is incomplete, and finds everything from then on, without a start of its own."""
    other = open_search(place.url)
    async with opened(place) as writer:
        await writer.index([message(1, "needle")], {})
        with pytest.raises(UnavailableError, match="being built"):
            await numbers(other)

        await writer.index([message(2, "needle")], REACHED)

        assert await numbers(other) == [1, 2]
        await writer.clear()
        with pytest.raises(UnavailableError, match="being built"):
            await numbers(other)
    await other.close()


async def test_a_rebuilt_index_takes_the_place_of_the_one_before(place: Place) -> None:
    """One index is left, behind the one alias that searches read and the one by which it is written."""
    async with opened(place) as index:
        await index.index([], REACHED)
        await index.clear()
        await index.index([], REACHED)

        assert place.aliases() == {"messages-v1-2": ["messages-v1", "messages-v1-2-door"]}


async def test_a_writer_that_slept_through_a_rebuild_is_refused(place: Place) -> None:
    """It can neither write into the new index, unseen, nor bring the old one back; then it looks again."""
    async with opened(place) as asleep, opened(place) as awake:
        await asleep.index([message(1, "older")], REACHED)
        await awake.clear()

        with pytest.raises(UnavailableError):
            await asleep.index([message(2, "older")], {0: Position(1, 9)})

        assert await asleep.positions() == {}
        assert place.indexes() == ["messages-v1-2"]


async def test_a_reader_of_positions_sees_that_the_index_was_replaced(place: Place) -> None:
    """The follower asks for them now and then, and gets those of the present index, whoever made it."""
    async with opened(place) as asleep, opened(place) as awake:
        await asleep.index([], REACHED)
        await awake.clear()

        assert await asleep.positions() == {}


async def test_a_writer_that_slept_takes_no_position_back(place: Place) -> None:
    """A position behind what was trimmed would cost a rebuild; what it reached elsewhere is added."""
    async with opened(place) as asleep, opened(place) as awake:
        await asleep.index([], {0: Position(1, 5), 1: Position(1, 5)})
        await awake.index([], {0: Position(1, 9)})

        with pytest.raises(UnavailableError, match="further"):
            await asleep.index([], {0: Position(1, 6)})
        await asleep.index([], {1: Position(1, 6)})

        assert await awake.positions() == {0: Position(1, 9), 1: Position(1, 6)}


async def test_processes_that_start_together_make_one_index(place: Place) -> None:
    """Who comes second takes the index that was made at the same time, and can ask it at once."""
    indexes = [open_search(place.url) for _ in range(8)]

    async def begin(index: SearchIndex) -> dict[int, Position]:
        await index.start()
        return await index.positions()

    assert await asyncio.gather(*map(begin, indexes)) == [{}] * 8
    assert place.indexes() == ["messages-v1-1"]
    await asyncio.gather(*(index.close() for index in indexes))


async def test_a_complete_index_is_published_after_a_crash_before_that(place: Place) -> None:
    """Positions without the alias are what such a crash leaves; asking for them mends it."""
    async with opened(place) as index:
        await index.index([message(1, "needle")], REACHED)
    place.ask("DELETE", f"{place.prefix}-messages-v1-1/_alias/{place.prefix}-messages-v1")

    async with opened(place) as index:
        assert await index.positions() == REACHED
        assert await numbers(index) == [1]


async def test_an_update_deletes_the_older_layouts_index_once_its_own_is_complete(place: Place) -> None:
    """Until then the older release goes on searching its own."""
    ours = {"mappings": {"_meta": {"parley_search": 0}}}
    place.ask("PUT", f"{place.prefix}-messages-v0-7", ours)
    place.ask("PUT", f"{place.prefix}-messages-v99-1", ours)
    async with opened(place) as index:
        await index.index([], {})
        assert place.indexes() == ["messages-v0-7", "messages-v1-1", "messages-v99-1"]

        await index.index([], REACHED)

        assert place.indexes() == ["messages-v1-1", "messages-v99-1"]


async def test_an_operator_whose_prefix_meets_another_products_index_is_refused(place: Place) -> None:
    """What was not made here is neither used nor deleted."""
    place.ask("PUT", f"{place.prefix}-messages-v1-1")
    index = open_search(place.url)

    with pytest.raises(ConfigurationError, match="was not made by Parley"):
        await index.start()

    assert place.indexes() == ["messages-v1-1"]
    await index.close()


async def test_a_document_that_the_engine_refuses_is_left_out_alone(place: Place) -> None:
    """The feed halves the call; what was stored beside it is stored once, and the positions come last."""
    refusing = {"type": "date"}  # so that a tombstone is one which no retry will store
    fields = {"body": {"type": "text"}, "chat": {"type": "keyword"}, "key": {"type": "long"}, "gone": refusing}
    positions = {"type": "object", "enabled": False}
    place.ask(
        "PUT",
        f"{place.prefix}-messages-v1-1",
        {
            "mappings": {"_meta": {"parley_search": 1}, "properties": {**fields, "positions": positions}},
            "aliases": {f"{place.prefix}-messages-v1-1-door": {}},
        },
    )
    indexed, refused = list[int](), list[int]()
    async with opened(place) as index:
        feed = Feed(index, indexed.append, lambda: refused.append(1))

        await feed.put([message(n, None if n == 5 else "needle") for n in range(1, 9)], REACHED)

        assert (sum(indexed), len(refused)) == (7, 1)
        assert await index.positions() == REACHED
        assert await numbers(index) == [1, 2, 3, 4, 6, 7, 8]


async def test_a_busy_engine_is_asked_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents that it puts off with 429, here for want of disk, are stored as soon as it takes them."""
    monkeypatch.setattr(bulk, "FIRST_PAUSE_S", 0.5)
    async with opened(place) as index:
        await index.index([message(1, "needle")], REACHED)
        block(place, blocked=True)
        indexing = asyncio.create_task(index.index([message(2, "needle")], {}))
        await asyncio.wait([indexing], timeout=0.3)
        assert not indexing.done()

        block(place, blocked=False)

        await indexing
        assert await numbers(index) == [1, 2]


async def test_an_engine_that_stays_busy_is_unavailable(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some tries the follower has it, which waits longer; what was found before is still found."""
    monkeypatch.setattr(bulk, "FIRST_PAUSE_S", 0.01)
    async with opened(place) as index:
        await index.index([message(1, "needle")], REACHED)
        block(place, blocked=True)

        with pytest.raises(UnavailableError, match="busy") as refused:
            await index.index([message(2, "needle")], {0: Position(1, 6)})

        assert refused.value.code == "search_unavailable"
        assert (await index.positions(), await numbers(index)) == (REACHED, [1])
        block(place, blocked=False)


def block(place: Place, *, blocked: bool) -> None:
    """Do to the indexes what the engine does when its disk is full."""
    setting = {"index.blocks.read_only_allow_delete": True if blocked else None}
    place.ask("PUT", f"{place.prefix}-*/_settings", setting)


async def test_a_searcher_is_refused_while_a_shard_is_away(place: Place) -> None:
    """Half of the messages would be a wrong answer."""
    async with opened(place, f"{AT_ONCE}&shards=2&replicas=0") as index:
        await index.index([message(n, "needle", chat=ChatId(n, n)) for n in range(1, 9)], REACHED)
        name = f"{place.prefix}-messages-v1-1"
        lost = {"index": name, "shard": 0, "node": "Node 1", "allow_primary": True}
        with recovering(place, 0):
            place.ask("POST", "_cluster/reroute", {"commands": [{"cancel": lost}]})

            chats = [ChatId(n, n) for n in range(1, 9)]
            found = await asyncio.gather(*(numbers(index, chat=chat) for chat in chats), return_exceptions=True)
            with pytest.raises(UnavailableError):
                await index.ping()

        refused = {n for n, each in enumerate(found, 1) if isinstance(each, UnavailableError)}
        assert 0 < len(refused) < 8
        assert all(each == [n] for n, each in enumerate(found, 1) if n not in refused), found


@contextmanager
def recovering(place: Place, at_once: int) -> Iterator[None]:
    """Let the engine bring back so many shards of its own at once; what else would hold one, it overrides."""
    name = "cluster.routing.allocation.node_initial_primaries_recoveries"
    place.ask("PUT", "_cluster/settings", {"transient": {name: at_once}})
    try:
        yield
    finally:
        place.ask("PUT", "_cluster/settings", {"transient": {name: None}})


async def test_everybody_is_told_that_the_engine_is_away_and_goes_on_when_it_is_back(place: Place) -> None:
    """Each method says so by its own; nothing has to be opened again."""
    relay = Relay(place.server.port)
    async with relay.open() as port:
        index = open_search(f"http://127.0.0.1:{port}/{place.prefix}{AT_ONCE}")
        await index.start()
        await index.index([message(1, "needle")], REACHED)

        relay.cut()

        for call in (
            index.ping,
            index.positions,
            index.clear,
            lambda: index.index([message(2, "needle")], REACHED),
            lambda: index.candidates(CHAT, "needle", 0, 9),
        ):
            with pytest.raises(UnavailableError) as refused:
                await call()
            assert refused.value.code == "search_unavailable"
        relay.mend()
        await index.index([message(3, "needle")], REACHED)
        assert await numbers(index) == [1, 3]
        await index.close()


async def test_a_process_may_start_while_the_engine_is_away(place: Place) -> None:
    """Its start says so; what it asks later finds the engine, looks at it, and makes what is missing."""
    relay = Relay(place.server.port)
    async with relay.open() as port:
        relay.cut()
        index = open_search(f"http://127.0.0.1:{port}/{place.prefix}{AT_ONCE}")
        with pytest.raises(UnavailableError):
            await index.start()

        relay.mend()

        assert await index.positions() == {}
        await index.index([message(1, "needle")], REACHED)
        assert await numbers(index) == [1]
        await index.close()


async def test_a_host_that_is_away_is_passed_over(place: Place) -> None:
    """One of several hosts is enough."""
    relay = Relay(place.server.port)
    async with relay.open() as port:
        relay.cut()
        index = open_search(f"http://127.0.0.1:{port},127.0.0.1:{place.server.port}/{place.prefix}{AT_ONCE}")

        await index.start()

        for number in range(1, 5):
            await index.index([message(number, "needle")], REACHED)
        assert await numbers(index) == [1, 2, 3, 4]
        await index.close()


async def test_a_password_reaches_the_engine_over_tls_alone(place: Place, tmp_path: Path) -> None:
    """An engine with a certificate of its own is trusted when its authority is named, and not without."""
    certificate = make_certificate(tmp_path)
    async with Relay(place.server.port, certificate).open() as port:
        url = f"https://search:p%40ss@127.0.0.1:{port}/{place.prefix}"
        believing, doubting = open_search(f"{url}{AT_ONCE}&ca={certificate.file}"), open_search(url)

        await believing.start()
        with pytest.raises(ConfigurationError, match="ca=") as refused:
            await doubting.start()

        assert "p@ss" not in str(refused.value)
        await believing.index([message(1, "needle")], REACHED)
        assert await numbers(believing) == [1]
        with pytest.raises(UnavailableError):
            await numbers(doubting)
        await believing.close()
        await doubting.close()


async def test_a_user_and_a_password_are_sent_as_the_url_has_them(place: Place) -> None:
    """Both are taken out of their escapes."""
    relay = Relay(place.server.port)
    async with relay.open() as port:
        index = open_search(f"http://search:p%40ss@127.0.0.1:{port}/{place.prefix}")

        await index.ping()

        assert b"Basic c2VhcmNoOnBAc3M=" in relay.received
        await index.close()


async def test_a_closed_index_refuses(place: Place) -> None:
    """Nothing opens a connection after the end."""
    async with opened(place) as index:
        pass

    with pytest.raises(UnavailableError, match="closed"):
        await index.ping()
