"""What pages cost in MySQL, and that every text comes back."""

from __future__ import annotations

import sys

import pytest

from parley.domain.cursors import Window
from parley.domain.documents import Document
from parley.domain.events import ChatCreated, ChatDeleted, MessageDeleted, MessageEdited, MessagesPosted
from parley.domain.model import Draft
from parley.storage.mysql import queries
from tests.support.mysql_house import House

PAGES = {
    "messages_after": (1, 4, 100, 51),
    "messages_before": (1, 4, 9_000, 51),
    "bodies_after": (1, 4, 100, 500),
    "pick_messages": (1, 4, (5, 77, 9_001)),
    "chats_after": (1, 5, 51),
    "chats_before": (1, 500, 51),
    "applications_after": (0, 51),
    "applications_before": (2**40, 51),
    "walk_one": (1, 4, 5, 500),
    "keys_from": (1, 1, b"messages", b"messages", b"x", 100),
    "changes_after": (0, 1, 5, 1, 100),
    "chat_to_erase": (),
    "application_to_erase": (),
    "unclosed": (100,),
}

MARIADB_COLUMNS = 10


@pytest.fixture
async def filled(house: House) -> House:
    """Give a database with some rows in every table."""
    token = await house.add_application()
    for _ in range(10):
        await house.persist(*(house.say(token, None, ChatCreated()) for _ in range(50)))
    for _ in range(10):
        bulk = MessagesPosted(tuple(Draft("a") for _ in range(1_000)))
        await house.persist(house.say(token, 1, bulk), house.post((token, 2), "b"))
    await house.sql("analyze table message, chat, application, idempotency_key")
    return house


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_one_range_of_an_index(filled: House, name: str) -> None:
    """The server says so itself: a range or a reference, no scan of a table and no sort."""
    plan = await filled.sql(f"explain format=traditional {queries()[name]}", *PAGES[name])
    further = len(plan[0]) > MARIADB_COLUMNS  # MySQL tells of partitions first
    tables = [(row[3 + further], row[5 + further], row[-1]) for row in plan]

    for kind, key, extra in tables:
        assert kind in {"range", "ref", "eq_ref", "const"} or key is None, plan
        assert "filesort" not in (extra or ""), plan
        assert "temporary" not in (extra or ""), plan
    if name.startswith(("messages", "bodies", "pick", "walk_one")):
        assert {key for _, key, _ in tables} == {"PRIMARY"}


async def test_every_character_comes_back(house: House) -> None:
    """All of Unicode but NUL and lone surrogates, through an insert and through an edit: one code point for one."""
    points = [chr(n) for n in range(1, sys.maxunicode + 1) if not 0xD800 <= n < 0xE000]
    texts = ["".join(points[first : first + 15_000]) for first in range(0, len(points), 15_000)]
    texts += [" a ", "1", "null", '"', "\\u0000", "\\", "%s", "e\u0301", "\ufeff", "\x1f\x7f\u2028", "'; drop table"]
    token = await house.add_application()
    await house.persist(*(house.say(token, None, ChatCreated(text)) for text in texts))
    await house.persist(house.say(token, 1, MessagesPosted(tuple(Draft(text, text, text) for text in texts))))
    await house.persist(*(house.post((token, 2), "a") for _ in texts))
    await house.persist(*(house.say(token, 2, MessageEdited(text), n) for n, text in enumerate(texts, 1)))

    page = await house.storage.page_messages(token, 1, Window(limit=200))
    edited = await house.storage.page_messages(token, 2, Window(limit=200))
    chats = await house.storage.page_chats(token, Window(limit=200))

    assert [(each.body, each.sender, each.metadata) for each in page.items] == [(text, text, text) for text in texts]
    assert [each.body for each in edited.items] == texts
    assert [each.title for each in chats.items] == texts


@pytest.mark.parametrize("token", ["", "é", "0" * 32, "x" * 1_000, "' or 1 = 1 -- "])
async def test_a_strange_token_is_nobodys(house: House, token: str) -> None:
    """Nor is a real one with a space behind it or in capitals: names are bytes."""
    (real, chat), other = await house.add_chat("a"), await house.add_application()

    for wrong in (token, f"{real} ", real.upper() if real.upper() != real else f" {real}", real[:-1], f"{other}\0"):
        found = await house.sql("select 1 from application where token = %s", wrong.encode())
        assert found == []
        with pytest.raises(Exception, match="ChatApplication not found"):
            await house.storage.get_message(wrong, chat, 1)


async def test_a_rebuild_walks_over_large_and_small_chats(house: House) -> None:
    """In any slices: each live message once, in order."""
    token = await house.add_application()
    await house.persist(*(house.say(token, None, ChatCreated()) for _ in range(12)))
    sizes = [0, 5, 1, 0, 30, 2, 3, 1, 40, 0, 7, 1]
    for chat, size in enumerate(sizes, 1):
        if size:
            await house.persist(house.post((token, chat), *(f"{chat}-{n}" for n in range(1, size + 1))))
    await house.persist(house.say(token, 6, ChatDeleted()), house.say(token, 5, MessageDeleted(), 7))
    expected = [f"{chat}-{n}" for chat, size in enumerate(sizes, 1) if chat != 6 for n in range(1, size + 1)]
    expected.remove("5-7")

    for limit in (1, 2, 7, 33, 1_000):
        walked, after = list[Document](), (0, 0)
        while documents := await house.changes.walk(after, limit):
            walked += documents
            after = documents[-1].chat_id, documents[-1].number

        assert [document.body for document in walked] == expected
        assert all(document.version and document.application_id for document in walked)
