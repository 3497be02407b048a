"""The journal outlives crashes and knows to which import it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.cli.importing.journal import Identity, Journal
from parley.domain.errors import ParleyError

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of nobody
ME = Identity("d1", TOKEN, "http://127.0.0.1:3000")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a journal that does not exist yet."""
    return tmp_path / "f.parley-journal"


def test_journal_remembers_chats_and_last_lines(path: Path) -> None:
    """What one run wrote, the next one knows, the chat without a channel included."""
    with Journal(path, ME) as journal:
        assert not journal.resumed
        for channel, number in (("a", 1), (None, 2), ("б\n", 3)):
            journal.chat_created(channel, number)
        for channel, line in (("a", 1), ("a", 4), (None, 2), ("б\n", 9)):
            journal.acknowledged(channel, line)

    with Journal(path, ME) as journal:
        assert journal.resumed
        assert journal.chats == {"a": 1, None: 2, "б\n": 3}
        assert journal.done == {"a": 4, None: 2, "б\n": 9}


def test_journal_survives_being_cut_at_any_byte(path: Path) -> None:
    """A torn last line is forgotten, what is before it holds, and writing goes on behind it."""
    with Journal(path, ME) as journal:
        journal.chat_created("a", 1)
        for line in (1, 2, 3):
            journal.acknowledged("a", line)
            journal.flush()
    whole = path.read_bytes()

    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        with Journal(path, ME) as journal:
            done = journal.done.get("a", 0)
            assert done == max(0, whole[:cut].count(b"\n") - 2)
            journal.chat_created("b", 2)
            journal.acknowledged("b", 7)
        with Journal(path, ME) as journal:
            assert (journal.done.get("a", 0), journal.done["b"]) == (done, 7)


def test_journal_writes_only_when_flushed_and_joins_acknowledgements(path: Path) -> None:
    """A thousand acknowledgements between two flushes are one line."""
    with Journal(path, ME) as journal:
        journal.chat_created("a", 1)
        for line in range(1, 1001):
            journal.acknowledged("a", line)
        before = path.read_bytes().count(b"\n")
        journal.flush()
        journal.flush()

        assert (before, path.read_bytes().count(b"\n")) == (1, 3)


def test_journal_does_not_hold_the_token(path: Path) -> None:
    """The token is a credential; the journal keeps a digest."""
    with Journal(path, ME):
        pass

    assert TOKEN.encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("other", "words"),
    [(ME._replace(digest="d2"), "another file"), (ME._replace(token="f" * 32), "another application")],
)
def test_journal_of_another_import_is_refused_untouched(other: Identity, words: str, path: Path) -> None:
    """The sentence says whose it is and what to do."""
    with Journal(path, ME):
        pass
    before = path.read_bytes()

    with pytest.raises(ParleyError, match=f"belongs to {words}.*--journal"):
        Journal(path, other)

    assert path.read_bytes() == before


def test_journal_of_the_same_deployment_at_another_address_is_accepted(path: Path) -> None:
    """A server may move to another port; its applications stay the same."""
    with Journal(path, ME):
        pass

    with Journal(path, ME._replace(url="http://127.0.0.1:4000")) as journal:
        assert journal.resumed


@pytest.mark.parametrize("content", [b"my notes, no line end", b"my notes\n", b'{"other":1}\n', b"\xff\n"])
def test_file_that_is_no_journal_is_refused_untouched(content: bytes, path: Path) -> None:
    """A wrong --journal must not cost anybody a file."""
    path.write_bytes(content)

    with pytest.raises(ParleyError, match="is not a journal"):
        Journal(path, ME)

    assert path.read_bytes() == content


@pytest.mark.parametrize("line", [b"{}\n", b'{"what":"acknowledged","lines":{"9":1}}\n', b"\xff\n"])
def test_journal_with_a_damaged_line_is_refused(line: bytes, path: Path) -> None:
    """Rather stop than guess: guessing stores records twice."""
    with Journal(path, ME):
        pass
    with path.open("ab") as file:
        file.write(line)

    with pytest.raises(ParleyError, match="damaged in line 2"):
        Journal(path, ME)


def test_journal_belongs_to_one_running_import(path: Path) -> None:
    """A second import with the same journal is refused until the first one ends."""
    with Journal(path, ME), pytest.raises(ParleyError, match="another import"):
        Journal(path, ME)

    with Journal(path, ME) as journal:
        assert journal.resumed


def test_journal_says_when_it_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is not there is one clear sentence."""
    with pytest.raises(ParleyError, match=r"cannot write .*No such file"):
        Journal(tmp_path / "none" / "journal", ME)


def test_journal_must_be_a_regular_file() -> None:
    """A device is neither locked nor emptied."""
    with pytest.raises(ParleyError, match="not a regular file"):
        Journal(Path("/dev/null"), ME)
