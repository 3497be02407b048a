"""Counting answers: every route has one label, whatever the path holds."""

from __future__ import annotations

import pytest

from parley.http.counting import UNKNOWN, UNREAD, RequestCounts, find_route
from parley.http.operations import OPERATIONS, Operation
from parley.http.wire.request import Request, RequestLine
from parley.telemetry.metrics import Metrics

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of nobody
FILLED = {"{token}": TOKEN, "{chat}": "17", "{number}": "99"}


class Nobody:
    """A client that is not there."""

    def answered(self, request: Request) -> None:
        """Take no notice."""

    def address(self, which: str) -> tuple[str, int] | None:
        """Be nowhere."""
        del which
        return None


def ask(method: str, path: str) -> Request:
    """Make a request."""
    return Request(Nobody(), RequestLine(method, 1, path, path.encode(), b"", None))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_counted_under_its_template(operation: Operation) -> None:
    """In both spellings, with real numbers in it and with nonsense."""
    for path in operation.paths:
        for change in (FILLED, dict.fromkeys(FILLED, "x%y z")):
            filled = path
            for key, value in change.items():
                filled = filled.replace(key, value)

            assert find_route(filled) == operation.documented_path


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/api/v1", "/api/v1/x/1/chats", f"/api/v1/applications/{TOKEN}/x", "/a" * 100]
)
def test_other_paths_are_one_route(path: str) -> None:
    """So nobody can make labels."""
    assert find_route(path) == UNKNOWN


def test_answers_are_counted_by_status_class() -> None:
    """With their time; a method that is none of ours is "other", what was never read has a route of its own."""
    metrics = Metrics()
    count = RequestCounts(metrics, "api")

    count(ask("GET", "/health"), 200, 1.5)
    count(ask("GET", "/health"), 204, 1.5)
    count(ask("GET", "/health"), 503, 1.5)
    for method in ("BREW", "brew"):
        count(ask(method, "/health"), 405, 1.5)
    count(ask("", ""), 400, 0)

    counted = {labels: counter.value for labels, counter in metrics.requests}
    assert counted == {
        ("api", "GET", "/health", "2xx"): 2,
        ("api", "GET", "/health", "5xx"): 1,
        ("api", "other", "/health", "4xx"): 2,
        ("api", "other", UNREAD, "4xx"): 1,
    }
    assert metrics.request_seconds.child("api").sum == pytest.approx(0.0075)
