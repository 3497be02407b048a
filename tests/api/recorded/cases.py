"""What a recorded case is, and how an answer is held against it.

The tables beside this file were written by hand from the HTTP contract. ``{base}`` in a target is
the application's path, under which chat 1 exists and has no message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.support.answers import TIME, check_answer, check_problem
from tests.support.client import JSON_TYPE, Answer, Client, Headers
from tests.support.tenant import ALIAS, APPLICATIONS, Tenant

CHATS = "{base}/chats"
MESSAGES = "{base}/chats/1/messages"
BULK = "{base}/chats/1/messages/bulk"

Sentence = str | re.Pattern[str]
ANY = re.compile(r"(?s).+")
BLANK = "can't be blank"


class Created(NamedTuple):
    """201 with exactly this JSON; ``{time}`` stands for any time."""

    body: Any
    location: str | None = None
    """Path under ``/chats`` that Location names."""
    contains: bytes = b""
    """Bytes that the body has as they are."""
    headers: Mapping[str, str | None] = {}
    """Values; ``None`` for a header that is not there."""


class Problem(NamedTuple):
    """A problem with exactly this sentence, or these sentences by member."""

    status: int
    error: Sentence | None = None
    errors: Mapping[str, Sentence] | None = None
    code: str | None = None


class Alike(NamedTuple):
    """The contract leaves it open: one of these, and the same on both services."""

    statuses: tuple[int, ...]


class Case(NamedTuple):
    """One request and the answer that the contract gives it."""

    name: str
    target: str
    answer: Created | Problem | Alike
    body: bytes | None = None
    headers: Headers = (JSON_TYPE,)
    method: str = "POST"
    host: str | None = None


def dumps(value: object) -> bytes:
    """Write JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()


def json_case(name: str, target: str, value: object, answer: Created | Problem | Alike) -> Case:
    """Make a case that posts a JSON value."""
    return Case(name, target, answer, dumps(value))


def chat(number: int = 1, title: str | None = None) -> Created:
    """Make the answer of a created chat."""
    body = {"number": number, "messages_count": 0, "title": title, "created_at": "{time}"}
    return Created(body, f"/{number}")


def message(number: int = 1, contains: bytes = b"", **fields: object) -> Created:
    """Make the answer of a created message."""
    return Created({"number": number, **fields, "created_at": "{time}"}, f"/1/messages/{number}", contains)


def blank(member: str = "body") -> Problem:
    """Make the answer to a blank member."""
    return Problem(422, errors={member: BLANK})


def wrong(member: str, sentence: Sentence = ANY) -> Problem:
    """Make the answer to a member with a wrong type or value."""
    return Problem(422, errors={member: sentence})


NOT_JSON = Problem(400, error=ANY)
UNSUPPORTED = Problem(415, error=ANY)
NO_APPLICATION = Problem(404, error="ChatApplication not found")
NO_CHAT = Problem(404, error="Chat not found")
NO_ROUTE = Problem(404, error=ANY)
TOO_LARGE = Problem(413, error=ANY)
BAD_KEY = Problem(400, error=ANY)


def ask(client: Client, case: Case, tenant: Tenant) -> Answer:
    """Send a case's request for an application of its own."""
    token = tenant.token
    names = {
        "base": f"{APPLICATIONS}/{token}",
        "alias": f"{ALIAS}/{token}",
        "token": token,
        "upper": token.upper() if token.upper() != token else "A" * 32,
        "near": token[:-1] + ("0" if token[-1] != "0" else "1"),
        "short": token[:-1],
    }
    target = case.target
    for name, value in names.items():
        target = target.replace(f"{{{name}}}", value)
    return client.request(case.method, target, case.body, case.headers, host=case.host)


def check(answer: Answer, expected: Created | Problem | Alike, token: str, durability: str) -> None:
    """Hold an answer against the recorded one; a write that nobody waited for is ``durability``."""
    assert answer.status in _statuses(expected), (answer.status, answer.body[:600])
    if isinstance(expected, Created):
        _check_created(answer, expected, durability)
    elif answer.status >= 400:
        problem = check_problem(answer, token)
        if isinstance(expected, Problem):
            _check_sentences(problem, expected)


def _statuses(expected: Created | Problem | Alike) -> tuple[int, ...]:
    if isinstance(expected, Alike):
        return expected.statuses
    return (expected.status,) if isinstance(expected, Problem) else (201,)


def _check_created(answer: Answer, expected: Created, durability: str) -> None:
    check_answer(answer)
    assert answer.header("Content-Type") in {"application/json", "application/json; charset=utf-8"}
    body = json.loads(answer.body)
    times = [name for name, value in expected.body.items() if value == "{time}"]
    assert all(TIME.fullmatch(body[name]) for name in times), body
    assert {**body, **dict.fromkeys(times, "{time}")} == expected.body
    assert expected.contains in answer.body, answer.body[:600]
    has_waited = answer.header("Preference-Applied") == "wait"
    assert answer.header("Parley-Durability") == ("stored" if has_waited else durability)
    if expected.location is not None:
        location = answer.header("Location") or ""
        assert re.fullmatch(rf"/api/v1/(chat_)?applications/[0-9a-f]{{32}}/chats{expected.location}", location), (
            location
        )
    for name, value in expected.headers.items():
        assert answer.header(name) == value, f"{name}: {answer.header(name)}"


def _check_sentences(problem: dict[str, Any], expected: Problem) -> None:
    if expected.code is not None:
        assert problem["code"] == expected.code
    if expected.error is not None:
        assert "error" in problem, problem
        assert _is(problem["error"], expected.error), problem
    if expected.errors is not None:
        assert set(problem.get("errors", {})) == set(expected.errors), problem
        for member, sentence in expected.errors.items():
            assert any(_is(each, sentence) for each in problem["errors"][member]), problem


def _is(sentence: str, expected: Sentence) -> bool:
    return sentence == expected if isinstance(expected, str) else bool(expected.search(sentence))


_UNLIKE = {"x-request-id", "date", "server-timing"}
_IDS_IN_A_PROBLEM = 2


def comparable(answer: Answer, token: str) -> tuple[int, list[tuple[str, str]], str]:
    """Take out of an answer what may differ between two services: token, times, request id and its length."""
    request_id = answer.header("X-Request-Id") or "-"
    headers = sorted((name.lower(), value.replace(token, "{token}")) for name, value in answer.headers)
    if ("content-type", "application/problem+json") in headers:
        ids = _IDS_IN_A_PROBLEM * len(request_id)
        headers = [(name, str(int(value) - ids) if name == "content-length" else value) for name, value in headers]
    body = answer.body.decode("utf-8", "surrogateescape").replace(token, "{token}").replace(request_id, "{request_id}")
    return answer.status, [pair for pair in headers if pair[0] not in _UNLIKE], TIME.sub("{time}", body)
