"""The loader of named queries: every statement has a name of its own and a sentence."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley.database.named import load_queries

SOURCE = Path(__file__).parents[3] / "src" / "parley"
ROOMS = ("storage", "search")
SHARED = (
    "application_to_erase", "applications_after", "applications_before", "bodies_after", "changes_after",
    "chat_to_erase", "chats_after", "chats_before", "delete_application", "delete_keys", "documents", "erase_keys",
    "erase_messages", "find_application", "find_chat", "follower_positions", "get_application",
    "get_application_by_id", "get_chat", "get_message", "insert_application", "keys_from",
    "mark_application_erased", "mark_chat_erased", "messages_after", "messages_before", "next_live_chats",
    "partition_ends", "pick_messages", "record_follower", "rename_application", "trim_changes",
)  # fmt: skip
"""The names that mean the same in every dialect of the storage."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder of an importable package."""
    folder = tmp_path / "queries_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    sys.modules.pop(folder.name, None)


def load(package: Path, **files: str) -> dict[str, str]:
    """Write the files and load them."""
    for name, text in files.items():
        (package / f"{name}.sql").write_text(text)
    return load_queries(package.name)


def test_a_query_is_found_by_its_name(package: Path) -> None:
    """Each statement without its head, over several files; what is no SQL file is not read."""
    (package / "notes.txt").write_text("nothing to load")

    queries = load(
        package,
        one="-- What this file is about.\n\n-- name: first\n-- A sentence.\n-- Another.\nselect 1\nfrom t;\n\n"
        "-- name: second\n-- A sentence.\nselect 2\n-- a remark\n, 3;\n",
        two="-- name: third\n-- A sentence.\nselect 3",
    )

    assert queries == {"first": "select 1\nfrom t", "second": "select 2\n-- a remark\n, 3", "third": "select 3"}


@pytest.mark.parametrize(
    "text",
    [
        "select 1;",
        "-- a remark\nselect 1;",
        "select 0;\n-- name: first\n-- A sentence.\nselect 1;",
        "-- a remark\nselect 0;\n-- name: first\n-- A sentence.\nselect 1;",
        "-- name: first\nselect 1;",
        "-- name: first\n-- A sentence.\nselect 1;\n\n-- name: second\nselect 2;",
        "-- name: First\n-- A sentence.\nselect 1;",
        "-- name: first\n-- A sentence.\n",
    ],
)
def test_a_statement_without_a_name_or_a_sentence_is_refused(package: Path, text: str) -> None:
    """Wherever in the file it stands; it must not be run as part of its neighbour."""
    with pytest.raises(ValueError, match=r"one\.sql: .*sentence"):
        load(package, one=text)


def test_a_name_that_is_used_twice_is_refused(package: Path) -> None:
    """In one file as in two."""
    statement = "-- name: same\n-- A sentence.\nselect 1;\n"

    with pytest.raises(ValueError, match="the name same is used twice"):
        load(package, one=statement, two=statement)
    with pytest.raises(ValueError, match="the name same is used twice"):
        load(package, one=statement * 2, two="-- name: other\n-- A sentence.\nselect 1;")


def dialects(room: str) -> list[tuple[str, str]]:
    """Give a room's dialects, each with the code of its adapter and the code that all adapters share."""
    folders = [folder.name for folder in (SOURCE / room / "sql").iterdir() if folder.is_dir()]
    shared = list((SOURCE / room).glob("*.py"))
    adapters = {dialect: [*shared, *(SOURCE / room / dialect).rglob("*.py")] for dialect in folders}
    return [(dialect, "\n".join(path.read_text("utf-8") for path in paths)) for dialect, paths in adapters.items()]


@pytest.mark.parametrize("room", ROOMS)
def test_every_query_is_used(room: str) -> None:
    """No dead SQL: each name stands in quotes in a module of its adapter, or in one that all share."""
    assert dialects(room)
    for dialect, code in dialects(room):
        unused = [name for name in load_queries(f"parley.{room}", "sql", dialect) if f'"{name}"' not in code]

        assert not unused, dialect


def test_the_reads_of_every_dialect_have_the_same_names() -> None:
    """What one adapter reads and changes by a name, another does, too; how an append is stored is each one's own."""
    names = [set(load_queries("parley.storage", "sql", dialect)) for dialect, _ in dialects("storage")]

    assert len(names) > 1
    assert all(set(SHARED) <= each for each in names)


@pytest.mark.parametrize("room", ROOMS)
def test_every_query_that_is_called_exists(room: str) -> None:
    """A misspelt name is found here and not by the first client."""
    for dialect, code in dialects(room):
        called = set(re.findall(r"\.(?:rows|pick|put|each|run|insert|fill)\(\s*\"(\w+)\"", code))

        assert called
        assert called <= set(load_queries(f"parley.{room}", "sql", dialect)), dialect
