"""What pages cost in MySQL."""

from __future__ import annotations

import pytest

from parley.domain.events import ChatCreated, MessagesPosted
from parley.domain.model import Draft
from parley.storage.mysql import queries
from tests.support.mysql_house import House

TOKEN = b"the token"
"""Stands for that of the application in `filled`."""

PAGES: dict[str, tuple[object, ...]] = {
    "get_message": (1, 100, TOKEN),
    "messages_after": (TOKEN, TOKEN, 1, 100, TOKEN, TOKEN, 1, 100, 51),
    "messages_before": (TOKEN, TOKEN, 1, 9_000, TOKEN, TOKEN, 1, 9_000, 51),
    "empty_page": (0, 100, 1, TOKEN),
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
async def filled(house: House) -> tuple[House, str]:
    """Give a database with some rows in every table, and an application's token."""
    token = await house.add_application()
    for _ in range(10):
        await house.persist(*(house.say(token, None, ChatCreated()) for _ in range(50)))
    for _ in range(10):
        bulk = MessagesPosted(tuple(Draft("a") for _ in range(1_000)))
        await house.persist(house.say(token, 1, bulk), house.post((token, 2), "b"))
    await house.sql("analyze table message, chat, application, idempotency_key")
    return house, token


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_one_range_of_an_index(filled: tuple[House, str], name: str) -> None:
    """The server says so itself: a range or a reference, no scan of a table and no sort; messages by their own key."""
    house, token = filled
    bindings = [token.encode() if each is TOKEN else each for each in PAGES[name]]
    plan = await house.sql(f"explain format=traditional {queries()[name]}", *bindings)
    further = len(plan[0]) > MARIADB_COLUMNS  # MySQL tells of partitions first
    tables = [(row[2], row[3 + further], row[5 + further], row[-1]) for row in plan]

    for table, kind, key, extra in tables:
        assert kind in {"range", "ref", "eq_ref", "const"} or table is None, plan
        assert table not in {"m", "message"} or key == "PRIMARY", plan
        assert "filesort" not in (extra or ""), plan
        assert "temporary" not in (extra or ""), plan
