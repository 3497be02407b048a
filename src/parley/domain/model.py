"""What Parley keeps: applications, their chats, the chats' messages.

Every ``*_at`` is UTC in whole milliseconds since 1970-01-01; HTTP formats it once, at the edge.
A number counts from 1 within its scope (an application's chats, a chat's messages) and means one
thing for ever.
"""

from __future__ import annotations

import msgspec


class Application(msgspec.Struct, frozen=True):
    """A tenant, found by its token."""

    token: str
    name: str
    chats_count: int
    created_at: int
    updated_at: int


class Chat(msgspec.Struct, frozen=True):
    """A numbered conversation of one application."""

    number: int
    title: str | None
    messages_count: int
    created_at: int
    updated_at: int


class Message(msgspec.Struct, frozen=True):
    """A numbered message of one chat. ``metadata`` is compact JSON text, members in their order."""

    number: int
    body: str
    sender: str | None
    metadata: str | None
    created_at: int
    updated_at: int
    edited: bool = False


class Draft(msgspec.Struct, frozen=True):
    """A message that was validated and has no number yet."""

    body: str
    sender: str | None = None
    metadata: str | None = None
