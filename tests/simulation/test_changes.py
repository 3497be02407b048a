"""What the checks make of edits and deletions: each wrong end is named, and no end that may be."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from parley.domain.events import ChatDeleted, Entry, MessageDeleted, MessageEdited, MessagesPosted, Position, What
from parley.domain.model import Draft
from tests.simulation.changes import Changes
from tests.simulation.clients import APPLICATION, Operation
from tests.simulation.tables import Message, Scope, Tables

LOST: Final = 9
"""When the log took what it lost."""


def op(what: What, span: tuple[float, float], state: str = "ok", number: int | None = 1) -> Operation:
    """Make an operation on the first chat that began and ended at some seconds."""
    return Operation(
        int(span[0]), Entry(APPLICATION, 1, what, number), span[0], None, state, done_at=span[1], number=number or 1
    )


def unsure(operation: Operation) -> Operation:
    """Have a try of it that was never answered."""
    return replace(operation, maybe=True)


def lost(operation: Operation) -> Operation:
    """Have it acknowledged when the log took what it lost."""
    return replace(operation, at=LOST)


POST: Final = op(MessagesPosted((Draft("first"),)), (0, 1), number=None)
EDIT: Final = MessageEdited("edit")
AGAIN: Final = MessageEdited("again")
DELETION: Final = MessageDeleted()


def findings(history: list[Operation], body: str | None = "first", *, chat_is_gone: bool = False) -> list[str]:
    """Say what is wrong if all that ends with one message of one chat; one without a body is gone."""
    tables = Tables(lambda: 0, 1)
    tables.chats[1, 1] = Scope(1, 1, 1, is_gone=chat_is_gone)
    tables.messages[1, 1, 1] = Message(Position(1, 1), body, None, Position(1, 1), is_gone=body is None)
    found = Changes([POST, *history], tables, lambda op: op.at == LOST).check()
    return [each.partition(":")[0] for each in found]


@pytest.mark.parametrize(
    ("history", "body"),
    [
        ([], "first"),
        ([op(EDIT, (2, 3))], "edit"),
        ([op(EDIT, (2, 4)), op(AGAIN, (3, 5))], "edit"),
        ([op(EDIT, (2, 4)), op(AGAIN, (3, 5))], "again"),
        ([unsure(op(EDIT, (2, 3))), op(AGAIN, (4, 5))], "edit"),
        ([unsure(op(EDIT, (2, 3), "unknown")), op(AGAIN, (4, 5))], "edit"),
        ([unsure(op(EDIT, (2, 3), "gone"))], "edit"),
        ([unsure(op(EDIT, (2, 3), "unknown"))], "first"),
        ([lost(op(EDIT, (2, 3)))], "first"),
        ([op(EDIT, (2, 3)), lost(op(AGAIN, (4, 5)))], "edit"),
        ([op(DELETION, (2, 3))], None),
        ([unsure(op(DELETION, (2, 3), "unknown"))], None),
        ([unsure(op(DELETION, (2, 3), "unknown"))], "first"),
        ([lost(op(DELETION, (2, 3)))], "first"),
    ],
)
def test_changes_allow_every_end_that_may_be(history: list[Operation], body: str | None) -> None:
    """What is concurrent, unknown, or lost with the log may have happened or not, in any order."""
    assert findings(history, body) == []


@pytest.mark.parametrize(
    ("history", "body", "label"),
    [
        ([op(EDIT, (2, 3))], "first", "edits"),
        ([op(EDIT, (2, 3)), op(AGAIN, (4, 5))], "edit", "edits"),
        ([lost(op(EDIT, (2, 3))), op(AGAIN, (4, 5))], "edit", "edits"),
        ([op(EDIT, (2, 3), "fail")], "edit", "I7"),
        ([op(EDIT, (2, 3), number=2)], "edit", "I7"),
        ([], "nobody's", "I7"),
        ([op(DELETION, (2, 3))], "first", "deletions"),
        ([], None, "vanished"),
        ([op(DELETION, (2, 3), "fail")], None, "vanished"),
        ([op(DELETION, (2, 3), number=2)], None, "vanished"),
        ([op(ChatDeleted(), (2, 3), number=None)], "first", "deletions"),
    ],
)
def test_changes_name_every_end_that_cannot_be(history: list[Operation], body: str | None, label: str) -> None:
    """What was acknowledged holds, and what was refused did not happen."""
    assert findings(history, body) == [label]


def test_changes_ask_for_no_message_of_a_deleted_chat() -> None:
    """What is below a deleted chat cannot be read, so only the deletion is asked about."""
    deletion = op(ChatDeleted(), (2, 3), number=None)

    assert findings([op(EDIT, (0, 1)), deletion], chat_is_gone=True) == []
    assert findings([op(EDIT, (0, 1))], chat_is_gone=True) == ["vanished"]


@pytest.mark.parametrize(
    ("late", "labels"),
    [
        (op(EDIT, (4, 5)), ["gates"]),
        (replace(op(EDIT, (4, 5)), is_degraded=True), []),
        (op(EDIT, (4, 5), "fail"), []),
        (op(EDIT, (2, 5)), []),
        (op(ChatDeleted(), (4, 5), number=None), []),
    ],
)
def test_nothing_is_acknowledged_into_a_chat_after_its_deletion(late: Operation, labels: list[str]) -> None:
    """Only the standby may, which says so: it knows no deletion that lies on a log which is away."""
    assert findings([op(ChatDeleted(), (2, 3), number=None), late], chat_is_gone=True) == labels


def test_a_lost_deletion_shuts_no_gate() -> None:
    """What the log lost did not happen, also when the chat is deleted once more after that."""
    again = op(ChatDeleted(), (6, 7), number=None)

    assert findings([lost(op(ChatDeleted(), (2, 3), number=None)), op(EDIT, (4, 5)), again], chat_is_gone=True) == []
