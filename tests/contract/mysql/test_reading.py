"""What pages cost in MySQL."""

from __future__ import annotations

import pytest

from parley.domain.events import ChatCreated, MessagesPosted
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
