"""What stands in front of both services: one spelling of every path, and CORS."""

from __future__ import annotations

from collections.abc import Callable

from parley.http.cors import Cors
from parley.http.exchange import Exchange
from parley.http.problems import CONTENT_TYPE, problem

Application = Callable[[Exchange], None]


class Front:
    """Hands an exchange on, unless its path has a second spelling or it is a preflight."""

    __slots__ = ("_application", "_cors")

    def __init__(self, application: Application, cors: Cors) -> None:
        """Stand in front of ``application``."""
        self._application = application
        self._cors = cors

    def __call__(self, exchange: Exchange) -> None:
        """Answer one exchange, or let it be answered."""
        origin = exchange.headers.get(b"origin")
        if origin is not None:
            exchange.extra_headers = (*exchange.extra_headers, *self._cors.answer_headers(origin))
            if _is_preflight(exchange) and self._cors.allows(origin):
                exchange.respond(204, self._cors.preflight_headers(), b"")
                return
        path = exchange.path
        if path[-1:] == "/" or "//" in path or ("%2" in path and "%2f" in path.lower()):
            refuse_unknown(exchange)
        else:
            self._application(exchange)


def refuse_unknown(exchange: Exchange) -> None:
    """Answer that there is no such route."""
    exchange.respond(404, [CONTENT_TYPE], problem(404, "route_not_found", "Not found", exchange.request_id))


def _is_preflight(exchange: Exchange) -> bool:
    return exchange.method == "OPTIONS" and b"access-control-request-method" in exchange.headers
