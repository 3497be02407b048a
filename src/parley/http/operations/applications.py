"""Operations on applications."""

from __future__ import annotations

from typing import Final

from parley.http.operations.operation import (
    ALSO_PUT,
    CREATE,
    PAGE,
    READ,
    TOKEN,
    WRITE,
    WRITTEN,
    Good,
    Operation,
    deleting,
    getting,
)

APPLICATION_OPERATIONS: Final = (
    Operation(
        "list_applications",
        ("GET",),
        "",
        "applications",
        "List applications",
        "In creation order, a page at a time; follow `Link`.",
        Good(200, "A page of applications.", "Application", is_list=True, headers=PAGE),
        (400, 401, 403, 422),
        query="cursors",
        headers=READ,
        needs_admin=True,
    ),
    Operation(
        "create_application",
        ("POST",),
        "",
        "applications",
        "Create an application",
        "It is in the database before the answer and usable at once. The same name twice is two applications. "
        "The body may be wrapped in `chat_application`; the wrapper wins.",
        Good(
            201,
            "The application; its token is the credential for everything below it.",
            "Application",
            headers=(*WRITTEN, "Idempotent-Replayed"),
            links=("get_application", "rename_application", "delete_application", "list_chats", "create_chat"),
        ),
        (401, 403, 422),
        headers=CREATE,
        body="ApplicationRequest",
        example='{"name": "shop"}',
        needs_admin=True,
    ),
    getting("application", TOKEN),
    Operation(
        "rename_application",
        ("PATCH", "PUT"),
        TOKEN,
        "applications",
        "Rename an application",
        f"The token never changes. {ALSO_PUT}",
        Good(200, "The new state.", "Application", headers=WRITTEN),
        (404, 422),
        headers=WRITE,
        body="ApplicationRequest",
        example='{"name": "shop 2"}',
    ),
    deleting(
        "application", TOKEN, "Its chats and messages are unreachable at once and erased by a worker.", is_event=False
    ),
)
