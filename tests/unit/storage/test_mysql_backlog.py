"""Letters are found as by looking at each of them, whatever was put aside, taken over and undone in between."""

from __future__ import annotations

from random import Random

import pytest

from parley.domain.events import (
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
from parley.storage.mysql.letters import Letter, place_of

NUMBERS, CHATS, LETTERS, LOOKS = 3_000, 3, 300, 300


def any_event(rng: Random) -> Event:
    """Make an event about one of a few chats."""
    chat, number = rng.randint(1, CHATS), rng.randint(1, NUMBERS)
    posted = MessagesPosted((Draft("a"),) * rng.choice((1, 1, 1, 7, 1_000)))
    burnt = NumbersBurnt(number + rng.choice((1, 100, 10_000)))
    whats: list[What] = [posted, burnt, MessageEdited("a"), MessageDeleted(), ChatRetitled("a"), ChatDeleted()]
    what = rng.choice([*whats, posted, posted, MessageEdited("a"), ChatCreated()])
    is_new = isinstance(what, ChatCreated)
    token = rng.choice("tu")
    return Event(Position(1, 1), chat if is_new else number, Entry(token, None if is_new else chat, what, number))


def in_the_way(letters: list[Letter], event: Event) -> Letter | None:
    """Give the first letter of the same numbers, or of the chat's creation."""
    place, is_deletion = place_of(event), isinstance(event.entry.what, MessageDeleted | ChatDeleted)
    for letter in letters:
        other = letter.place
        assert other is not None
        is_creation = (other.token, other.chat, other.first) == (place.token, None, place.chat)
        if is_creation and other.gives_numbers:
            return letter
        is_same = other[:2] == place[:2] and other.first <= place.last and place.first <= other.last
        if is_same and (other.gives_numbers or not is_deletion):
            return letter
    return None


@pytest.mark.parametrize("seed", range(5))
def test_letters_are_found_as_by_looking_at_each(seed: int) -> None:
    """The first in the way; and those that an attempt added or took over are there, or not, as before."""
    rng = Random(seed)
    letters = [Letter(place_of(any_event(rng)), id_) for id_ in range(1, LETTERS + 1)]
    backlog = Backlog(letters)

    for id_ in range(LETTERS + 1, LETTERS + LOOKS):
        event, new = any_event(rng), Letter(place_of(any_event(rng)))
        backlog.add(new)
        assert backlog.in_the_way(event) is in_the_way([*letters, new], event)
        moot = backlog.take_over(event) if isinstance(event.entry.what, MessageDeleted | ChatDeleted) else []
        left = [each for each in letters if not any(each is other for other in moot)]
        if rng.random() < 0.1:
            backlog.undo()
        elif any(each is new for each in moot):
            backlog.keep()
            letters = left
        else:
            new.id = id_
            letters = [*left, new]
            backlog.keep()
        later = any_event(rng)
        assert backlog.in_the_way(later) is in_the_way(letters, later)


def test_a_deleted_chat_takes_all_that_is_said_in_it() -> None:
    """Of all its numbers, and nothing of others."""
    rng = Random(1)
    letters = [Letter(place_of(any_event(rng)), id_) for id_ in range(1, LETTERS + 1)]
    backlog = Backlog(letters)
    mine = [each for each in letters if each.place is not None and each.place[:2] == ("t", 2)]
    last = backlog.last_number("t", 2)

    taken = backlog.take_over(Event(Position(1, 1), 2, Entry("t", 2, ChatDeleted())))

    own = [each for each in letters if each.place is not None and each.place[:4] == ("t", None, 2, 2)]
    assert {each.id for each in taken} == {each.id for each in [*mine, *own]}
    assert last == max(each.place.last for each in mine if each.place is not None)
    assert backlog.last_number("t", 2) == 0
