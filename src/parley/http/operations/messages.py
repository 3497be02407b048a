"""Operations on messages."""

from __future__ import annotations

from typing import Final

from parley.http.operations.operation import (
    ALSO_PUT,
    CREATE,
    CREATED,
    DEGRADED,
    MESSAGE,
    MESSAGES,
    PAGE,
    READ,
    WRITE,
    WRITTEN,
    Good,
    Operation,
    deleting,
    getting,
)

MESSAGE_OPERATIONS: Final = (
    Operation(
        "list_messages",
        ("GET",),
        MESSAGES,
        "messages",
        "List messages",
        "By number, ascending. `after` starts a page above a number, `before` ends it below one.",
        Good(200, "A page of messages.", "Message", is_list=True, headers=PAGE),
        (404, 422),
        query="window",
        headers=READ,
    ),
    Operation(
        "create_message",
        ("POST",),
        MESSAGES,
        "messages",
        "Post a message",
        "The number is given at once; the message is in the list from the moment of its 201. "
        "Also on the write service, which is made for this.",
        Good(
            201,
            "The number, the fields given, the time.",
            "MessageCreated",
            headers=CREATED,
            links=("get_message", "edit_message", "delete_message"),
        ),
        (404, 409, 422, 504),
        headers=CREATE,
        body="MessageRequest",
        example='{"body": "hello", "sender": "ann", "metadata": {"client": "web"}}',
        is_create=True,
    ),
    Operation(
        "create_messages",
        ("POST",),
        MESSAGES + "/bulk",
        "messages",
        "Post up to 1,000 messages",
        "All or nothing. The first bad element is named by its index, as `messages[3].body`. "
        "Also on the write service.",
        Good(
            201,
            "Every number, consecutive, in order.",
            "BulkCreated",
            headers=(*WRITTEN, "Idempotent-Replayed", DEGRADED),
            links=("get_message", "delete_message"),
        ),
        (404, 409, 422, 504),
        headers=CREATE,
        body="BulkRequest",
        example='{"messages": [{"body": "one"}, {"body": "two"}]}',
        is_create=True,
    ),
    Operation(
        "search_messages",
        ("GET",),
        MESSAGES + "/search",
        "messages",
        "Search a chat",
        "Messages that contain `q` literally, whatever its case or composition; `query` is an alias of `q`. "
        'A text of one or two characters may answer a short page with `Link: rel="next"`. '
        "A message is found within 2 s of its 201.",
        Good(200, "A page of messages that contain the text.", "Message", is_list=True, headers=PAGE),
        (404, 422),
        query="search",
        headers=READ,
    ),
    getting("message", MESSAGE),
    Operation(
        "edit_message",
        ("PATCH", "PUT"),
        MESSAGE,
        "messages",
        "Edit a message",
        f"Number and creation time stay. {ALSO_PUT}",
        Good(200, "The new state.", "Message", headers=WRITTEN),
        (404, 422, 504),
        headers=WRITE,
        body="MessageChange",
        example='{"body": "hello again"}',
    ),
    deleting("message", MESSAGE, "It is in no list and no search any more; its number is never given again."),
)
