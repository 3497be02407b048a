"""Errors as answers."""

from __future__ import annotations

import json
from typing import cast

import pytest

from parley.domain import errors
from parley.http.exchange import Exchange
from parley.http.problems import answer, problem, refuse

STATUSES = {
    errors.MalformedError("a"): 400,
    errors.InvalidError({"body": ["can't be blank"]}): 422,
    errors.NotFoundError("Chat"): 404,
    errors.KeyReusedError(): 422,
    errors.NothingToUpdateError(): 422,
    errors.MediaTypeError("a"): 415,
    errors.TooLargeError("a"): 413,
    errors.UnauthorizedError("a"): 401,
    errors.ForbiddenError("a"): 403,
    errors.RejectedError("a"): 400,
    errors.UnavailableError("a", retry_after_s=7): 503,
    errors.ConflictError("a"): 409,
    errors.OutcomeUnknownError("a"): 504,
    errors.ConfigurationError("a"): 500,
    ValueError("a"): 500,
}


@pytest.mark.parametrize(("error", "status"), STATUSES.items(), ids=lambda value: type(value).__name__)
def test_error_has_its_status(error: Exception, status: int) -> None:
    """Every error of the tree has a status, and what is not ours is 500."""
    given, headers = answer(error)

    assert given == status
    assert (b"Content-Type", b"application/problem+json") in headers


def test_every_error_of_the_tree_is_mapped() -> None:
    """An error class that is added is added here."""
    found, waiting = set(), [errors.ParleyError]
    while waiting:
        kind = waiting.pop()
        found.add(kind)
        waiting += [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]

    assert found - {errors.ParleyError} <= {type(error) for error in STATUSES}


def test_unavailable_says_when_to_come_back() -> None:
    """503 carries Retry-After, 401 carries WWW-Authenticate."""
    assert (b"Retry-After", b"7") in answer(errors.UnavailableError("a", retry_after_s=7))[1]
    assert (b"WWW-Authenticate", b"Bearer") in answer(errors.UnauthorizedError("a"))[1]


def test_problem_is_the_same_thing_twice() -> None:
    """RFC 9457 for new clients, ``error`` or ``errors`` for older ones."""
    one = json.loads(problem(404, "chat_not_found", "Chat not found", "id-1"))
    many = json.loads(problem(422, "validation_failed", "body x", "id-1", errors={"body": ["x"]}))

    assert one == {
        "type": "urn:parley:problem:chat_not_found",
        "title": "Chat not found",
        "status": 404,
        "detail": "Chat not found",
        "instance": "urn:parley:request:id-1",
        "code": "chat_not_found",
        "request_id": "id-1",
        "error": "Chat not found",
    }
    assert many["errors"] == {"body": ["x"]}
    assert "error" not in many


def test_a_client_is_not_told_where_a_server_is() -> None:
    """An adapter names it behind a colon, for operators; the regression of a 503 that named the log's host and port."""
    exchange = Heard()
    refuse(
        cast("Exchange", exchange), errors.UnavailableError("The log is away: Error 111 connecting to 10.0.0.7:6379")
    )

    assert exchange.status == 503
    assert json.loads(exchange.body)["detail"] == json.loads(exchange.body)["error"] == "The log is away"
    assert b"10.0.0.7" not in exchange.body


class Heard:
    """An exchange that keeps its answer."""

    request_id = "id-1"

    def respond(self, status: int, headers: object, body: bytes) -> None:
        """Keep it."""
        del headers
        self.status, self.body = status, body
