"""The search port's contract, for every adapter through the door that production uses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from random import Random

import pytest

from parley.domain.documents import WHOLE_CHAT, ChatId, Document
from parley.domain.errors import UnavailableError
from parley.domain.events import Position
from parley.domain.text import fold
from parley.search import ADAPTERS, open_search
from parley.search.port import SearchIndex
from tests.support.data import data_folder
from tests.support.indexes import AT_ONCE, own_place
from tests.support.oracle import matches
from tests.support.replay import read_lines

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")  # of the driver's, in 3.13

SCHEMES = {"sqlite": [], "http": [pytest.mark.servers]}
"""One of each adapter, with the marks of its tests."""

APPLICATION = 3
CHAT = 7
NEIGHBOURS = (CHAT - 1, CHAT + 1)
LAST_NUMBER = 2**32 - 1
START = {0: Position(1, 0)}
Url = Callable[[], str]
fold_once = cache(fold)

EDGES = [
    "family 👨‍👩‍👧‍👦 of four",
    "two 👩 👧 apart",
    "İstanbul and istanbul and ISTANBUL",
    "STRASSE straße strasse",
    "ﬁne ﬂow fine flow",
    "Ångström A\u030angstro\u0308m \u212bngstrom",
    "cafe\u0301 café CAFÉ cafe",
    "ΣΊΣΥΦΟΣ σίσυφος ς",
    "a*b?c\\d%e_f\"g'h",
    "tab\there new\nline carriage\rreturn",
    "x" * 9_000,
    "日本語のテスト世界は広い",
    "한국어 검색 \u1112\u1161\u11ab\u1100\u116e\u11a8",
    'say "hello" ""twice""',
    "this AND that OR other NOT those NEAR(a b, 3) col:umn ^first pre*",
    "nul\0inside the\0body",
    "\ufeffbom \u200bzero\u200dwidth",
    "🍣🍣🍣 not 🍺🍺🍺",
    "مرحبا بالعالم",
    "привет ПРИВЕТ Привет",
    "the the the the the the",
    "-- ; drop table body; /* */",
    "[](){}<>|&^~`$#@!",
]


@pytest.fixture(params=[pytest.param(scheme, marks=marks) for scheme, marks in SCHEMES.items()])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Url]:
    """Where this test's own index lies, for opening it as often as it likes."""
    if request.param == "sqlite":
        yield lambda: f"sqlite://{tmp_path}/search.db"
        return
    with own_place(request.getfixturevalue("opensearch_server")) as place:
        yield lambda: place.url + AT_ONCE


@pytest.fixture
async def index(url: Url) -> AsyncIterator[SearchIndex]:
    """Open an empty index, ready to answer."""
    opened = await start(url())
    await opened.index([], START)
    yield opened
    await opened.close()


async def start(url: str) -> SearchIndex:
    """Open and start an index, as a process does."""
    opened = open_search(url)
    await opened.start()
    return opened


def document(number: int, body: str | None, chat: int = CHAT, version: int = 1) -> Document:
    """Give a state of a message."""
    return Document(chat, number, body, APPLICATION, version)


def documents(bodies: Iterable[str], version: int = 1) -> list[Document]:
    """Give the bodies as messages, numbered from 1."""
    return [document(number, body, version=version) for number, body in enumerate(bodies, 1)]


async def find(
    index: SearchIndex, bodies: dict[int, str], text: str, chat_id: int = CHAT, limit: int = 50
) -> list[int]:
    """Search to the end as a query does: take candidates page by page, verify each on the stored body."""
    folded, after, found = fold(text), 0, list[int]()
    while True:
        numbers, following = await index.candidates(ChatId(APPLICATION, chat_id), folded, after, limit)
        assert numbers == sorted(set(numbers))
        assert len(numbers) <= limit
        found += [number for number in numbers if number in bodies and folded in fold_once(bodies[number])]
        if following is None:
            return found
        assert following > after
        after = following


async def numbers(index: SearchIndex, text: str, chat_id: int = CHAT) -> list[int]:
    """Give the first candidates."""
    return (await index.candidates(ChatId(APPLICATION, chat_id), fold(text), 0, 50)).numbers


def pieces(text: str, shortest: int, longest: int) -> Iterable[str]:
    """Cut every stretch of those lengths out of a text."""
    for start in range(len(text)):
        for length in range(shortest, longest + 1):
            if start + length <= len(text):
                yield text[start : start + length]


