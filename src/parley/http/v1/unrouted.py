"""What no route takes: unknown paths, and wrong methods on known ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException

from parley.http.exchange import Exchange
from parley.http.front import refuse_unknown
from parley.http.operations import Operation
from parley.http.problems import CONTENT_TYPE, problem
from parley.http.requests import read_number
from parley.http.v1.routing import ANSWERED, Answered

_PARTS: Final = {"token": "[^/]+", "chat": "(?P<chat>[^/]+)", "number": "(?P<number>[^/]+)"}


def allowed_methods(operations: Iterable[Operation]) -> dict[tuple[str, ...], bytes]:
    """Give the value of ``Allow`` for each resource, a resource being all spellings of its path."""
    methods: dict[tuple[str, ...], set[str]] = {}
    for operation in operations:
        methods.setdefault(tuple(operation.paths), {"OPTIONS"}).update(operation.methods)
    return {
        paths: ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set()))).encode()
        for paths, found in methods.items()
    }


class _Refused(Response[None]):
    """What Litestar gets in place of an error's response."""

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> Answered:  # noqa: ANN401 - nothing of it is used
        """Give what does nothing, for the exchange has its answer."""
        del args, kwargs
        return ANSWERED


class Unrouted:
    """Answers what the router refused, in the shape of every other error."""

    def __init__(self, allowed: dict[tuple[str, ...], bytes]) -> None:
        """Take the methods of every resource."""
        self._resources = [(_pattern(path), allow) for paths, allow in allowed.items() for path in paths]

    def __call__(self, request: Request[Any, Any, Any], error: HTTPException) -> Response[None]:
        """Answer 405 with ``Allow`` on a path that is known, else 404; 400 for a Host that is none."""
        exchange: Exchange = request.scope["state"]["exchange"]
        allow = self._allow(exchange.path)
        if error.status_code not in {404, 405}:
            body = problem(400, "malformed_request", "The request cannot be understood", exchange.request_id)
            exchange.respond(400, [CONTENT_TYPE], body)
        elif allow is None:
            refuse_unknown(exchange)
        else:
            body = problem(405, "method_not_allowed", "Method not allowed", exchange.request_id)
            exchange.respond(405, [CONTENT_TYPE, (b"Allow", allow)], body)
        return _Refused(None)

    def _allow(self, path: str) -> bytes | None:
        """Give the methods of a path; none if it is unknown or has a number that is no number."""
        for pattern, allow in self._resources:
            found = pattern.fullmatch(path)
            if found is not None and all(read_number(number) for number in found.groups()):
                return allow
        return None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", lambda part: _PARTS[part[1]], re.sub(r"[.]", r"\\.", path)))
