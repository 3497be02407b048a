"""Checkers for what every answer of both services owes, whatever was asked."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

from tests.support.client import Answer

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TOKEN = re.compile(r"[0-9a-f]{32}")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_CODE = re.compile(r"[a-z]+(_[a-z0-9]+)*")
_TIMING = re.compile(r"app;dur=\d+(\.\d+)?")
_INTERNALS = re.compile(
    r"traceback|sqlite|apsw|litestar|uvicorn|granian|msgspec|python|httptools|\.py\b|\bselect .* from\b"
    r"|\binsert into\b|exception|127\.0\.0\.1|0x[0-9a-f]{6}|<[a-z_.]+ object|errno",
    re.IGNORECASE,
)
_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def check_answer(answer: Answer) -> None:
    """Check what every answer carries: a request id, a timing, no server version."""
    request_id = answer.header("X-Request-Id")
    assert request_id is not None, f"no X-Request-Id: {answer}"
    assert REQUEST_ID.fullmatch(request_id), f"X-Request-Id: {request_id}"
    timing = answer.header("Server-Timing")
    assert timing is not None, f"no Server-Timing: {answer}"
    assert _TIMING.search(timing), f"Server-Timing: {timing}"
    assert not re.search(r"\d", answer.header("Server") or ""), "the Server header shows a version"


def check_problem(answer: Answer, *secrets: str) -> dict[str, Any]:
    """Check that an error answer is the problem document of the contract, and give it.

    ``secrets`` (tokens, say) may be nowhere in it.
    """
    check_answer(answer)
    assert (answer.header("Content-Type") or "").split(";")[0] == "application/problem+json", answer
    problem = answer.json()
    assert isinstance(problem, dict), problem
    assert set(problem) in ({*_MEMBERS, "error"}, {*_MEMBERS, "errors"}), f"members: {sorted(problem)}"
    assert problem["status"] == answer.status, problem
    assert problem["request_id"] == answer.header("X-Request-Id"), problem
    assert problem["instance"] == f"urn:parley:request:{problem['request_id']}", problem
    assert _CODE.fullmatch(problem["code"]), problem
    for member in ("type", "title", "detail"):
        assert isinstance(problem[member], str), problem
        assert problem[member], f"{member} is empty: {problem}"
    _check_sentences(problem)
    text = answer.body.decode()
    assert not _INTERNALS.search(text), f"internals: {text}"
    assert not [secret for secret in secrets if secret in text], f"a secret is in {text}"
    return problem


def _check_sentences(problem: dict[str, Any]) -> None:
    if "error" in problem:
        assert isinstance(problem["error"], str), problem
        assert problem["error"].strip(), problem
        return
    assert isinstance(problem["errors"], dict), problem
    assert problem["errors"], problem
    for sentences in problem["errors"].values():
        assert isinstance(sentences, list), problem
        assert sentences, problem
        assert all(isinstance(sentence, str) and sentence for sentence in sentences), problem


def links(answer: Answer, base: str) -> dict[str, str]:
    """Give the targets of the ``Link`` headers (RFC 8288) by relation, as paths with queries."""
    found: dict[str, str] = {}
    for value in answer.every("Link"):
        for part in re.split(r",\s*(?=<)", value):
            match = re.fullmatch(r'<([^>]*)>;\s*rel="?(\w+)"?', part.strip())
            assert match, f"not a link: {part}"
            assert match[2] not in found, f"twice: {answer.every('Link')}"
            found[match[2]] = re.sub(r"^http://[^/]*", "", urljoin(base, match[1]))
    return found
