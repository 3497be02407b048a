"""Search over an index that names too many, too late or in small portions: the answer is exact all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from parley.domain.documents import ChatId, Document
from parley.domain.errors import NotFoundError, UnavailableError
from parley.domain.events import ChatDeleted, Entry, MessageDeleted, MessageEdited, Position
from parley.queries.search import Search
from parley.search.port import Candidates
from tests.support.ports import DATABASES, Ports, opened, posted
from tests.unit.workers.doubles import StillClock


class LooseIndex:
    """A `SearchIndex` that names every number up to a last one, in portions."""

    shortest = 3

    def __init__(self, last: int, portion: int) -> None:
        """Name 1 to ``last``."""
        self.last, self.portion = last, portion
        self.asked: list[tuple[ChatId, str, int, int]] = []

    async def start(self) -> None:
        """Have nothing to open."""

    async def candidates(self, chat: ChatId, folded: str, after: int, limit: int) -> Candidates:
        """Give the next portion."""
        self.asked.append((chat, folded, after, limit))
        stop = min(after + min(limit, self.portion), self.last)
        return Candidates(list(range(after + 1, stop + 1)), stop if stop < self.last else None)

    async def index(self, documents: Sequence[Document], positions: Mapping[int, Position]) -> None:
        """Index nothing."""

    async def positions(self) -> dict[int, Position]:
        """Know of nothing."""
        return {}

    async def clear(self) -> None:
        """Forget nothing."""

    async def name(self) -> str:
        """Be the only one."""
        return ""

    async def ping(self) -> None:
        """Answer."""

    async def close(self) -> None:
        """Have nothing to close."""


class AwayIndex(LooseIndex):
    """One that does not answer."""

    async def candidates(self, chat: ChatId, folded: str, after: int, limit: int) -> Candidates:
        """Be away."""
        del chat, folded, after, limit
        raise UnavailableError("away", code="search_unavailable")


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[Ports]:
    """Give an empty installation."""
    async with opened(Ports(DATABASES["sqlite"](tmp_path), StillClock())) as made:
        yield made


async def hundred(ports: Ports) -> tuple[str, int]:
    """Make a chat of 100 messages: every fifth says NEEDLE; one of those was edited away, one is deleted."""
    chat = await ports.add_chat()
    await ports.take(posted(chat, *("NEEDLE" if number % 5 == 0 else "hay" for number in range(1, 101))))
    await ports.append(Entry(*chat, MessageEdited("hay"), 10), Entry(*chat, MessageDeleted(), 15))
    await ports.take(Entry(*chat, MessageEdited("a needle now"), 11))
    return chat


EXPECTED = sorted({*range(5, 101, 5), 11} - {10, 15})


@pytest.mark.parametrize("portion", [1, 7, 1_000])
@pytest.mark.parametrize("limit", [1, 4, len(EXPECTED) - 1, len(EXPECTED), 50])
async def test_a_searcher_gets_full_pages_of_what_is_stored(ports: Ports, portion: int, limit: int) -> None:
    """Stale and surplus candidates cost another round; pages join without a hole and the last says so."""
    chat, index = await hundred(ports), LooseIndex(100, portion)
    search, found, after = Search(ports.storage, index), list[int](), 0
    pages = 0

    while True:
        page = await search.search_messages(*chat, "Needle", after, limit)
        found += [message.number for message in page.items]
        pages += bool(page.items)
        if page.next_after is None:
            break
        after = page.next_after

    assert found == EXPECTED
    assert all(folded == "needle" for _, folded, _, _ in index.asked)
    if portion == 1_000:
        assert pages == -(-len(EXPECTED) // limit)


async def test_a_search_ends_after_so_many_rounds(ports: Ports) -> None:
    """An index that names nothing but misses gets a short page with where to go on."""
    chat, index = await ports.add_chat(messages=200), LooseIndex(200, 1)

    page = await Search(ports.storage, index).search_messages(*chat, "needle", 0, 10)

    assert page == ([], 50)
    assert len(index.asked) == 50


@pytest.mark.parametrize("text", ["h", "ha", "AY", "é"])
async def test_a_short_text_does_not_need_the_index(ports: Ports, text: str) -> None:
    """One or two folded code points are looked for in the chat itself, with the index away."""
    chat = await hundred(ports)

    page = await Search(ports.storage, AwayIndex(0, 1)).search_messages(*chat, text, 90, 3)

    assert [message.number for message in page.items] == ([] if text == "é" else [91, 92, 93])


async def test_a_searcher_is_told_what_is_away_or_gone(ports: Ports) -> None:
    """The parents first, then the engine."""
    chat = await hundred(ports)
    search = Search(ports.storage, AwayIndex(0, 1))

    with pytest.raises(UnavailableError):
        await search.search_messages(*chat, "needle", 0, 10)
    await ports.take(Entry(*chat, ChatDeleted()))
    with pytest.raises(NotFoundError, match="Chat not found"):
        await search.search_messages(*chat, "needle", 0, 10)
    with pytest.raises(NotFoundError, match="ChatApplication not found"):
        await search.search_messages("0" * 32, 1, "ha", 0, 10)
