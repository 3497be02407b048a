"""Shares, and requests as bytes."""

from __future__ import annotations

import json
from collections import Counter

import httpx
import pytest

from parley.cli.benching.book import Book
from parley.cli.benching.mix import BODIES, CREATE, PAGE, READ, Mix, Request, falls_in, texts
from parley.cli.benching.plan import Plan, services_of

APPLICATION = "/api/v1/applications/token"


def made(
    count: int, url: str = "http://chat.example.org:3000", *, reads: int = 0, keys: int = 0, size: int = 20
) -> list[Request]:
    """Make requests of a mix over 3 chats with the numbers 1 to 9."""
    plan = Plan(httpx.URL(url), httpx.URL("http://127.0.0.1:8080"), 1, 1, None, reads, keys, size, chats=3)
    book = Book(plan.chats)
    for chat in book.chats:
        for number in range(1, 10):
            book.acknowledge(chat, number)
    mix = Mix(plan, services_of(plan), APPLICATION, book)
    return [mix.next() for _ in range(count)]


@pytest.mark.parametrize("percent", [0, 1, 7, 50, 60, 99, 100])
def test_share_is_exact_in_every_hundred(percent: int) -> None:
    """Wherever the hundred begins."""
    for begin in (0, 1, 37, 100, 12_345):
        assert sum(falls_in(percent, index) for index in range(begin, begin + 100)) == percent


def test_share_is_spread_evenly() -> None:
    """Ten of a hundred come one in ten, not ten in a row."""
    assert [sum(falls_in(10, index) for index in range(begin, begin + 10)) for begin in range(0, 100, 10)] == [1] * 10


def test_reads_and_keys_have_their_shares() -> None:
    """Keys are a share of the creates, not of all; single messages and pages take turns."""
    requests = made(1000, reads=40, keys=25)

    assert Counter(request.operation for request in requests) == {CREATE: 600, READ: 200, PAGE: 200}
    assert sum(b"Idempotency-Key: " in request.data for request in requests) == 150
    assert {request.is_write for request in requests if request.operation == CREATE} == {True}
    assert {request.is_write for request in requests if request.operation != CREATE} == {False}


def test_no_key_comes_twice() -> None:
    """A repeat would be answered without storing anything."""
    keys = [request.data.split(b"Idempotency-Key: ")[1].split(b"\r\n")[0] for request in made(5000, keys=100)]

    assert len(set(keys)) == 5000


def test_create_is_a_whole_request() -> None:
    """The head says how long the body is; chats take turns."""
    requests = made(4, size=20)

    assert [request.chat for request in requests] == [1, 2, 3, 1]
    head, body = requests[1].data.split(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    assert line == "POST /api/v1/applications/token/chats/2/messages HTTP/1.1"
    assert "Host: 127.0.0.1:8080" in fields
    assert f"Content-Length: {len(body)}" in fields
    assert len(json.loads(body)["body"]) == 20


def test_reads_ask_for_what_was_acknowledged() -> None:
    """Below the address's own path, a percent sign in it included."""
    single, page = made(2, "http://chat.example.org/a%20b/", reads=100)

    assert single.data.startswith(b"GET /a%20b/api/v1/applications/token/chats/1/messages/")
    assert 1 <= int(single.data.split(b" ")[1].rpartition(b"/")[2]) <= 9
    assert page.data.startswith(
        b"GET /a%20b/api/v1/applications/token/chats/1/messages?before=9223372036854775807&limit=50 "
    )
    for request in (single, page):
        assert b"\r\nHost: chat.example.org\r\n" in request.data
        assert request.data.endswith(b"\r\n\r\n")
        assert request.data.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize("size", [1, 2, 100, 65_535])
def test_texts_have_the_size_and_are_never_blank(size: int) -> None:
    """In bytes, which are letters and spaces here; none begins or ends with a space."""
    found = texts(size)

    assert [len(text.encode()) for text in found] == [size] * BODIES
    assert all(text == text.strip() for text in found)
    assert found == texts(size)
