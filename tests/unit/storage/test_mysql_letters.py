"""What has to wait behind a dead letter, and what need not."""

from __future__ import annotations

import pytest

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
from parley.storage.mysql.backlog import Backlog
from parley.storage.mysql.letters import Letter, Place, place_of

POST = MessagesPosted((Draft("a"), Draft("b"), Draft("c")))
CHAT = Letter(Place("t", None, 7, 7, gives_numbers=True), 1)
TITLE = Letter(Place("t", None, 7, 7, gives_numbers=False), 2)
BULK = Letter(Place("t", 7, 11, 13, gives_numbers=True), 3)
EDIT = Letter(Place("t", 7, 12, 12, gives_numbers=False), 4)


def event(what: What, chat: int | None, number: int, of: str = "t") -> Event:
    """Make an event."""
    return Event(Position(1, 1), number, Entry(of, chat, what, number))


@pytest.mark.parametrize(
    ("letter", "what", "chat", "number"),
    [
        (CHAT, POST, 7, 1),
        (CHAT, MessageEdited("x"), 7, 1),
        (CHAT, MessageDeleted(), 7, 1),
        (CHAT, ChatRetitled("x"), 7, 0),
        (CHAT, ChatDeleted(), 7, 0),
        (CHAT, NumbersBurnt(9), 7, 1),
        (TITLE, ChatRetitled("x"), 7, 0),
        (BULK, MessageEdited("x"), 7, 11),
        (BULK, MessageDeleted(), 7, 13),
        (EDIT, MessageEdited("x"), 7, 12),
    ],
)
def test_an_event_waits_behind_what_it_builds_on(letter: Letter, what: What, chat: int | None, number: int) -> None:
    """The chat, the message, or an earlier change of the same thing."""
    assert Backlog([letter]).in_the_way(event(what, chat, number)) is letter


@pytest.mark.parametrize(
    ("letter", "what", "chat", "number"),
    [
        (CHAT, ChatCreated(), None, 8),
        (CHAT, POST, 8, 1),
        (CHAT, ApplicationClosed(), None, 0),
        (TITLE, POST, 7, 1),
        (TITLE, ChatDeleted(), 7, 0),
        (BULK, POST, 7, 14),
        (BULK, POST, 7, 8),
        (BULK, MessageEdited("x"), 7, 14),
        (BULK, ChatDeleted(), 7, 0),
        (EDIT, MessageDeleted(), 7, 12),
        (EDIT, MessageEdited("x"), 7, 11),
        (EDIT, MessageEdited("x"), 8, 12),
    ],
)
def test_an_event_passes_what_is_not_its_own(letter: Letter, what: What, chat: int | None, number: int) -> None:
    """Others of the same chat go on, and a deletion takes the place of earlier changes."""
    assert Backlog([letter]).in_the_way(event(what, chat, number)) is None


def test_another_tenants_letters_are_in_nobodys_way() -> None:
    """The numbers are the same, the application is not; a letter that nobody can read stands nowhere."""
    assert Backlog([CHAT, BULK, Letter(None, 9)]).in_the_way(event(POST, 7, 11, of="other")) is None


def test_the_first_letter_in_the_way_is_waited_for() -> None:
    """The others wait for it as well."""
    assert Backlog([CHAT, BULK, EDIT]).in_the_way(event(MessageEdited("x"), 7, 12)) is CHAT


def test_a_deletion_takes_over_what_changed_its_target() -> None:
    """Those letters mean nothing any more; with a chat goes what was said in it."""
    assert Backlog([CHAT, TITLE, BULK, EDIT]).take_over(event(MessageDeleted(), 7, 12)) == [EDIT]
    assert Backlog([CHAT, TITLE, BULK, EDIT]).take_over(event(ChatDeleted(), 7, 0)) == [CHAT, TITLE, BULK, EDIT]


def test_an_event_is_about_numbers_of_a_scope() -> None:
    """A chat's own events are about its number among the application's."""
    assert place_of(event(POST, 7, 11)) == BULK.place
    assert place_of(event(ChatCreated(), None, 7)) == CHAT.place
    assert place_of(event(ChatRetitled("x"), 7, 0)) == TITLE.place
    assert place_of(event(MessageEdited("x"), 7, 12)) == EDIT.place
