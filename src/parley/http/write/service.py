"""What the write port answers besides creates: health, and where everything else lives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from parley.http.exchange import Exchange
from parley.http.front import refuse_unknown
from parley.http.operations import OPERATIONS
from parley.http.paths import read_create_path
from parley.http.problems import CONTENT_TYPE, problem

Application = Callable[[Exchange], None]

_ELSEWHERE: Final = re.compile(
    "|".join(re.sub(r"\{\w+\}", "[^/]+", path) for operation in OPERATIONS for path in operation.paths)
)
"""The paths of the full API."""


class WriteService:
    """What the write port answers besides creates: health, and where everything else lives."""

    def __init__(self, probes: dict[str, Application], api_port: int) -> None:
        """Answer ``GET`` on the paths of ``probes``; name ``api_port`` for the full API's routes."""
        self._probes = probes
        self._api_port = api_port

    def __call__(self, exchange: Exchange) -> None:
        """Answer one exchange."""
        if answer_probe(self._probes, exchange):
            return
        path = read_create_path(exchange.path)
        if path is not None and not path.is_impossible:
            _allow(exchange, None, b"POST, OPTIONS", set())
        else:
            detail = "Not found"
            if _ELSEWHERE.fullmatch(exchange.path):
                detail = f"Not found on the write service; the full API on port {self._api_port} has it"
            exchange.respond(404, [CONTENT_TYPE], problem(404, "route_not_found", detail, exchange.request_id))


class ProbeService:
    """Health, readiness and metrics, and nothing else: for processes without a port of their own."""

    def __init__(self, probes: dict[str, Application]) -> None:
        """Answer ``GET`` on the paths of ``probes``."""
        self._probes = probes

    def __call__(self, exchange: Exchange) -> None:
        """Answer one exchange."""
        if not answer_probe(self._probes, exchange):
            refuse_unknown(exchange)


def answer_probe(probes: dict[str, Application], exchange: Exchange) -> bool:
    """Answer an exchange on the path of a probe; ``False`` on another path."""
    probe = probes.get(exchange.path)
    if probe is not None:
        _allow(exchange, probe, b"GET, HEAD, OPTIONS", {"GET", "HEAD"})
    return probe is not None


def _allow(exchange: Exchange, probe: Application | None, allow: bytes, methods: set[str]) -> None:
    if probe is not None and exchange.method in methods:
        probe(exchange)
    elif exchange.method == "OPTIONS":
        exchange.respond(204, [(b"Allow", allow)], b"")
    else:
        body = problem(405, "method_not_allowed", "Method not allowed", exchange.request_id)
        exchange.respond(405, [CONTENT_TYPE, (b"Allow", allow)], body)
