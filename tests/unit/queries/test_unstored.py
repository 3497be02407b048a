"""What is remembered of a log until it is stored: bounded, and let go of to the last byte."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest

from parley.domain.cursors import Window
from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    Event,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    NumbersBurnt,
    Position,
    What,
)
from parley.domain.model import Draft
from parley.queries.unstored import Unstored
from parley.queries.unstored_chat import A_MESSAGE, UnstoredChat

MIB = 1024 * 1024


class Text(str):
    """A text that says whether anybody still has it."""

    __slots__ = ("__weakref__",)


class Notes:
    """What is remembered, with the log at hand."""

    def __init__(self, max_bytes: int = MIB) -> None:
        """Begin with nothing."""
        self.unstored = Unstored(max_bytes)
        self.last = Position(1, 0)

    def add(self, what: What, number: int = 1, chat: int | None = 1, partition: int = 0) -> Position:
        """Put an event on the log."""
        self.last = Position(self.last.epoch, self.last.id + 1)
        self.unstored.add(partition, Event(self.last, number, Entry("t", chat, what, number)))
        return self.last

    def post(self, *bodies: str, number: int = 1, chat: int = 1, partition: int = 0) -> Position:
        """Post messages."""
        return self.add(MessagesPosted(tuple(map(Draft, bodies))), number, chat, partition)

    def chat(self, number: int = 1) -> UnstoredChat:
        """Give what is remembered of a chat."""
        known = self.unstored.chat(("t", number))
        assert known is not None
        return known

    def is_empty(self) -> bool:
        """Tell whether nothing at all is left."""
        unstored = self.unstored
        return (len(unstored), unstored.bytes, len(unstored._texts), unstored._chats) == (0, 0, 0, {})


def texts(*names: str) -> tuple[list[Text], list[weakref.ref[Text]]]:
    """Make texts, and what says whether anybody still has them."""
    made = [Text(name) for name in names]
    return made, [weakref.ref(text) for text in made]


@pytest.mark.parametrize(
    ("what", "chat"),
    [(MessageDeleted(), 1), (ChatDeleted(), 1), (ApplicationClosed(), None)],
    ids=str,
)
def test_nothing_that_was_said_in_what_is_deleted_stays_in_memory(what: What, chat: int | None) -> None:
    """Neither the text nor an edit of it, though nothing is stored yet, and older texts wait."""
    notes = Notes()
    notes.post("older", number=1, chat=2)
    kept = notes.unstored.bytes
    said, seen = texts("body", "sender", "metadata", "edited", "edited again")
    notes.add(MessagesPosted((Draft(*said[:3]),)))
    notes.add(MessageEdited(said[3]))
    notes.add(MessageEdited(said[4]))

    notes.add(what, 1, chat)
    said.clear()
    gc.collect()

    assert [text() for text in seen] == [None] * 5
    assert notes.unstored.bytes == (0 if chat is None else kept)


def test_a_text_that_was_edited_over_is_let_go_of() -> None:
    """Many edits of one message take the room of one."""
    notes = Notes()
    for turn in range(100):
        notes.add(MessageEdited(f"{turn:03}"))

    assert notes.unstored.bytes == A_MESSAGE + sys.getsizeof("000")
    assert len(notes.unstored._texts) == 1


def test_what_is_stored_is_let_go_of_event_by_event() -> None:
    """What came after it stays; in the end nothing is left, not a byte."""
    notes = Notes()
    created = notes.add(ChatCreated("title"), 1, None)
    post = notes.post("a", "b", "c")
    edit = notes.add(MessageEdited("edited"), 2)
    delete = notes.add(MessageDeleted(), 3)
    retitle = notes.add(ChatRetitled("another"), 1)
    closed = notes.add(ChatDeleted(), 1)
    seen = []

    for position in (created, post, edit, delete, retitle, closed):
        known = notes.unstored.chat(("t", 1))
        if known is not None:
            parts = known.created, known.deleted, known.retitled, known.closed_at
            seen.append([bool(part) for part in parts])
        notes.unstored.drop(0, position)

    assert seen == [
        [True, True, True, True],
        *[[False, True, True, True]] * 3,
        [False, False, True, True],
        [False, False, False, True],
    ]
    assert notes.is_empty()


def test_an_edit_outlives_the_post_that_is_stored_before_it() -> None:
    """And a delete both of them."""
    notes = Notes()
    post = notes.post("a", "b")
    edit = notes.add(MessageEdited("edited"), 1)
    notes.add(MessageDeleted(), 2)

    notes.unstored.drop(0, post)

    assert notes.chat().posted == {}
    assert notes.chat().edits[1].said == "edited"
    assert list(notes.chat().deleted) == [2]
    notes.unstored.drop(0, edit)
    assert notes.chat().edits == {}
    assert list(notes.chat().deleted) == [2]


def test_what_was_said_of_a_number_before_its_message_is_nothing_about_the_message() -> None:
    """An edit or a delete of a number that nobody had."""
    notes = Notes()
    notes.add(MessageEdited("too early"), 1)
    notes.add(MessageDeleted(), 2)
    notes.post("a", "b")

    known = notes.chat()

    assert (known.edits, known.deleted, list(known.posted)) == ({}, {}, [1, 2])
    notes.unstored.drop(0, notes.last)
    assert notes.is_empty()


def test_a_deleted_message_cannot_be_edited() -> None:
    """The log takes the edit all the same."""
    notes = Notes()
    notes.post("a")
    notes.add(MessageDeleted(), 1)
    notes.add(MessageEdited("back again"), 1)

    assert notes.chat().edits == {}
    assert notes.unstored.bytes == 0
    notes.unstored.drop(0, notes.last)
    assert notes.is_empty()


@pytest.mark.parametrize("max_bytes", [0, 1, 10_000])
def test_texts_stay_within_their_bound(max_bytes: int) -> None:
    """Posts and edits alike, the oldest go first; what was let go of is still known to be there."""
    notes = Notes(max_bytes)
    for number in range(1, 101):
        notes.post("x" * 500, number=number)
        notes.add(MessageEdited("y" * 500), number)
        assert notes.unstored.bytes <= max_bytes

    known = notes.chat()
    kept = [
        each.said is not None for pair in zip(known.posted.values(), known.edits.values(), strict=True) for each in pair
    ]

    assert len(kept) == 200
    assert kept == sorted(kept)
    assert sum(kept) == max_bytes // (A_MESSAGE + sys.getsizeof("x" * 500))
    notes.unstored.drop(0, notes.last)
    assert notes.is_empty()


def test_texts_are_counted_as_python_keeps_them() -> None:
    """With what it takes to find them; one character of a rare script makes all of a text four times as large."""
    plain, rare, notes = "x" * 1_000, "x" * 999 + "🍣", Notes()
    notes.post(plain)
    first = notes.unstored.bytes
    notes.post(rare, number=2)

    assert A_MESSAGE + 1_000 < first < A_MESSAGE + 1_100
    assert notes.unstored.bytes - first > 4_000


def test_a_partition_that_is_not_stored_does_not_keep_the_others_in_memory() -> None:
    """One old text of a partition whose persist is stuck, and a busy other one."""
    notes = Notes()
    notes.post("stuck", partition=0, chat=1)
    for number in range(1, 1_000):
        notes.post("busy", number=number, chat=2, partition=1)
        notes.unstored.drop(1, notes.last)

    assert len(notes.unstored._texts) == 1
    assert len(notes.unstored) == 1


def test_another_life_begins_with_nothing_of_its_partition() -> None:
    """What was not stored of the last one is lost; other partitions stay."""
    notes = Notes()
    notes.post("a", chat=1, partition=0)
    notes.post("b", chat=2, partition=1)

    notes.unstored.drop_all(0)

    assert notes.unstored.chat(("t", 1)) is None
    assert len(notes.unstored) == 1
    notes.unstored.drop_all(1)
    assert notes.is_empty()


def test_burnt_numbers_say_nothing_to_readers() -> None:
    """Of an application's chats, or of a chat's messages; let go of as everything else."""
    notes = Notes()
    notes.add(NumbersBurnt(7), 3, None)
    notes.add(NumbersBurnt(7), 3, 1)

    assert all(chat.is_empty for chat in notes.unstored.chats("t").values())
    notes.unstored.drop(0, notes.last)
    assert notes.is_empty()


def test_a_chat_knows_the_neighbours_of_a_page() -> None:
    """Posted messages next to the bound, one more than the limit; again after some went."""
    notes = Notes()
    notes.post(*"abcdefgh")
    posted = notes.chat().posted

    assert list(posted.within(Window(after=2, limit=3))) == [3, 4, 5, 6]
    assert list(posted.within(Window(before=4, limit=2))) == [1, 2, 3]
    notes.add(MessageDeleted(), 3)
    notes.post("i", number=9)
    assert list(posted.within(Window(after=2, limit=3))) == [4, 5, 6, 7]
    assert list(posted.within(Window(before=99, limit=2))) == [7, 8, 9]
    assert [posted.is_beside(Window(after=n)) for n in (0, 1)] == [False, True]
    assert [posted.is_beside(Window(before=n)) for n in (9, 10)] == [True, False]


def test_what_a_page_of_chats_needs_lies_apart() -> None:
    """Chats without a row, titles and deletions, each until it is stored, a deletion also taking the others away."""
    notes = Notes()
    for number in (1, 2, 3):
        notes.add(ChatCreated(f"{number}"), number, None)
    made = notes.last
    notes.add(ChatRetitled("two"), 0, 2)
    notes.add(ChatRetitled("eight"), 0, 8)
    notes.add(ChatRetitled("nine"), 0, 9)
    titled = notes.last
    notes.add(ChatDeleted(), 0, 3)
    notes.add(ChatDeleted(), 0, 9)
    chats = notes.unstored.chats("t")

    assert (list(chats.made), list(chats.retitled), chats.closed) == ([1, 2], [2, 8], {3, 9})
    notes.unstored.drop(0, made)
    assert (list(chats.made), list(chats.retitled), chats.closed) == ([], [2, 8], {3, 9})
    notes.unstored.drop(0, titled)
    assert (list(chats.made), list(chats.retitled), chats.closed) == ([], [], {3, 9})
    notes.unstored.drop(0, notes.last)
    assert (chats.closed, notes.is_empty()) == (set(), True)
