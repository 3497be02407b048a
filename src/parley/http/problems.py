"""Errors as answers: the one place where a problem body (RFC 9457) and its status are made."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from parley.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    KeyReusedError,
    MalformedError,
    MediaTypeError,
    NotFoundError,
    NothingToUpdateError,
    OutcomeUnknownError,
    ParleyError,
    RejectedError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
)
from parley.http.exchange import Exchange

Headers = list[tuple[bytes, bytes]]

CONTENT_TYPE = (b"Content-Type", b"application/problem+json")

_STATUSES: dict[type[BaseException], HTTPStatus] = {
    MalformedError: HTTPStatus.BAD_REQUEST,
    InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    NothingToUpdateError: HTTPStatus.UNPROCESSABLE_ENTITY,
    KeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    MediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    RejectedError: HTTPStatus.BAD_REQUEST,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    ConflictError: HTTPStatus.CONFLICT,
    OutcomeUnknownError: HTTPStatus.GATEWAY_TIMEOUT,
}

_INTERNAL = ParleyError("Something went wrong on our side")
_encode = msgspec.json.Encoder().encode


def problem(
    status: int, code: str, detail: str, request_id: str, *, errors: dict[str, list[str]] | None = None
) -> bytes:
    """Write a problem body; ``errors`` names the members at fault, else ``error`` repeats the sentence."""
    body: dict[str, Any] = {
        "type": f"urn:parley:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": int(status),
        "detail": detail,
        "instance": f"urn:parley:request:{request_id}",
        "code": code,
        "request_id": request_id,
    }
    if errors is None:
        body["error"] = detail
    else:
        body["errors"] = errors
    return _encode(body)


def answer(error: BaseException) -> tuple[int, Headers]:
    """Map an error to its status and headers; whatever a client may not know about is 500."""
    if isinstance(error, UnavailableError):
        return 503, [CONTENT_TYPE, (b"Retry-After", b"%d" % error.retry_after_s)]
    if isinstance(error, UnauthorizedError):
        return 401, [CONTENT_TYPE, (b"WWW-Authenticate", b"Bearer")]
    status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)
    return int(status), [CONTENT_TYPE]


def refuse(exchange: Exchange, error: BaseException, extra: Headers | None = None) -> None:
    """Answer with the problem of ``error``; of an error we did not expect nothing but its status is told."""
    status, headers = answer(error)
    told = error if status != HTTPStatus.INTERNAL_SERVER_ERROR and isinstance(error, ParleyError) else _INTERNAL
    errors = told.errors if isinstance(told, InvalidError) else None
    body = problem(status, told.code, _sentence(told), exchange.request_id, errors=errors)
    exchange.respond(status, [*headers, *extra] if extra else headers, body)


def _sentence(error: ParleyError) -> str:
    """Leave out what an adapter adds behind a colon, for operators: it may name a host."""
    return error.detail.partition(": ")[0] if isinstance(error, UnavailableError) else error.detail
