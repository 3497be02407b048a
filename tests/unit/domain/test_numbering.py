"""How numbers are given: the order of the rules, and what an entry takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.events import (
    NUMBER_LIMIT,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Entry,
    IdempotencyKey,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    Position,
    What,
    position_id,
)
from parley.domain.model import Draft
from parley.domain.numbering import (
    Appended,
    KeyState,
    Reason,
    Refused,
    Replayed,
    ScopeState,
    States,
    decide,
)

NOW = 1_700_000_000_000
LAST = Position(3, position_id(NOW - 1_000, 9))
ONE = MessagesPosted((Draft("a"),))


def states(*, application_closed: bool = False, chat_closed: bool = False, used: int = 5) -> States:
    """Give an application with chat 2, in which messages 1 and 2 are live."""
    return States(
        positions={0: LAST, 1: LAST},
        applications={"t": ScopeState(10, 1, 7, application_closed)},
        chats={(10, 2): ScopeState(20, 1, used, chat_closed)},
        messages={(20, 1), (20, 2)},
        keys={(10, "messages", "k"): KeyState(b"same", 4, LAST)},
    )


def key(fingerprint: bytes) -> IdempotencyKey:
    """Give the key that was seen."""
    return IdempotencyKey("messages", "k", fingerprint)


@pytest.mark.parametrize(
    ("what", "chat", "number", "expected"),
    [
        (ONE, 2, None, 6),
        (MessagesPosted((Draft("a"),) * 3), 2, None, 6),
        (ChatCreated(), None, None, 8),
        (ChatRetitled("a"), 2, None, 2),
        (ChatDeleted(), 2, None, 2),
        (MessageEdited("a"), 2, 1, 1),
        (MessageDeleted(), 2, 2, 2),
    ],
)
def test_an_entry_gets_its_number(what: What, chat: int | None, number: int | None, expected: int) -> None:
    """The next one of its scope, or that of what it names; at the log's time."""
    outcome = decide(Entry("t", chat, what, number), states(), NOW)

    assert outcome == Appended(expected, Position(3, position_id(NOW)))


ALL_CLOSED = {"application_closed": True, "chat_closed": True}


@pytest.mark.parametrize(
    ("entry", "closed", "expected"),
    [
        (Entry("u", 2, ONE, None, key(b"other")), {}, Reason.APPLICATION_GONE),
        (Entry("t", 2, ONE, None, key(b"same")), ALL_CLOSED, Reason.APPLICATION_GONE),
        (Entry("t", 2, ONE, None, key(b"same")), {"chat_closed": True}, Reason.CHAT_GONE),
        (Entry("t", 3, ONE, None, key(b"other")), {}, Reason.CHAT_GONE),
        (Entry("t", 2, ONE, None, key(b"other")), {"used": NUMBER_LIMIT}, Reason.KEY_REUSED),
        (Entry("t", 2, ONE), {"used": NUMBER_LIMIT}, Reason.EXHAUSTED),
        (Entry("t", 2, MessageEdited("a"), 3), {}, Reason.MESSAGE_GONE),
        (Entry("t", 2, MessageDeleted(), None), {}, Reason.MESSAGE_GONE),
    ],
)  # fmt: skip
def test_an_entry_is_refused_by_the_first_rule_that_it_breaks(
    entry: Entry, closed: dict[str, bool], expected: Reason
) -> None:
    """Gates, then the key, then the number; and nothing is taken."""
    held = states(**closed)
    before = repr(held)

    assert decide(entry, held, NOW) == Refused(expected)
    assert repr(held) == before


def test_a_known_key_gives_the_first_outcome() -> None:
    """Even where no number is left, and nothing is taken."""
    held = states(used=NUMBER_LIMIT)
    before = repr(held)

    assert decide(Entry("t", 2, ONE, None, key(b"same")), held, NOW) == Replayed(4, LAST)
    assert repr(held) == before


def test_states_move_on_by_what_was_taken() -> None:
    """Numbers, live counts, gates and keys, so that the batch's next entry sees them."""
    held = states()
    named = IdempotencyKey("bulk", "l", b"new")

    decide(Entry("t", 2, MessagesPosted((Draft("a"),) * 4), None, named), held, NOW)
    decide(Entry("t", 2, MessageDeleted(), 1), held, NOW)
    decide(Entry("t", None, ChatCreated()), held, NOW)
    decide(Entry("t", 2, ChatDeleted()), held, NOW)

    assert held.chats[10, 2] == ScopeState(20, 1, 9, closed=True, live_change=3, changed=True)
    assert held.applications["t"] == ScopeState(10, 1, 8, closed=False, live_change=0, changed=True)
    assert held.messages == {(20, 2)}
    assert held.keys[10, "bulk", "l"] == KeyState(b"new", 6, Position(3, position_id(NOW)))
    assert held.positions == {0: LAST, 1: Position(3, position_id(NOW) + 3)}


@given(st.lists(st.integers(0, 2**40), min_size=2))
def test_positions_rise_whatever_the_clock_says(times: list[int]) -> None:
    """Each is above the one before and not before its time; their times never fall."""
    held = states()
    taken = [decide(Entry("t", 2, ONE), held, now) for now in times]

    positions = [outcome.position for outcome in taken if isinstance(outcome, Appended)]
    assert len(positions) == len(times)
    assert all(earlier < later for earlier, later in zip([LAST, *positions], positions, strict=False))
    assert all(position.at >= now for position, now in zip(positions, times, strict=True))
    assert sorted(position.at for position in positions) == [position.at for position in positions]


@given(st.lists(st.integers(1, 1_000)), st.integers(0, 3_000))
def test_numbers_are_consecutive_up_to_the_last(sizes: list[int], left: int) -> None:
    """A bulk fits whole or is refused, and the next one that fits goes on without a hole."""
    held = states(used=NUMBER_LIMIT - left)
    expected = NUMBER_LIMIT - left

    for size in sizes:
        outcome = decide(Entry("t", 2, MessagesPosted((Draft("a"),) * size)), held, NOW)

        if size > NUMBER_LIMIT - expected:
            assert outcome == Refused(Reason.EXHAUSTED)
        else:
            assert outcome[0] == expected + 1
            expected += size
    assert held.chats[10, 2].granted_until == expected


@given(st.integers(0, 2**42), st.integers(0, 2**20 - 1), st.integers(0, 2**42), st.integers(0, 2**20 - 1))
def test_a_position_says_when(at: int, sequence: int, later: int, other: int) -> None:
    """Its id keeps the milliseconds and orders by them first; an epoch comes before all."""
    assert Position(1, position_id(at, sequence)).at == at
    assert (position_id(at, sequence) < position_id(later, other)) == ((at, sequence) < (later, other))
    assert Position(1, position_id(at, sequence)) < Position(2, 0)
