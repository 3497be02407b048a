"""Counts the answers of one port by method, route and status; a few lookups a request, no label is made."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from parley.http.operations import OPERATIONS
from parley.http.paths import LONGEST_REMEMBERED, REMEMBERED_PATHS
from parley.http.wire.request import Request
from parley.telemetry.instruments import Counter
from parley.telemetry.metrics import Metrics

UNKNOWN: Final = "unknown"
"""The route of a path that no operation has."""

UNREAD: Final = "unread"
"""The route of a request that was refused before it was understood."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WORDS: Final = frozenset({"search", "bulk"})
_TOKEN, _CHAT, _NUMBER = 4, 6, 8
_MS_PER_S: Final = 1000


class RequestCounts:
    """Told of each answer as it is written."""

    __slots__ = ("_counters", "_metrics", "_port", "_seconds")

    def __init__(self, metrics: Metrics, port: str) -> None:
        """Count in ``metrics`` for the port of this name."""
        self._metrics = metrics
        self._port = port
        self._seconds = metrics.request_seconds.child(port)
        self._counters: dict[tuple[str, str, int], Counter] = {}

    def __call__(self, request: Request, status: int, spent_ms: float) -> None:
        """Count one answer."""
        key = (request.method, find_route(request.path), status // 100)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._make(*key)
        counter.value += 1
        self._seconds.observe(spent_ms / _MS_PER_S)

    def _make(self, method: str, route: str, status: int) -> Counter:
        """Make the counter of a combination; methods that are none of ours are one."""
        if method not in _METHODS:
            return self._metrics.requests.child(self._port, "other", route, f"{status}xx")
        counter = self._metrics.requests.child(self._port, method, route, f"{status}xx")
        self._counters[method, route, status] = counter
        return counter


def find_route(path: str) -> str:
    """Give the template that a path belongs to, with the documented spelling of the collection."""
    return _remembered(path) if len(path) <= LONGEST_REMEMBERED else _find(path)


def _find(path: str) -> str:
    fixed = _FIXED.get(path)
    if fixed is not None:
        return fixed
    return _TEMPLATES.get(_shape(path), UNKNOWN)


_remembered = lru_cache(REMEMBERED_PATHS)(_find)


def _shape(path: str) -> tuple[str, ...]:
    """Give the parts of a path, those that vary left empty."""
    parts = path.split("/")
    count = len(parts)
    if count > _TOKEN:
        parts[_TOKEN] = ""
        if count > _CHAT:
            parts[_CHAT] = ""
            if count > _NUMBER and parts[_NUMBER] not in _WORDS:
                parts[_NUMBER] = ""
    return tuple(parts)


_FIXED: Final = {
    "": UNREAD,
    **{path: each.documented_path for each in OPERATIONS for path in each.paths if "{" not in path},
}
_TEMPLATES: Final = {_shape(path): each.documented_path for each in OPERATIONS for path in each.paths}
