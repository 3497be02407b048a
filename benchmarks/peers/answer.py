"""What the peers in Python share: the flags of every peer, and an answer that is as large as a real one."""

from __future__ import annotations

import argparse
from typing import Final

TEXT: Final = "a message of about a hundred bytes, as people write " * 2
"""The body of the message that the benchmarks send."""

MESSAGE: Final = {"number": 1234, "body": TEXT, "created_at": "2026-11-21T23:13:06.000Z"}
BODY: Final = f'{{"number":1234,"body":"{TEXT}","created_at":"2026-11-21T23:13:06.000Z"}}'.encode()

HEADERS: Final = [
    (b"Content-Type", b"application/json"),
    (b"Parley-Durability", b"queued"),
    (b"Location", b"/api/v1/applications/0424fdcec794933c0909e9e72f6de1a4/chats/1/messages/1234"),
]
"""Those that an application gives; the server adds the others."""


def flags(about: str | None) -> argparse.ArgumentParser:
    """Give a parser of what every peer is told."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--redis", default="127.0.0.1:6379", help="HOST:PORT of a Redis that is this peer's alone")
    parser.add_argument("--tokens", help="a file with the known applications' tokens, one a line")
    parser.add_argument("--chats", type=int, default=1, help="how many chats each application has")
    parser.add_argument("--durability", default="queued", help="what the answers say: queued or relaxed")
    return parser
