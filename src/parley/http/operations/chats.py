"""Operations on chats."""

from __future__ import annotations

from typing import Final

from parley.http.operations.operation import (
    ALSO_PUT,
    CHAT,
    CHATS,
    CREATE,
    CREATED,
    PAGE,
    READ,
    WRITE,
    WRITTEN,
    Good,
    Operation,
    deleting,
    getting,
)

CHAT_OPERATIONS: Final = (
    Operation(
        "list_chats",
        ("GET",),
        CHATS,
        "chats",
        "List chats",
        "By number, ascending. `after` starts a page above a number, `before` ends it below one.",
        Good(200, "A page of chats.", "Chat", is_list=True, headers=PAGE),
        (404, 422),
        query="window",
        headers=READ,
    ),
    Operation(
        "create_chat",
        ("POST",),
        CHATS,
        "chats",
        "Create a chat",
        "Needs no body. The number is given at once; messages may follow at once. Also on the write service.",
        Good(
            201,
            "The chat.",
            "ChatCreated",
            headers=CREATED,
            links=(
                "get_chat",
                "retitle_chat",
                "delete_chat",
                "list_messages",
                "search_messages",
                "create_message",
                "create_messages",
            ),
        ),
        (404, 409, 422, 504),
        headers=CREATE,
        body="ChatRequest",
        needs_body=False,
        example='{"title": "general"}',
        is_create=True,
    ),
    getting("chat", CHAT),
    Operation(
        "retitle_chat",
        ("PATCH", "PUT"),
        CHAT,
        "chats",
        "Give a chat another title",
        f"`null` removes the title. {ALSO_PUT}",
        Good(200, "The new state.", "Chat", headers=WRITTEN),
        (404, 422, 504),
        headers=WRITE,
        body="ChatChange",
        example='{"title": "support"}',
    ),
    deleting("chat", CHAT, "Its messages are unreachable at once; its number is never given again."),
)
