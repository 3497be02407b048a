"""Answers: headers, problems by status, and the closed schemas of what is found and made."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from parley.http.operations import Good, Operation
from parley.http.v1 import schemas

Schema = dict[str, Any]

_VIEWS: Final = {
    "Application": schemas.ApplicationView,
    "Chat": schemas.ChatView,
    "ChatCreated": schemas.ChatCreatedView,
    "Message": schemas.MessageView,
    "MessageCreated": schemas.MessageCreatedView,
    "BulkCreated": schemas.BulkCreatedView,
}


class Refusal(NamedTuple):
    """A status that says no: when, and with which codes."""

    description: str
    codes: dict[str, str]
    headers: tuple[str, ...] = ()


REFUSALS: Final[dict[int, Refusal]] = {
    400: Refusal(
        "The request cannot be understood.",
        {
            "malformed_request": "The framing, a header or the target is malformed.",
            "malformed_json": "Not JSON, not UTF-8, nested beyond 64 levels, or no object.",
            "invalid_idempotency_key": "The key is not 1-255 printable ASCII characters.",
            "invalid_cursor": "The cursor is not one that this server gave.",
            "query_required": "`q` is missing or blank.",
        },
    ),
    401: Refusal(
        "The admin token is needed here.",
        {"unauthorized": "The admin token is missing or wrong."},
        ("WWW-Authenticate",),
    ),
    403: Refusal(
        "Not from there.", {"host_not_allowed": "Without an admin token, only hosts on the loopback interface."}
    ),
    404: Refusal(
        "It is not there, or not for this caller.",
        {
            "route_not_found": "No such path.",
            "application_not_found": "No application has this token.",
            "chat_not_found": "The application has no chat with this number.",
            "message_not_found": "The chat has no message with this number.",
        },
    ),
    405: Refusal("The path does not have this method.", {"method_not_allowed": "See `Allow`."}, ("Allow",)),
    408: Refusal("The request came too slowly.", {"request_timeout": "Headers within 10 s, the body within 30 s."}),
    409: Refusal(
        "The first request with this key is in flight.",
        {"request_in_flight": "It had no outcome within 5 s; try again."},
    ),
    413: Refusal("The body is too large.", {"body_too_large": "The limit is 1 MiB."}),
    414: Refusal("The request line is too long.", {"uri_too_long": "The limit is 8 KiB."}),
    415: Refusal("The body is not plain JSON.", {"unsupported_media_type": "Content-Type or Content-Encoding."}),
    417: Refusal("An unknown expectation.", {"expectation_failed": "Only `100-continue` can be expected."}),
    422: Refusal(
        "A member has a wrong type or value.",
        {
            "validation_failed": "`errors` names the members or parameters.",
            "nothing_to_update": "The body names nothing that can be changed.",
            "idempotency_key_reused": "The key was used with another request.",
        },
    ),
    431: Refusal("The headers are too large.", {"headers_too_large": "The limit is 16 KiB and 100 fields."}),
    500: Refusal("Our fault.", {"internal_error": "It is in the log under the request id."}),
    503: Refusal(
        "Certainly nothing was written; try again after `Retry-After` seconds.",
        {
            "overloaded": "Too much waits to be stored, or for the database.",
            "unavailable": "A part that is needed is away, or too slow.",
            "too_many_connections": "This process has all the connections it takes.",
            "numbers_exhausted": "The scope has no numbers left.",
            "log_unavailable": "The log is away, and only its end could tell.",
            "database_unavailable": "The database is away.",
            "search_unavailable": "The search engine is away; all else goes on.",
        },
        ("Retry-After",),
    ),
    504: Refusal(
        "The outcome is unknown.", {"outcome_unknown": "Try again with the same Idempotency-Key to learn it."}
    ),
    505: Refusal("Another version of HTTP.", {"http_version_not_supported": "HTTP/1.1 and HTTP/1.0 are spoken."}),
}
EVERYWHERE: Final = (400, 404, 408, 413, 414, 415, 417, 431, 500, 503, 505)
"""Statuses that any operation can answer."""


def _header(description: str, *, required: bool = True, **schema: Any) -> Schema:  # noqa: ANN401 - JSON Schema
    return {"description": description, "required": required, "schema": {"type": "string", **schema}}


HEADERS: Final = {
    "X-Request-Id": _header("The client's, if it was well formed, else a new one.", pattern="^[A-Za-z0-9._-]{1,128}$"),
    "Server-Timing": _header("Milliseconds spent inside.", pattern=r"^app;dur=[0-9]+(?:\.[0-9]+)?$"),
    "ETag": _header("BLAKE2b-128 of the body.", pattern='^"[0-9a-f]{32}"$'),
    "Link": _header(
        "Pages beside this one, as long as there are any: `next` and `prev` (RFC 8288), relative references.",
        required=False,
        pattern=r'^<[^>]+>; rel="(?:next|prev)"(?:, <[^>]+>; rel="prev")?$',
    ),
    "Location": _header("Path of what was created.", pattern="^/api/v1/(?:chat_)?applications/[0-9a-f]{32}(?:/.+)?$"),
    "Parley-Durability": _header(
        "`stored` in the database, `queued` in a log that is synced, `relaxed` where the operator chose that.",
        enum=["queued", "stored", "relaxed"],
    ),
    "Parley-Degraded": _header(
        "On servers whose log is away. `numbering`: the database gave the number, which may be above one that is given "
        "later. `tail`: the answer lacks what is not stored yet.",
        required=False,
        enum=["numbering", "tail"],
    ),
    "Preference-Applied": _header("`Prefer: wait` was honoured.", required=False, const="wait"),
    "Idempotent-Replayed": _header("The key was seen: this is the first answer again.", required=False, const="true"),
    "Retry-After": _header("Seconds.", pattern="^[1-9][0-9]*$"),
    "Allow": _header("Methods that the path has."),
    "WWW-Authenticate": _header("The scheme.", const="Bearer"),
}


def answers_of(operation: Operation) -> dict[str, Schema]:
    """Give every answer of an operation by status."""
    good = operation.good
    answers: dict[str, Schema] = {str(good.status): _good(operation)}
    if "If-None-Match" in operation.headers:
        headers = [name for name in good.headers if name in {"ETag", "Link"}]
        answers["304"] = {"description": "The client has it already.", "headers": _headers(headers)}
    for status in sorted({*EVERYWHERE, *operation.errors}):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    if operation.name in {"health", "ready"}:
        problem = f"#/components/schemas/Problem{503}"
        own = {"application/json": {"schema": _body(good)}, "application/problem+json": {"schema": {"$ref": problem}}}
        answers["503"] = {"description": "It cannot do its job.", "headers": _headers([]), "content": own}
    return answers


def problem_responses() -> dict[str, Schema]:
    """Give the answer of every refusing status."""
    return {
        str(status): {
            "description": refusal.description,
            "headers": _headers(refusal.headers),
            "content": {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/Problem{status}"}}},
        }
        for status, refusal in REFUSALS.items()
    }


def answer_schemas() -> dict[str, Schema]:
    """Give the schemas of everything that is answered."""
    _, components = msgspec.json.schema_components(_VIEWS.values(), ref_template="#/components/schemas/{name}")
    by_name = {view.__name__: name for name, view in _VIEWS.items()}
    found = {by_name[name]: {**schema, "title": by_name[name]} for name, schema in components.items()}
    return {**found, **{f"Problem{status}": _problem(status, refusal) for status, refusal in REFUSALS.items()}}


def _good(operation: Operation) -> Schema:
    good = operation.good
    answer: Schema = {"description": good.description, "headers": _headers(good.headers)}
    if good.schema is not None:
        answer["content"] = {good.media_type: {"schema": _body(good)}}
    return answer


def _body(good: Good) -> Schema:
    one = {"$ref": f"#/components/schemas/{good.schema}"}
    return {"type": "array", "items": one, "maxItems": 100} if good.is_list else one


def _headers(names: list[str] | tuple[str, ...]) -> dict[str, Schema]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", "Server-Timing", *names)}


def _problem(status: int, refusal: Refusal) -> Schema:
    members: dict[str, Schema] = {
        "type": {"type": "string", "pattern": "^urn:parley:problem:[a-z0-9_]+$"},
        "title": {"type": "string", "minLength": 1},
        "status": {"type": "integer", "const": status},
        "detail": {"type": "string", "minLength": 1},
        "instance": {"type": "string", "pattern": "^urn:parley:request:[A-Za-z0-9._-]{1,128}$"},
        "code": {"type": "string", "enum": list(refusal.codes)},
        "request_id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    }
    sentence = _closed({**members, "error": {"type": "string", "minLength": 1}})
    if status != 422:  # noqa: PLR2004 - only there members are named
        return sentence
    sentences = {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}
    errors = {"type": "object", "minProperties": 1, "additionalProperties": sentences}
    return {"anyOf": [_closed({**members, "errors": errors}), sentence]}


def _closed(members: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}
