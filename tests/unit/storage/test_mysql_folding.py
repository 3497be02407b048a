"""A batch's entries are folded into rows, and gone with the batch: the next one takes the same memory."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from parley.domain.events import (
    ChatDeleted,
    ChatRetitled,
    Depth,
    Entry,
    Event,
    Logged,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    Position,
    What,
)
from parley.domain.model import Draft
from parley.storage.mysql.applying.folding import Fold
from parley.storage.mysql.applying.known import Application, Chat, Known
from parley.storage.mysql.backlog import Backlog

TOKEN, CHAT = "t", 1


class Text(str):
    """A text that says whether anybody still has it."""

    __slots__ = ("__weakref__",)


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """Leave all to the count of references, as it is for long in a process that does little else."""
    gc.disable()
    yield
    gc.enable()


def new_fold() -> Fold:
    """Begin over one chat."""
    chat = Chat(1, CHAT, 7, is_gone=False, created_hash=None, position=Position(1, 1))
    known = Known({TOKEN: Application(1, is_gone=False)}, {(1, CHAT): chat}, {}, Backlog())
    return Fold(known, 0, lambda counter: counter)


def logged(at: int, what: What, number: int = 1) -> Logged:
    """Put on the log what happens in the chat."""
    position = Position(1, at)
    return Logged(position, Event(position, number, Entry(TOKEN, CHAT, what, number)), b"", Depth())


@pytest.mark.usefixtures("_no_collector")
def test_what_was_said_goes_with_the_fold() -> None:
    """Nothing of a fold refers to it: else batch upon batch would wait for the collector."""
    said = [Text(each) for each in ("posted", "edited", "title", "of nobody")]
    seen = [weakref.ref(text) for text in said]
    fold = new_fold()
    fold.add(logged(2, MessagesPosted((Draft(said[0]), Draft("second")))))
    fold.add(logged(3, MessageEdited(said[1]), number=2))
    fold.add(logged(4, MessageDeleted(), number=2))
    fold.add(logged(5, ChatRetitled(said[2])))
    fold.set_aside(logged(6, MessageEdited(said[3])), "as a test wants it")
    fold.add(logged(7, ChatDeleted()))
    assert fold.effects.fates == [True, True, True, True, False, True]
    assert [text() for text in seen] == said

    said.clear()
    del fold

    assert [text() for text in seen] == [None] * 4