def random_queries(rng: Random, bodies: list[str], count: int, shortest: int) -> Iterable[str]:
    """Draw stretches of bodies, the same spoilt, stretches glued of two, and repeated phrases."""
    while count:
        body, other = rng.choice(bodies), rng.choice(bodies)
        length = rng.randint(shortest, 12)
        start = rng.randrange(max(1, len(body) - length + 1))
        drawn = body[start : start + length]
        kind = rng.randrange(8)
        if kind == 0:
            drawn = drawn[: length // 2] + other[: length - length // 2]
        elif kind == 1:
            drawn = drawn[:-1] + rng.choice("qzx~é世🍣")
        elif kind == 2:
            drawn = " ".join([drawn.split(" ")[0]] * 3)
        elif kind == 3:
            drawn = rng.choice((drawn.upper(), drawn.lower(), drawn.swapcase()))
        if len(fold(drawn)) >= shortest:
            count -= 1
            yield drawn


def test_every_adapter_is_held_against_this_contract() -> None:
    """A URL form that is offered is tested here, or is another of these behind TLS."""
    assert {ADAPTERS[scheme] for scheme in SCHEMES} == set(ADAPTERS.values())


@pytest.mark.parametrize(("folder", "seed"), [("gitter-rooms", 1), ("ubuntu-irc", 2)])
async def test_a_searcher_finds_what_the_naive_model_finds(index: SearchIndex, folder: str, seed: int) -> None:
    """1,000 random queries on a real chat set differ nowhere from folding and looking through all bodies."""
    rng = Random(seed)
    lines = read_lines(data_folder() / folder / "messages.jsonl")
    bodies: dict[int, str] = {number: line["body"] for number, line in enumerate(lines, 1) if line["body"]}
    everything = [document(number, body) for number, body in bodies.items()]
    rng.shuffle(everything)
    for start in range(0, len(everything), 2_000):
        batch = everything[start : start + 2_000]
        await index.index([*batch, *(each._replace(chat_id=chat) for chat in NEIGHBOURS for each in batch[::4])], START)
    folded = {number: fold(body) for number, body in bodies.items()}

    queries = random_queries(rng, list(bodies.values()), 1_000, index.shortest)

    for query in [*queries, "the the the", "   ", "http://"]:
        expected = [number for number, body in folded.items() if fold(query) in body]

        assert await find(index, bodies, query, limit=5_000) == expected, query


async def test_a_searcher_finds_every_stretch_of_awkward_texts(index: SearchIndex) -> None:
    """Emoji, case that changes length, marks, wildcards, quotes, operators and NUL are plain text."""
    bodies = dict(enumerate(EDGES, 1))
    await index.index(documents(EDGES), START)

    for body in EDGES:
        for query in set(pieces(body[:120], index.shortest, longest=9)):
            if len(fold(query)) >= index.shortest and fold(query) in fold(body):
                expected = [number for number, stored in bodies.items() if fold(query) in fold(stored)]
                assert await find(index, bodies, query) == expected, query


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("istanbul", [3]), ("STRASSE", [4]), ("straße", [4]), ("fine", [5]), ("ﬁne", [5]), ("ångström", [6]),
        ("CAFÉ", [7]), ("σίσυφοσ", [8]), ("a*b", [9]), ("b?c\\d%e_f\"g'h", [9]), ("b here", []),
        ("tab\there new\nline", [10]),
        ("x" * 200, [11]), ("x" * 9_000, [11]), ("x" * 9_001, []), ("世界は", [12]), ("한국어", [13]),
        ('"hello"', [14]), ("AND that OR", [15]), ("near(a b, 3)", [15]), ("col:umn", [15]), ("pre*", [15]),
        ("that AND this", []),
        ("nul\0inside", [16]), ("body", [16, 22]), ("🍣🍣🍣", [18]), ("🍣🍣🍺", []), ("привет п", [20]),
        ("the the the the", [21]), ("👨\u200d👩", [1]), ("👩 👧", [2]),
    ],
)  # fmt: skip
async def test_a_searcher_gets_the_answers_written_by_hand(index: SearchIndex, query: str, hits: list[int]) -> None:
    """The naive model is believed because these answers were written without it."""
    bodies = dict(enumerate(EDGES, 1))
    await index.index(documents(EDGES), START)

    found = await find(index, bodies, query)

    assert found == hits == matches(bodies, query)


async def test_a_long_query_finds_its_message(index: SearchIndex) -> None:
    """200 code points, of which any part may be all that tells two messages apart."""
    rng = Random(5)
    text = "".join(rng.choice("abcdefgh ") for _ in range(200))
    bodies = {1: f"<{text}>", 2: f"<{text[:199]}>", 3: f"<{text[1:]}>", 4: f"<{text[:100]}#{text[101:]}>"}
    await index.index([document(number, body) for number, body in bodies.items()], START)

    assert await find(index, bodies, text) == [1]


async def test_a_page_ends_at_its_limit_and_goes_on_after_it(index: SearchIndex) -> None:
    """Candidates come lazily in ascending order, and ``next_after`` continues without a hole."""
    await index.index(documents(["needle"] * 7), START)

    first = await index.candidates(ChatId(APPLICATION, CHAT), "needle", 0, 3)
    second = await index.candidates(ChatId(APPLICATION, CHAT), "needle", 3, 3)
    third = await index.candidates(ChatId(APPLICATION, CHAT), "needle", 6, 3)

    assert (first, second, third) == (([1, 2, 3], 3), ([4, 5, 6], 6), ([7], None))


async def test_a_redelivered_document_stays_one(index: SearchIndex) -> None:
    """A follower may repeat any call, also with the documents in another order or twice in one call."""
    batch = documents(["alpha beta", "gamma delta"])

    for _ in range(3):
        await index.index([*batch, *reversed(batch)], START)

    assert await numbers(index, "alpha") == [1]
    assert await numbers(index, "gamma") == [2]


