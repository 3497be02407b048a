"""What pages cost in SQLite."""

from __future__ import annotations

import re
from contextlib import closing
from itertools import pairwise

import apsw
import pytest

from parley.database.named import load_queries
from parley.database.session import File, Session, connect
from parley.database.sqlite import Database
from parley.domain.events import NUMBER_LIMIT
from parley.storage.sqlite.changes import SqliteChanges
from tests.support.ports import Ports, posted

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


async def test_a_reading_of_changes_is_bounded_by_what_they_touch(ports: Ports) -> None:
    """However many are left: a follower far behind goes on where all that it has to read is more than SQLite takes."""
    chat = await ports.add_chat()
    for _ in range(20):
        await ports.take(posted(chat, *"a" * 100))
    all_of_them = await ports.changes.read({}, 10_000)
    database = Database(File(ports.file), load_queries("parley.storage", "sql", "sqlite"), readers=1)
    changes = SqliteChanges(database)

    await database.read(lambda session: session.limit(apsw.SQLITE_LIMIT_LENGTH, 8_000))
    first = await changes.read({}, 250)
    one = await changes.read({}, 1)
    rest = await changes.read({first[-1].partition: first[-1].position}, 250)
    database.close()

    assert [len(change.keys) for change in first] == [0, 100, 100, 100]
    assert one == first[:1]
    assert first + rest == all_of_them[:7]
    assert len(all_of_them) == 21


async def test_changes_are_forgotten_a_slice_a_transaction(ports: Ports) -> None:
    """What a follower passes at once after a rebuild is not one transaction, which all writes would wait for."""
    chat = await ports.add_chat()
    for _ in range(600):
        await ports.take(posted(chat, "a"))
    ends = await ports.changes.ends()
    database = Database(File(ports.file), load_queries("parley.storage", "sql", "sqlite"), readers=1)
    touched = list[int]()

    def watch(session: Session) -> None:
        def note() -> bool:
            touched.append(session.total_changes())
            return False

        session.set_commit_hook(note)

    await database.write(watch)
    await SqliteChanges(database).passed("search", ends)
    database.close()

    slices = [later - earlier for earlier, later in pairwise(touched)]
    assert await ports.count("change") == 0
    assert max(slices) <= 250 + len(ends)
    assert sum(slices) == 601 + len(ends)
