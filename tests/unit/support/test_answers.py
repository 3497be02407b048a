"""The checkers see what they are there to see: each fault alone makes them fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.recorded.cases import Created, Problem, chat, check, comparable
from tests.support.answers import check_answer, check_problem, links
from tests.support.client import Answer
from tests.support.oracle import matches

HEADERS = [("X-Request-Id", "r1"), ("Server-Timing", "app;dur=0.4"), ("Content-Type", "application/problem+json")]
GOOD = {
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "detail": "Chat not found",
    "instance": "urn:parley:request:r1",
    "code": "chat_not_found",
    "request_id": "r1",
    "error": "Chat not found",
}
TOKEN = "0" * 32


def _problem(change: dict[str, Any]) -> Answer:
    members = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    return Answer(404, "Not Found", HEADERS, json.dumps(members).encode())


def _as_sent(problem: dict[str, Any]) -> Answer:
    body = json.dumps(problem).encode()
    headers = [("X-Request-Id", problem["request_id"]), HEADERS[2], ("Content-Length", str(len(body)))]
    return Answer(404, "Not Found", headers, body)


def test_a_good_problem_passes() -> None:
    """With a sentence, or with sentences by member."""
    assert check_problem(_problem({}), TOKEN) == GOOD
    check_problem(_problem({"error": None, "errors": {"body": ["can't be blank"]}}))


FAULTS: dict[str, dict[str, Any]] = {
    "no-code": {"code": None},
    "code-in-capitals": {"code": "ChatNotFound"},
    "other-status": {"status": 400},
    "path-as-instance": {"instance": "/api/v1/chats"},
    "other-request-id": {"request_id": "r2", "instance": "urn:parley:request:r2"},
    "error-and-errors": {"errors": {"body": ["x"]}},
    "neither-error-nor-errors": {"error": None},
    "blank-error": {"error": " "},
    "errors-not-lists": {"error": None, "errors": {"body": "x"}},
    "errors-empty": {"error": None, "errors": {}},
    "no-sentence": {"error": None, "errors": {"body": []}},
    "empty-title": {"title": ""},
    "member-of-its-own": {"stack": "x"},
    "traceback": {"detail": "Traceback (most recent call last)"},
    "sql": {"detail": "near SELECT x FROM y"},
    "driver": {"error": "apsw.BusyError"},
    "address": {"error": "no connection to 127.0.0.1"},
    "token": {"detail": f"no application {TOKEN}"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_problem_fails(fault: str) -> None:
    """One member wrong, missing or too many."""
    with pytest.raises(AssertionError):
        check_problem(_problem(FAULTS[fault]), TOKEN)


@pytest.mark.parametrize("missing", range(3))
def test_a_problem_without_its_headers_fails(missing: int) -> None:
    """Request id, timing, content type."""
    headers = [header for n, header in enumerate(HEADERS) if n != missing]

    with pytest.raises(AssertionError):
        check_problem(_problem({})._replace(headers=headers))


def test_a_server_version_fails() -> None:
    """`Server` may name nobody's version."""
    with pytest.raises(AssertionError, match="version"):
        check_answer(Answer(200, "", [*HEADERS, ("Server", "x/1.2")], b""))


def _created(change: dict[str, Any], *headers: tuple[str, str]) -> Answer:
    body = {"number": 1, "messages_count": 0, "title": None, "created_at": "2026-01-02T03:04:05.678Z", **change}
    given = {"Content-Type": "application/json", "Parley-Durability": "stored"}
    given["Location"] = f"/api/v1/applications/{TOKEN}/chats/1"
    return Answer(201, "", [*HEADERS[:2], *{**given, **dict(headers)}.items()], json.dumps(body).encode())


def test_a_recorded_answer_passes() -> None:
    """The time is any time; who waited has it stored, whatever the others have."""
    check(_created({}), chat(), TOKEN, "stored")
    check(_created({}, ("Parley-Durability", "queued")), chat(), TOKEN, "queued")
    check(_created({}, ("Preference-Applied", "wait")), chat(), TOKEN, "queued")


