"""An application that does nothing on Parley's own wire: what the product's server costs, and no more."""

from __future__ import annotations

from benchmarks.peers.answer import BODY, HEADERS, flags
from benchmarks.peers.ours import run
from parley.http.wire.request import Request


def application(request: Request) -> None:
    """Answer every request the same."""
    request.respond(200 if request.path == "/health" else 201, HEADERS, BODY)


if __name__ == "__main__":
    run(application, flags(__doc__).parse_args().port)
