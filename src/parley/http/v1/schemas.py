"""Objects as the API shows them: member order, names and limits in one place, for the encoder and for OpenAPI."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from parley.domain.model import Application, Chat, Message
from parley.http.times import format_time
from parley.queries.reads import Shown

Number = Annotated[int, Meta(ge=1, le=2**63 - 1, description="Counts from 1 within its scope; never reused.")]
Count = Annotated[int, Meta(ge=0, description="Live rows; right within 5 s of the last write.")]
Token = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", description="The credential for everything below it.")]
Time = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        extra_json_schema={"format": "date-time"},
        description="RFC 3339, UTC, milliseconds.",
    ),
]
Title = Annotated[str, Meta(max_length=255)] | None
Body = Annotated[str, Meta(min_length=1, description="As it was sent, code point for code point.")]
Sender = Annotated[str, Meta(max_length=255)] | None
Metadata = Annotated[
    msgspec.Raw,
    Meta(
        extra_json_schema={"$ref": "#/components/schemas/JsonObject"},
        description="A free object, compact, members in their order.",
    ),
]


class ApplicationView(msgspec.Struct, forbid_unknown_fields=True):
    """An application."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    token: Token
    chats_count: Count
    created_at: Time
    updated_at: Time


class ChatView(msgspec.Struct, forbid_unknown_fields=True):
    """A chat."""

    number: Number
    messages_count: Count
    title: Title
    created_at: Time
    updated_at: Time


class ChatCreatedView(msgspec.Struct, forbid_unknown_fields=True):
    """A chat that was just created."""

    number: Number
    messages_count: Annotated[int, Meta(extra_json_schema={"const": 0})]
    title: Title
    created_at: Time


class MessageView(msgspec.Struct, forbid_unknown_fields=True):
    """A message."""

    number: Number
    body: Body
    sender: Sender
    metadata: Metadata | None
    created_at: Time
    updated_at: Time
    edited: Annotated[bool, Meta(extra_json_schema={"const": True}, description="Only once edited.")] | UnsetType = (
        UNSET
    )


class MessageCreatedView(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A message that was just posted: its number, the fields given, its time."""

    number: Number
    body: Body
    sender: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    created_at: Time


class BulkCreatedView(msgspec.Struct, forbid_unknown_fields=True):
    """Messages that were just posted together."""

    numbers: Annotated[
        list[Number], Meta(min_length=1, max_length=1000, description="Consecutive, in the order of the request.")
    ]


_encode = msgspec.json.Encoder().encode


def show_application(application: Application) -> ApplicationView:
    """Show an application."""
    return ApplicationView(
        application.name,
        application.token,
        application.chats_count,
        format_time(application.created_at),
        format_time(application.updated_at),
    )


def show_chat(chat: Chat) -> ChatView:
    """Show a chat."""
    return ChatView(
        chat.number, chat.messages_count, chat.title, format_time(chat.created_at), format_time(chat.updated_at)
    )


def show_message(message: Message) -> MessageView:
    """Show a message."""
    created_at = format_time(message.created_at)
    return MessageView(
        message.number,
        message.body,
        message.sender,
        None if message.metadata is None else msgspec.Raw(message.metadata),
        created_at,
        created_at if message.updated_at == message.created_at else format_time(message.updated_at),
        message.edited or UNSET,
    )


def show_listed(message: Message | Shown) -> MessageView | msgspec.Raw:
    """Show a message of a page, which may have been made JSON before."""
    return message.json if isinstance(message, Shown) else show_message(message)


def encode_message(message: Message) -> msgspec.Raw:
    """Make a message JSON, to be shown later."""
    return msgspec.Raw(_encode(show_message(message)))
