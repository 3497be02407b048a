"""What work on a history costs, asked over HTTP: one figure for each kind of request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from benchmarks.history.asking import Latencies, get, post, time_all
from benchmarks.history.shape import LARGE, NewChat, Place, large_of
from benchmarks.history.sites import Serving
from benchmarks.history.words import Talk

ASKED: Final = 1_000
WARMUPS: Final = 100
SEARCHED: Final = 200
PAGE: Final = 50


class Asked(NamedTuple):
    """A kind of request: which service it goes to, the requests, and how many of them warm up."""

    url: str
    requests: Sequence[bytes]
    warmups: int = WARMUPS


class History(NamedTuple):
    """What is stored: what people say, the applications' tokens, the ordinary chats, and all messages' number."""

    talk: Talk
    tokens: Sequence[str]
    chats: Sequence[NewChat]
    messages: int

    def path(self, place: Place) -> str:
        """Give a chat's path."""
        return f"/api/v1/applications/{self.tokens[place.application]}/chats/{place.number}"


def measure(serving: Serving, history: History, *, searches: bool = True) -> dict[str, Latencies]:
    """Time every kind of request, reads first; ``searches`` only where all is indexed."""
    return {
        name: time_all(asked.url, asked.requests, warmups=asked.warmups)
        for name, make in KINDS.items()
        if searches or "search" not in name
        for asked in [make(serving, history, Random(name))]  # noqa: S311 - the same every time
    }


def last_page(history: History) -> bytes:
    """Ask for the page that ends with the large chat's last message."""
    return get(f"{history.path(LARGE)}/messages", limit=PAGE, before=large_of(history.messages) + 1)


def first_page(history: History) -> bytes:
    """Ask for the page of the large chat's first messages."""
    return get(f"{history.path(LARGE)}/messages", limit=PAGE)


def first_page_from_above(history: History) -> bytes:
    """Ask for the same page as the last one is asked for: by what comes after it."""
    return get(f"{history.path(LARGE)}/messages", limit=PAGE, before=PAGE + 1)


def _first_pages(serving: Serving, history: History, _: Random) -> Asked:
    return Asked(serving.api, [first_page(history)] * (WARMUPS + ASKED))


def _last_pages(serving: Serving, history: History, _: Random) -> Asked:
    return Asked(serving.api, [last_page(history)] * (WARMUPS + ASKED))


def _pages(serving: Serving, history: History, rng: Random) -> Asked:
    chats = rng.choices(history.chats, k=WARMUPS + ASKED)
    return Asked(serving.api, [get(f"{history.path(chat.place)}/messages", limit=PAGE) for chat in chats])


def _messages(serving: Serving, history: History, rng: Random) -> Asked:
    chats = rng.choices(history.chats, k=WARMUPS + ASKED)
    paths = [f"{history.path(chat.place)}/messages/{rng.randint(1, chat.messages)}" for chat in chats]
    return Asked(serving.api, list(map(get, paths)))


def _chats(serving: Serving, history: History, rng: Random) -> Asked:
    chats = rng.choices(history.chats, k=WARMUPS + ASKED)
    return Asked(serving.api, [get(history.path(chat.place)) for chat in chats])


def _applications(serving: Serving, history: History, rng: Random) -> Asked:
    tokens = rng.choices(history.tokens, k=WARMUPS + ASKED)
    return Asked(serving.api, [get(f"/api/v1/applications/{token}") for token in tokens])


def _chat_pages(serving: Serving, history: History, rng: Random) -> Asked:
    tokens = rng.choices(history.tokens, k=WARMUPS + ASKED)
    return Asked(serving.api, [get(f"/api/v1/applications/{token}/chats", limit=PAGE) for token in tokens])


def _searches_large(serving: Serving, history: History, rng: Random) -> Asked:
    return _searches(serving, history, rng, [LARGE] * SEARCHED)


def _searches_any(serving: Serving, history: History, rng: Random) -> Asked:
    return _searches(serving, history, rng, [chat.place for chat in rng.choices(history.chats, k=SEARCHED)])


def _searches(serving: Serving, history: History, rng: Random, places: Sequence[Place]) -> Asked:
    paths = [f"{history.path(place)}/messages/search" for place in places]
    return Asked(serving.api, [get(path, q=history.talk.quote(rng)) for path in paths], 0)


def _creates(serving: Serving, history: History, rng: Random) -> Asked:
    (chat,) = rng.sample(history.chats, 1)
    return Asked(serving.write, [_create(history, chat)] * (WARMUPS + ASKED))


def _cold_creates(serving: Serving, history: History, rng: Random) -> Asked:
    chats = rng.sample(history.chats, min(ASKED, len(history.chats)))
    return Asked(serving.write, [_create(history, chat) for chat in chats], 0)


def _create(history: History, chat: NewChat) -> bytes:
    return post(f"{history.path(chat.place)}/messages", {"body": "written while this was measured"})


KINDS: Final[Mapping[str, Callable[[Serving, History, Random], Asked]]] = {
    "first page of the large chat": _first_pages,
    "last page of the large chat": _last_pages,
    "first page of any chat": _pages,
    "single message": _messages,
    "chat and its count": _chats,
    "application and its count": _applications,
    "page of chats": _chat_pages,
    "search in the large chat": _searches_large,
    "search in any chat": _searches_any,
    "create in one chat": _creates,
    "create in chats that nobody touched": _cold_creates,
}
"""In this order."""
