"""Rejected lines are kept with their reason, once each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parley.cli.importing.records import Rejection
from parley.cli.importing.rejects import Rejects
from parley.domain.errors import ParleyError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a file that does not exist yet."""
    return tmp_path / "f.rejected.jsonl"


def read(path: Path) -> list[dict[str, Any]]:
    """Give all rejected lines."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def test_rejects_keep_the_record_as_it_was(path: Path) -> None:
    """A record that is JSON is embedded byte for byte, numbers included."""
    with Rejects(path, resume=False) as rejects:
        rejects.add(Rejection(3, b'{"body":"","n":1e2}', "body can't be blank", 422))

    line = b'{"line":3,"reason":"body can\'t be blank","status":422,"record":{"body":"","n":1e2}}\n'
    assert path.read_bytes() == line


@pytest.mark.parametrize(
    ("data", "text"), [(b"{oops", "{oops"), (rb'{"body":"\ud800"}', r'{"body":"\ud800"}'), (b'"\xff"', r'"\xff"')]
)
def test_rejects_keep_the_text_when_it_is_not_json(data: bytes, text: str, path: Path) -> None:
    """Whatever the line held, the file of rejected lines stays readable JSON."""
    with Rejects(path, resume=False) as rejects:
        rejects.add(Rejection(1, data, "the line is not JSON"))

    assert read(path) == [{"line": 1, "reason": "the line is not JSON", "text": text}]


def test_rejects_know_how_far_they_went_when_resumed(path: Path) -> None:
    """By channel for what the server refused, by line for what was never sent; a torn line is cut off."""
    with Rejects(path, resume=False) as rejects:
        rejects.add(Rejection(2, b'{"channel":"a","body":""}', "blank", 422))
        rejects.add(Rejection(9, b'{"channel":"a","body":""}', "blank", 422))
        rejects.add(Rejection(4, b'{"body":""}', "blank", 422))
        rejects.add(Rejection(5, b"oops", "not JSON"))
    with path.open("ab") as file:
        file.write(b'{"line":99,')

    with Rejects(path, resume=True) as rejects:
        assert rejects.refused == {"a": 9, None: 4}
        assert rejects.unread == 5
    assert len(read(path)) == 4


def test_rejects_start_anew_for_a_new_import(path: Path) -> None:
    """Lines of an import that is not continued would say the wrong thing; an empty file says nothing."""
    with Rejects(path, resume=False) as rejects:
        rejects.add(Rejection(1, b"oops", "not JSON"))

    with Rejects(path, resume=False) as rejects:
        assert rejects.unread == 0

    assert not path.exists()


@pytest.mark.parametrize("content", [b"my notes", b"my notes\n", b'{"other":1}\n'])
def test_file_of_something_else_is_refused_untouched(content: bytes, path: Path) -> None:
    """A wrong --rejected must not cost anybody a file."""
    path.write_bytes(content)

    with pytest.raises(ParleyError, match="--rejected"):
        Rejects(path, resume=False)

    assert path.read_bytes() == content
