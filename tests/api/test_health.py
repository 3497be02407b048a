"""Health, readiness and metrics of both ports; OpenAPI and docs have their own tests."""

from __future__ import annotations

import re

import pytest

from tests.support.answers import TIME, check_answer, check_problem
from tests.support.client import Client
from tests.support.tenant import expect

EITHER_PORT = pytest.mark.parametrize("port", ["api", "write"])
_SAMPLE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]\w*="(\\.|[^"\\])*",?)*\})? (\S+)( \d+)?')


@EITHER_PORT
def test_health_shows_each_dependency(port: str, services: dict[str, Client]) -> None:
    """200 with status, time and the four services, each with its status and latency."""
    answer = services[port].get("/health")

    health = expect(answer, 200)
    check_answer(answer)
    assert sorted(health) == ["services", "status", "timestamp"]
    assert health["status"] == "healthy"
    assert TIME.fullmatch(health["timestamp"])
    assert sorted(health["services"]) == ["database", "log", "search", "workers"]
    for name, service in health["services"].items():
        assert {"status", "latency_ms"} <= set(service) <= {"status", "latency_ms", "message"}, name
        assert service["status"] == "healthy", name
        assert isinstance(service["latency_ms"], int | float), name
        assert service["latency_ms"] >= 0, name


@EITHER_PORT
def test_ready_says_that_the_process_can_work(port: str, services: dict[str, Client]) -> None:
    """200, with nothing degraded on a quiet server."""
    answer = services[port].get("/ready")

    ready = expect(answer, 200)
    check_answer(answer)
    assert ready["degraded"] == []


@EITHER_PORT
def test_metrics_are_in_the_prometheus_text_format(port: str, services: dict[str, Client]) -> None:
    """Each line is a comment or a sample, each sample belongs to a described family."""
    answer = services[port].get("/metrics")

    assert answer.status == 200
    check_answer(answer)
    assert (answer.header("Content-Type") or "").startswith("text/plain")
    described = set()
    for line in answer.body.decode().splitlines():
        if line.startswith("# "):
            described.add(line.split(" ")[2])
        elif line:
            match = _SAMPLE.fullmatch(line)
            assert match, line
            float(match[4])
            name = re.split(r"[{ ]", line)[0]
            family = re.sub(r"_(total|sum|count|bucket|created|info)$", "", name)
            assert {name, family} & described, line
    assert any(name.startswith("parley_") for name in described)


@EITHER_PORT
@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "BREW", "get"])
def test_a_wrong_method_is_refused(method: str, path: str, port: str, services: dict[str, Client]) -> None:
    """405 with what is allowed."""
    answer = services[port].request(method, path)

    assert answer.status == 405
    check_problem(answer)
    assert {"GET", "HEAD"} <= {name.strip() for name in (answer.header("Allow") or "").split(",")}


@EITHER_PORT
def test_health_does_not_mind_who_asks(port: str, services: dict[str, Client]) -> None:
    """A probe of a load balancer has another host and no token."""
    for path in ("/health", "/ready", "/metrics"):
        assert services[port].request("GET", path, host="10.1.2.3:80").status == 200
