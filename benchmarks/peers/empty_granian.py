"""An ASGI application that does nothing, behind granian with one worker: what a server for any framework costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from granian import Granian
from granian.constants import Interfaces

from benchmarks.peers.answer import BODY, HEADERS, flags

_HEADERS: Final = [
    *((name.lower(), value) for name, value in HEADERS),
    (b"x-request-id", b"204dad0180294"),
    (b"server-timing", b"app;dur=0.76"),
    (b"content-length", b"%d" % len(BODY)),
]

Message = MutableMapping[str, Any]


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer every request the same."""
    if scope["type"] != "http":
        return
    status = 200 if scope["path"] == "/health" else 201
    await receive()
    await send({"type": "http.response.start", "status": status, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    told = flags(__doc__).parse_args()
    Granian(
        "benchmarks.peers.empty_granian:application",
        address="127.0.0.1",
        port=told.port,
        interface=Interfaces.ASGI,
        workers=1,
        log_access=False,
    ).serve()
