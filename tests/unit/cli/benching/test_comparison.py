"""A comparison with a deployment that asks for patience, and one that asks for too much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import msgspec
import pytest

from parley.cli.benching import throwaway
from parley.cli.benching.book import Book
from parley.cli.benching.comparison import compare
from parley.cli.benching.throwaway import Throwaway

CHATS = "/api/v1/applications/a/chats"


class Answers:
    """Answers of an application's chats: what each has stored, and how often each is busy before it can be read."""

    def __init__(self, stored: Mapping[int, list[int]], busy: Mapping[int, int]) -> None:
        """Nobody has asked yet."""
        self.asked: list[str] = []
        self._stored = stored
        self._busy = dict(busy)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.asked.append(f"{request.method} {request.url.path}")
        if request.method == "POST":
            return httpx.Response(201, content=b'{"token":"a"}')
        if request.url.path == CHATS:
            return found([{"number": chat, "messages_count": len(there)} for chat, there in self._stored.items()])
        if request.method == "DELETE":
            return httpx.Response(204)
        chat = int(request.url.path.removeprefix(f"{CHATS}/").partition("/")[0])
        if self._busy.get(chat):
            self._busy[chat] -= 1
            return httpx.Response(503, headers={"Retry-After": "0"}, content=b'{"error":"The log is away"}')
        return found([{"number": number} for number in self._stored[chat]])


def found(rows: list[dict[str, int]]) -> httpx.Response:
    """Answer with a page that is the last."""
    return httpx.Response(200, content=msgspec.json.encode(rows))


@contextmanager
def application(answers: Answers) -> Iterator[Throwaway]:
    """Give the application whose chats answer so."""
    with (
        httpx.Client(base_url="http://parley.test", transport=httpx.MockTransport(answers)) as client,
        Throwaway(client, {}, "parley bench") as made,
    ):
        yield made


def doubtful_book(chats: int) -> Book:
    """Give a book of chats whose numbers are 1 and 3, beside one create of unknown outcome each."""
    book = Book(chats)
    for chat in book.chats:
        book.unsettled[chat] = 1
        for number in (1, 3):
            book.acknowledge(chat, number)
    return book


def test_chat_that_is_busy_for_a_moment_is_read_again() -> None:
    """The others are read as well, and what is missing is named."""
    answers = Answers({1: [1, 3], 2: [1, 2], 3: [1, 2, 3]}, busy={1: 2, 3: 1})
    with application(answers) as made:
        messages = compare(made, doubtful_book(3))

    assert messages.findings == ["chat 2: acknowledged messages are gone; missing: 3"]
    assert answers.asked.count(f"GET {CHATS}/1/messages") == 3


def test_chat_that_stays_busy_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor are those after it, which are not waited for; what was found before is told."""
    monkeypatch.setattr(throwaway, "_PATIENCE_S", 0.3)
    answers = Answers({1: [1, 2], 2: [1, 3], 3: [1, 3], 4: [1, 3]}, busy={3: 1000})
    with application(answers) as made:
        messages = compare(made, doubtful_book(4))

    assert messages.findings == [
        "chat 1: acknowledged messages are gone; missing: 3",
        "chat 3, 4: not proven, for it could not be read: The log is away",
    ]
    assert (messages.complete, messages.counted) == (False, 8)
    assert answers.asked.count(f"GET {CHATS}/3/messages") > 1
    assert f"GET {CHATS}/4/messages" not in answers.asked
