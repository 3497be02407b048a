"""A Litestar handler that does nothing behind Parley's bridge: what the full API would cost without its work."""

from __future__ import annotations

from typing import Any, cast

from litestar import Litestar, Request, Response, get, post

from benchmarks.peers.answer import HEADERS, MESSAGE, flags
from benchmarks.peers.ours import run
from parley.http.asgi import AsgiApplication, AsgiBridge

_HEADERS = {name.decode(): value.decode() for name, value in HEADERS[1:]}


@post("/api/v1/applications/{token:str}/chats/{chat:int}/messages")
async def create(request: Request[Any, Any, Any]) -> Response[dict[str, object]]:
    """Read the body and answer the same as ever."""
    await request.body()
    return Response(MESSAGE, headers=_HEADERS)


@get("/health")
async def health() -> None:
    """Be there."""


if __name__ == "__main__":
    application = Litestar([create, health], openapi_config=None, logging_config=None)
    run(AsgiBridge(cast("AsgiApplication", application)), flags(__doc__).parse_args().port, at_once=1)