async def test_an_edited_message_is_found_by_its_new_body_only(index: SearchIndex) -> None:
    """A document replaces the one with its number."""
    await index.index(documents(["first words"]), START)

    await index.index(documents(["second thoughts"], version=2), START)

    assert await numbers(index, "first words") == []
    assert await numbers(index, "thoughts") == [1]


async def test_a_tombstone_removes_its_message(index: SearchIndex) -> None:
    """A removed message is no candidate, however often it is removed; its neighbours stay."""
    await index.index(documents(["needle one", "needle two", "needle three"]), START)

    for _ in range(2):
        await index.index([document(2, None, version=2), document(9, None, version=2)], START)

    assert await numbers(index, "needle") == [1, 3]


async def test_a_gone_chat_removes_its_messages_only(index: SearchIndex) -> None:
    """The whole chat goes, also what came in the same call; the chats beside it stay."""
    for chat in (CHAT, *NEIGHBOURS):
        await index.index([document(1, "needle", chat), document(LAST_NUMBER, "needle", chat)], START)

    await index.index([document(WHOLE_CHAT, None, version=2), document(2, "needle")], START)

    assert await numbers(index, "needle") == []
    assert [await numbers(index, "needle", chat) for chat in NEIGHBOURS] == [[1, LAST_NUMBER]] * 2


@pytest.mark.parametrize("after", [0, 1, LAST_NUMBER - 1, LAST_NUMBER, LAST_NUMBER + 1, 2**40, 2**63])
async def test_a_searcher_never_sees_another_chat(index: SearchIndex, after: int) -> None:
    """Whatever place a page continues from, only numbers of its own chat above it come."""
    for chat in (CHAT, *NEIGHBOURS):
        await index.index([document(number, "needle", chat) for number in (1, 2, LAST_NUMBER)], START)

    found = await index.candidates(ChatId(APPLICATION, CHAT), "needle", after, 50)

    assert found == ([number for number in (1, 2, LAST_NUMBER) if number > after], None)


@pytest.mark.parametrize(
    "misplaced",
    [
        document(LAST_NUMBER + 1, "needle"), document(-1, "needle"), document(2**63, "needle"),
        document(1, "needle", 0), document(1, "needle", 2**31), document(1, "lone \ud800 surrogate needle"),
    ],
)  # fmt: skip
async def test_a_follower_is_told_of_a_document_without_a_place(index: SearchIndex, misplaced: Document) -> None:
    """A number beyond its bounds would be another chat's; nothing of such a call is stored."""
    with pytest.raises(ValueError, match=r"."):
        await index.index([*documents(["needle"]), misplaced], {0: Position(1, 5)})

    for chat in (CHAT, *NEIGHBOURS):
        assert await numbers(index, "needle", chat) == []
    assert await index.positions() == START


async def test_a_follower_gets_back_its_positions_with_the_documents(url: Url) -> None:
    """What one call stored, documents and positions, is there after the index was closed and opened."""
    index = await start(url())
    await index.index(documents(["needle"]), {0: Position(1, 5), 3: Position(2, 2**62)})
    await index.index([], {0: Position(1, 6)})
    await index.close()

    index = await start(url())

    assert await index.positions() == {0: Position(1, 6), 3: Position(2, 2**62)}
    assert await numbers(index, "needle") == [1]
    await index.close()


async def test_a_searcher_is_refused_until_the_index_was_built(url: Url) -> None:
    """An index without positions holds some of the messages at most, so it gives no answer at all."""
    index = await start(url())
    await index.index(documents(["needle"]), {})

    with pytest.raises(UnavailableError) as refused:
        await index.candidates(ChatId(APPLICATION, CHAT), "needle", 0, 50)

    assert refused.value.code == "search_unavailable"
    assert await index.positions() == {}
    await index.close()


async def test_a_follower_starts_over_after_clearing(index: SearchIndex) -> None:
    """Clearing forgets documents and positions, and the index works on."""
    await index.index(documents(["needle"]), {0: Position(1, 5)})

    await index.clear()

    assert await index.positions() == {}
    await index.index(documents(["other", "needle"]), START)
    assert await numbers(index, "needle") == [2]


async def test_a_follower_sees_by_its_name_that_an_index_was_emptied(index: SearchIndex) -> None:
    """What is indexed leaves the name as it is."""
    await index.positions()
    before = await index.name()
    await index.index(documents(["needle"]), START)
    await index.positions()
    filled = await index.name()

    await index.clear()
    cleared = await index.name()
    await index.positions()

    assert before == filled != cleared == await index.name()


async def test_a_searcher_with_too_short_a_text_is_a_mistake(index: SearchIndex) -> None:
    """Below its shortest text the index would find nothing, which would be a wrong answer."""
    with pytest.raises(ValueError, match="too few"):
        await index.candidates(ChatId(APPLICATION, CHAT), "x" * (index.shortest - 1), 0, 50)


async def test_an_index_answers_a_ping(index: SearchIndex) -> None:
    """A ping returns while the index answers."""
    await index.ping()
