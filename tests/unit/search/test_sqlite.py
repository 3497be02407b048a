"""The SQLite index's file: damage, versions, other people's files, and removed text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from parley.database.session import File
from parley.domain.documents import ChatId, Document
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.domain.events import Position
from parley.search import open_search
from parley.search.port import SearchIndex, Upkeep
from parley.search.sqlite.file import truncate_wal
from parley.search.sqlite.phrases import match_expression

REACHED = {0: Position(1, 5)}
RARE = "\U000f1234\U000f1235\U000f1236"
"""Letters of private use, whose bytes are in no file by chance."""


def open_at(path: Path) -> SearchIndex:
    """Open the index in a file."""
    return open_search(f"sqlite://{path}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that is not there yet, in a folder whose name needs quoting."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    return folder / "search.db"


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[SearchIndex]:
    """Open an index of 3,000 messages."""
    opened = open_at(tmp_path / "search.db")
    await opened.index([Document(1, number, f"message number {number}") for number in range(1, 3_001)], REACHED)
    yield opened
    await opened.close()


async def fill(path: Path) -> None:
    """Index one message, close, and leave nothing in the write-ahead log."""
    index = open_at(path)
    await index.index([Document(1, 1, "needle")], REACHED)
    await index.close()
    run(path, "pragma wal_checkpoint(truncate)")


def run(path: Path, sql: str) -> None:
    """Change the file behind the index's back."""
    connection = apsw.Connection(str(path))
    connection.execute(sql).fetchall()
    connection.close()


