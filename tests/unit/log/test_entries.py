"""How entries lie on the stream: bytes that later versions of this code must still read."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Depth,
    Entry,
    Event,
    IdempotencyKey,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    NumbersBurnt,
    Position,
    What,
    position_id,
)
from parley.domain.model import Draft
from parley.log.redis.entries import encode_entry, encode_unread, read_again, read_entry, read_id, split_id, stream_id

HEAD = (7).to_bytes(4, "big") + (9).to_bytes(8, "big") + (1_000).to_bytes(8, "big")
POSITION = Position(3, position_id(1_700_000_000_000, 5))
PLACE = b"1700000000000-5"

ENTRIES = [
    Entry("t", None, ChatCreated("title"), None, IdempotencyKey("chats", "k", b"\0" * 16)),
    Entry("t", 1, ChatRetitled(None)),
    Entry("t", 1, ChatDeleted()),
    Entry("t", 1, MessagesPosted((Draft("a", "s", '{"m":1}'), Draft("ß\0")))),
    Entry("t", 1, MessageEdited("b"), 2),
    Entry("t", 1, MessageDeleted(), 2),
    Entry("t", None, ApplicationClosed()),
    Entry("t", 1, NumbersBurnt(9)),
]

WRITTEN = bytes.fromhex(
    "85a5746f6b656ea174a46368617401a47768617482a474797065af6d657373616765735f706f73746564a86d65737361676573"
    "9183a4626f6479a161a673656e646572c0a86d65746164617461c0a66e756d626572c0a36b6579c0"
)
"""What the first version wrote: it lies on logs, and in dead letters."""

RECORDED = Path(__file__).with_name("entries.1.hex").read_text("utf-8").splitlines()
"""The same of `ENTRIES`, one a line: version 1 is read for ever, since a letter may wait for years."""

DEEP = b"\x81\xa1x" + b"\x91" * 100_000 + b"\xc0"
"""A member that nobody reads, nested beyond what the decoder follows: it is poison, and stops nobody."""


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry.what).__name__)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    """With the number, the position and the counts that the log gave it."""
    payload = encode_entry(entry)

    logged = read_entry(3, PLACE, [b"1", HEAD + payload])

    assert logged.event == Event(POSITION, 7, entry)
    assert (logged.position, logged.raw, logged.so_far) == (POSITION, payload, Depth(9, 1_000))


def test_what_the_first_version_wrote_is_read() -> None:
    """The bytes are part of the contract: change them with the version."""
    entry = Entry("t", 1, MessagesPosted((Draft("a"),)))

    logged = read_entry(3, PLACE, [b"1", HEAD + WRITTEN])

    assert encode_entry(entry) == WRITTEN
    assert logged.event is not None
    assert logged.event.entry == entry


@pytest.mark.parametrize(
    ("entry", "recorded"),
    list(zip(ENTRIES, RECORDED, strict=True)),
    ids=[type(entry.what).__name__ for entry in ENTRIES],
)
def test_every_kind_of_entry_that_the_first_version_wrote_is_read(entry: Entry, recorded: str) -> None:
    """A member that is new since then has a default; nothing that was there is gone or renamed."""
    logged = read_entry(3, PLACE, [b"1", HEAD + bytes.fromhex(recorded)])

    assert logged.event is not None
    assert logged.event.entry == entry


def test_every_kind_of_entry_is_recorded() -> None:
    """A new kind adds a line to the file, which is what the version that first writes it writes."""
    assert {type(entry.what) for entry in ENTRIES} == set(get_args(What))


@pytest.mark.parametrize(
    ("version", "value", "depth"),
    [
        (b"2", HEAD + WRITTEN, Depth()),
        (b"1", b"short", Depth()),
        (b"1", HEAD, Depth(9, 1_000)),
        (b"1", HEAD + WRITTEN[:-1], Depth(9, 1_000)),
        (b"1", HEAD + b"\xc1", Depth(9, 1_000)),
        (b"1", HEAD + b"\x81\xa1x\x01", Depth(9, 1_000)),
        (b"1", HEAD + DEEP, Depth(9, 1_000)),
        (b"1", HEAD + encode_entry(Entry("t", 2**63, ChatDeleted())), Depth(9, 1_000)),
        (b"1", HEAD + encode_entry(Entry("t", 1, NumbersBurnt(2**63))), Depth(9, 1_000)),
        (b"1", HEAD + encode_entry(Entry("t", 1, MessageDeleted(), -1)), Depth(9, 1_000)),
    ],
)
def test_what_cannot_be_read_keeps_its_place_and_all_that_lies_there(
    version: bytes, value: bytes, depth: Depth
) -> None:
    """Of another version, cut off, or not an entry: it goes where people look at it, with version and number."""
    logged = read_entry(3, PLACE, [version, value])

    assert (logged.position, logged.event, logged.so_far) == (POSITION, None, depth)
    assert logged.raw == encode_unread(version, value)
    assert read_again(POSITION, logged.raw) is None


def test_what_was_set_aside_unread_is_read_by_whoever_can() -> None:
    """As if it lay on the log: with number, position and the entry's own bytes."""
    kept = encode_unread(b"1", HEAD + WRITTEN)

    assert read_again(POSITION, kept) == read_entry(3, PLACE, [b"1", HEAD + WRITTEN])


def test_a_position_and_a_place_on_the_stream_are_the_same() -> None:
    """To and fro, at the ends of both parts."""
    for at, sequence in ((0, 0), (1, 2**20 - 1), (2**43 - 1, 0)):
        written = b"%d-%d" % (at, sequence)

        assert stream_id(position_id(at, sequence)) == written
        assert read_id(written) == position_id(at, sequence)
        assert split_id(position_id(at, sequence)) == (at, sequence)