@pytest.mark.parametrize(
    "answer",
    [
        _created({"number": 2}),
        _created({"id": 7}),
        _created({"created_at": "2026-01-02T03:04:05Z"}),
        _created({}, ("Location", "/chats/1")),
        _created({}, ("Parley-Durability", "queued")),
        _created({}, ("Parley-Durability", "queued"), ("Preference-Applied", "wait")),
        _created({}, ("Content-Type", "text/plain")),
        _created({})._replace(status=200),
        _problem({}),
    ],
    ids=["number", "extra", "time", "location", "durability", "waited", "type", "status", "problem"],
)
def test_another_answer_than_the_recorded_one_fails(answer: Answer) -> None:
    """Body, headers and status all count."""
    with pytest.raises(AssertionError):
        check(answer, chat(), TOKEN, "stored")


@pytest.mark.parametrize(
    "recorded",
    [
        Problem(400),
        Problem(404, error="Message not found"),
        Problem(404, errors={"body": "x"}),
        Problem(404, code="x"),
        chat(),
    ],
    ids=["status", "sentence", "members", "code", "created"],
)
def test_another_problem_than_the_recorded_one_fails(recorded: Problem | Created) -> None:
    """Status, sentence, members and code all count."""
    check(_problem({}), Problem(404, error="Chat not found", code="chat_not_found"), TOKEN, "stored")

    with pytest.raises(AssertionError):
        check(_problem({}), recorded, TOKEN, "stored")


def test_two_services_may_differ_in_ids_and_times_only() -> None:
    """Token, request id, times and the order of headers; nothing else."""
    one = _created({})
    other = Answer(
        201,
        "",
        [(name.upper(), value.replace(TOKEN, "f" * 32)) for name, value in reversed(one.headers)],
        one.body.replace(b"05.678", b"06.000"),
    )

    assert comparable(one, TOKEN) == comparable(other, "f" * 32)
    assert comparable(one, TOKEN) != comparable(_created({"title": "x"}), TOKEN)
    assert comparable(one, TOKEN) != comparable(_created({}, ("Vary", "Origin")), TOKEN)


@pytest.mark.parametrize("longer", ["instance", "detail"])
def test_the_length_of_a_problem_counts_without_its_request_ids(longer: str) -> None:
    """One process gives longer ids than another; any other difference in length is one."""
    problems = [GOOD, {**GOOD, "request_id": "r10", "instance": "urn:parley:request:r10"}]
    if longer == "detail":
        problems[1] = {**problems[1], "detail": "Chat  not found"}
    answers = [_as_sent(problem) for problem in problems]

    assert (comparable(answers[0], TOKEN) == comparable(answers[1], TOKEN)) == (longer == "instance")
    heads = [comparable(answer._replace(body=b""), TOKEN) for answer in answers]
    assert (heads[0] == heads[1]) == (longer == "instance")


def test_links_are_read_by_relation() -> None:
    """Relative or absolute, in one header or in two."""
    one = Answer(200, "", [("Link", '</a?after=1>; rel="next", <http://h:1/a?before=1>; rel="prev"')], b"")
    two = Answer(200, "", [("Link", '</a?after=1>; rel="next"'), ("Link", '</a?before=1>; rel="prev"')], b"")

    assert links(one, "/a") == links(two, "/a") == {"next": "/a?after=1", "prev": "/a?before=1"}


def test_the_search_oracle_folds_both_sides() -> None:
    """Case and composition do not count, everything else does."""
    bodies = {1: "Caf\u00e9", 2: "CAFE\u0301", 3: "cafe", 4: "Straße"}

    assert matches(bodies, "café") == [1, 2]
    assert matches(bodies, " CAFE ") == [3]
    assert matches(bodies, "strasse") == [4]
