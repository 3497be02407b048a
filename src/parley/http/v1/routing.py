"""How a Litestar route answers an exchange: without models, injection or response objects."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple, cast

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.status_codes import HTTP_200_OK
from litestar.types import Method, Receive, Scope, Send

from parley.domain.errors import NotFoundError, ParleyError
from parley.http.exchange import Exchange
from parley.http.problems import refuse
from parley.http.requests import read_number

_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """What a path names, empty or 0 where the path has no such part."""

    token: str
    chat: int
    number: int


Handle = Callable[[Exchange, Place], Awaitable[None]]


class Answered(ASGIResponse):
    """What Litestar gets in place of a response: the exchange has its answer already."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do nothing."""


ANSWERED: Final = Answered()


def route(paths: Sequence[str], method: str, handle: Handle) -> HTTPRouteHandler:
    """Make a Litestar route that lets ``handle`` answer; GET stands for HEAD too."""

    async def answer(request: Request[Any, Any, Any]) -> Answered:
        exchange: Exchange = request.scope["state"]["exchange"]
        try:
            await handle(exchange, _place(request.scope["path_params"]))
        except ParleyError as error:
            refuse(exchange, error)
        except Exception as error:  # noqa: BLE001 - Litestar would answer it in its own shape
            _log.exception("request failed", extra={"request_id": exchange.request_id})
            refuse(exchange, error)
        return ANSWERED

    methods = cast("list[Method]", ["GET", "HEAD"] if method == "GET" else [method])
    litestar_paths = [path.replace("}", ":str}") for path in paths]
    # A status of its own would tell Litestar that DELETE may not return anything.
    return HTTPRouteHandler(litestar_paths, http_method=methods, status_code=HTTP_200_OK)(answer)


def options_route(paths: Sequence[str], allow: bytes) -> HTTPRouteHandler:
    """Make the route that answers OPTIONS with the methods of its paths."""

    async def handle(exchange: Exchange, place: Place) -> None:
        del place
        exchange.respond(204, [(b"Allow", allow)], b"")

    return route(paths, "OPTIONS", handle)


def _place(names: dict[str, str]) -> Place:
    chat, number = names.get("chat"), names.get("number")
    return Place(
        names.get("token", ""),
        0 if chat is None else _number(chat, "Chat"),
        0 if number is None else _number(number, "Message"),
    )


def _number(text: str, what: str) -> int:
    number = read_number(text)
    if number is None:
        raise NotFoundError(what)
    return number
