"""What pages cost in SQLite."""

from __future__ import annotations

import re
from contextlib import closing

import apsw
import pytest

from parley.database.named import load_queries
from parley.database.session import File, connect
from parley.domain.events import NUMBER_LIMIT
from tests.support.ports import Ports

PAGES = {
    "messages_after": ("t", 5, 77, 51),
    "messages_before": ("t", 5, 77, 51),
    "bodies_after": (5 << 32, 5 << 32 | NUMBER_LIMIT, 500),
    "chats_after": ("t", 5, 51),
    "chats_before": ("t", 5, 51),
    "applications_after": (5, 51),
    "applications_before": (5, 51),
    "documents_after": (5 << 32, 500),
    "get_chat": ("t", 1),
    "get_message": ("t", 5, 1),
    "find_chat": ("t", 1),
    "find_application": ("t",),
}

GATHERING = re.compile(r"CORRELATED SCALAR SUBQUERY|CO-ROUTINE|SCAN \(subquery")
"""How what was found becomes one array."""


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_one_range_search(ports: Ports, name: str) -> None:
    """SQLite says so itself: a SEARCH by key, no scan of a table and no sort; of what was found one array is made."""
    query = load_queries("parley.storage", "sql", "sqlite")[name]

    with closing(connect(File(ports.file), read_only=True)) as session:
        plan = [row[3] for row in session.execute(f"explain query plan {query}", PAGES[name])]

    assert [step for step in plan if not step.startswith("SEARCH") and not GATHERING.match(step)] == []
    assert any(step.startswith("SEARCH") for step in plan)


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_binding_is_no_reason_to_plan_anew(ports: Ports, read_only: bool) -> None:  # noqa: FBT001
    """Every connection has SQLite keep its plans: planning a join takes longer than reading by it."""
    with closing(connect(File(ports.file), read_only=read_only)) as session:
        assert session.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1)
