"""What an operation must say to be judged."""

from __future__ import annotations

from typing import Final, get_args

from parley.verify.history import Source
from parley.verify.operations import Operation

_NUMBERED: Final = ("get", "edit", "delete")
_IN_CHATS: Final = ("post", "search")
_GIVEN: Final = ("post", "create_chat")
_SOURCES: Final = get_args(Source)


def lacking(operation: Operation) -> str:
    """Name what an operation does not say and must; nothing where it says all."""
    f = operation.f
    if f in _NUMBERED and operation.n < 1:
        return "a number"
    if f in _IN_CHATS and operation.chat < 1:
        return "a chat"
    if f == "delete_chat" and operation.chat < 1 and operation.n < 1:
        return "a chat"
    if f in _GIVEN and operation.is_ok and operation.n < 1:
        return "the number that was given"
    if f == "final" and operation.svc not in _SOURCES:
        return f"one of the sources {', '.join(_SOURCES)}"
    return ""
