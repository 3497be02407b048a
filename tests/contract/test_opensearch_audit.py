"""What ``parley check`` reads of an index in a search engine: one state, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

import pytest

from parley.domain.documents import Document
from parley.domain.errors import ConfigurationError
from parley.domain.events import Position
from parley.search import open_index_audit, open_search
from parley.search.opensearch import asking
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.indexes import Place, own_place

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")

REACHED = {0: Position(1, 5), 3: Position(2, 2**62)}
LAST_NUMBER = 2**32 - 1


@pytest.fixture
def place(opensearch_server: OpenSearchServer) -> Iterator[Place]:
    """Give a prefix of the test's own."""
    with own_place(opensearch_server) as made:
        yield made


def put(place: Place, documents: Sequence[Document], positions: Mapping[int, Position] = REACHED) -> None:
    """Index as another process."""

    async def work() -> None:
        index = open_search(f"{place.url}?shards=2")
        await index.start()
        await index.index(documents, positions)
        await index.close()

    asyncio.run(work())


def message(chat: int, number: int, body: str | None = "body") -> Document:
    """Give a message of the chat's own application."""
    return Document(chat, number, body, chat, 1)


def test_an_operator_reads_live_messages_by_chat_and_number(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tombstones and the positions are no messages; pages of any size give the same, and what was given again too."""
    monkeypatch.setattr(asking, "_MOST_HITS", 7)
    live = [(chat, number) for chat in (9, 2, 10, 2**31 - 1) for number in (*range(1, 12), LAST_NUMBER)]
    put(place, [*(message(*each) for each in live), message(2, 20, None), message(3, 1, None)])
    expected = sorted(chat << 32 | number for chat, number in live)

    audit = open_index_audit(place.url)

    assert audit is not None
    with closing(audit):
        assert (audit.positions(), audit.integrity()) == (REACHED, [])
        assert audit.documents(0, 5) == expected[:5]
        assert audit.documents(0, 9) == expected[:9]
        assert audit.documents(expected[3], 10) == expected[4:14]
        assert audit.documents(expected[20] - 1, 10) == expected[20:30]
        assert audit.documents(expected[30], 99) == expected[31:]
        assert audit.documents(expected[-1], 99) == []


def test_an_operator_sees_one_state_while_writes_go_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is indexed or removed after the check began is not seen."""
    monkeypatch.setattr(asking, "_MOST_HITS", 2)
    put(place, [message(2, number) for number in range(1, 8)])
    audit = open_index_audit(place.url)
    assert audit is not None
    with closing(audit):
        put(place, [message(2, 8), message(2, 0, None)], {0: Position(1, 9)})

        assert audit.documents(0, 99) == [2 << 32 | number for number in range(1, 8)]
        assert audit.positions() == REACHED


def test_an_operator_is_told_that_there_is_no_index_yet(place: Place) -> None:
    """Looking for it makes none."""
    assert open_index_audit(place.url) is None

    assert place.indexes() == []


def test_an_operator_is_told_that_the_index_is_being_made(place: Place) -> None:
    """An index without positions is incomplete, as the same of a file is."""
    put(place, [message(2, 1)], {})

    audit = open_index_audit(place.url)

    assert audit is not None
    with closing(audit):
        assert audit.positions() == {}


def test_an_operator_is_told_that_the_engine_is_away() -> None:
    """The check of the index is what fails, with a sentence."""
    with pytest.raises(ConfigurationError, match="does not answer"):
        open_index_audit("http://127.0.0.1:1/absent")