def overwrite(path: Path, start: int, length: int) -> None:
    """Damage some bytes of the file."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * length)


async def search_often(index: SearchIndex) -> None:
    """Search until all of the index was read."""
    for number in range(1, 40_000, 97):
        await index.candidates(ChatId(0, 1), str(number * 7919).ljust(3, "0"), 0, 50)


def everything_in(folder: Path) -> bytes:
    """Read all files of a folder."""
    return b"".join(file.read_bytes() for file in folder.iterdir())


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: overwrite(path, 0, 100),
        lambda path: overwrite(path, 0, path.stat().st_size),
        lambda path: overwrite(path, 4_096, 3 * 4_096),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a database at all, " * 999),
        lambda path: run(path, "pragma user_version = 99"),
        lambda path: run(path, "drop table position"),
        lambda path: run(path, "drop table body"),
    ],
    ids=["header", "everything", "pages", "emptied", "text", "version", "no positions", "no index"],
)  # fmt: skip
async def test_an_operator_with_an_unusable_index_file_gets_an_empty_index(path: Path, damage: object) -> None:
    """What is damaged or of another version is made anew at the start, to be rebuilt by the follower."""
    await fill(path)
    assert callable(damage)
    damage(path)

    index = open_at(path)

    assert await index.positions() == {}
    await index.index([Document(1, 2, "needle")], REACHED)
    assert (await index.candidates(ChatId(0, 1), "needle", 0, 9)).numbers == [2]
    await index.close()


def test_an_operator_who_names_another_database_is_refused(path: Path) -> None:
    """A file of something else, the messages' own for example, is never made anew."""
    run(path, "create table message (body text)")
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match="not a search index"):
        open_at(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("url", ["sqlite://search.db", "sqlite:///", "sqlite:", "mysql://127.0.0.1/search"])
def test_an_operator_with_a_wrong_url_is_told(url: str) -> None:
    """A URL without a file or with an unknown scheme names the setting."""
    with pytest.raises(ConfigurationError, match="PARLEY_SEARCH_URL"):
        open_search(url)


def test_an_operator_with_a_missing_folder_is_told(tmp_path: Path) -> None:
    """The folder is not made here; the sentence names the file."""
    with pytest.raises(ConfigurationError, match=r"search\.db"):
        open_at(tmp_path / "absent" / "search.db")


async def test_a_follower_starts_afresh_when_the_file_is_damaged_while_in_use(path: Path) -> None:
    """Damage refuses searches and writes until the follower asks for positions and finds none."""
    index = open_at(path)
    for start in range(1, 40_000, 4_000):
        await index.index([Document(1, n, f"needle {n} {n * 7919}") for n in range(start, start + 4_000)], REACHED)
    overwrite(path, 4_096 * 2, 100 * 4_096)

    with pytest.raises(UnavailableError):
        await search_often(index)
    with pytest.raises(UnavailableError):
        await index.index([Document(1, 1, "needle")], REACHED)

    assert await index.positions() == {}
    await index.index([Document(1, 1, "needle")], REACHED)
    assert (await index.candidates(ChatId(0, 1), "needle", 0, 9)).numbers == [1]
    await index.close()


async def test_a_removed_text_leaves_the_file(index: SearchIndex, tmp_path: Path) -> None:
    """After tidying, no page of the file or its log holds what was removed or replaced; the rest is found."""
    await index.index([Document(1, 4_001, f"edited {RARE}"), Document(1, 4_002, f"deleted {RARE}")], REACHED)
    await index.index([Document(2, 1, f"of a gone chat {RARE}")], REACHED)
    await index.index([Document(1, 4_001, "now harmless"), Document(1, 4_002, None), Document(2, 0, None)], REACHED)
    assert isinstance(index, Upkeep)
    assert RARE.encode() in everything_in(tmp_path)

    slices = 1
    while await index.tidy():
        slices += 1
        await index.index([Document(3, slices, f"meanwhile {slices}")], REACHED)

    assert RARE.encode() not in everything_in(tmp_path)
    assert (await index.candidates(ChatId(0, 1), "message number 3000", 0, 9)).numbers == [3_000]
    assert (await index.candidates(ChatId(0, 1), "harmless", 0, 9)).numbers == [4_001]
    assert (await index.candidates(ChatId(0, 3), "meanwhile 2", 0, 9)).numbers[:1] == [2]


async def test_an_index_that_lost_nothing_has_nothing_to_tidy(index: SearchIndex) -> None:
    """New messages alone leave nothing behind."""
    assert isinstance(index, Upkeep)

    assert not await index.tidy()


def test_a_log_that_cannot_be_emptied_is_told_as_an_index_that_does_not_answer(path: Path) -> None:
    """A worker says so in a line; an error of the engine's own would be a fault of ours."""
    path.write_bytes(b"no database " * 1_000)

    with pytest.raises(UnavailableError):
        truncate_wal(File(path, synchronous="normal"))


async def test_a_follower_can_sync_the_index(index: SearchIndex) -> None:
    """Syncing changes nothing that is read."""
    assert isinstance(index, Upkeep)

    await index.sync()

    assert await index.positions() == REACHED


async def test_a_closed_index_refuses(path: Path) -> None:
    """Nothing waits for an answer that cannot come."""
    index = open_at(path)
    await index.close()

    with pytest.raises(UnavailableError):
        await index.ping()


@pytest.mark.parametrize(
    ("folded", "expression"),
    [
        ("abc", '"abc"'),
        ('"a"', '"""a"""'),
        ("abcdefgh", '"abcdefgh"'),
        ("abcdefghij", '"abcdefgh" AND "cdefghij"'),
        ("abababab" * 25, '"abababab"'),
        ("a\0b", '"a\ufffdb"'),
    ],
)
def test_a_text_becomes_phrases_of_bounded_length(folded: str, expression: str) -> None:
    """Quotes are doubled, long texts are cut into pieces that cover them, equal pieces are asked for once."""
    assert match_expression(folded) == expression


def test_a_long_text_asks_for_a_bounded_number_of_phrases() -> None:
    """200 different code points cost no more than 64, and both ends are among them."""
    text = "".join(chr(0x4E00 + place) for place in range(200))

    phrases = match_expression(text).split(" AND ")

    assert len(phrases) == 8
    assert (phrases[0], phrases[-1]) == (f'"{text[:8]}"', f'"{text[-8:]}"')
