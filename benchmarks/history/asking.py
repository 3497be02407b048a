"""Times requests one after the other on one connection, with as little work of its own as possible."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RECEIVED: Final = 1 << 18
_PATIENCE_S: Final = 30.0


class Latencies(NamedTuple):
    """What so many requests took, in milliseconds."""

    asked: int
    p50: float
    p99: float


class Asker:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        """Connect to the service at ``url``."""
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=_PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> float:
        """Send a request and give the milliseconds until its whole answer was there.

        Raises:
            RuntimeError: the answer is none of success.
        """
        began = time.perf_counter()
        self._socket.sendall(request)
        answer = self._receive()
        took_ms = (time.perf_counter() - began) * 1_000
        if not answer.startswith(b"HTTP/1.1 20"):
            raise RuntimeError(f"{request[:200]!r} was answered with {answer[:400]!r}")
        return took_ms

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _receive(self) -> bytes:
        answer = b""
        while (end := answer.find(_HEAD_END)) < 0:
            answer += self._more()
        length = _LENGTH.search(answer, 0, end)
        missing = end + len(_HEAD_END) + (int(length[1]) if length else 0) - len(answer)
        while missing > 0:
            more = self._more()
            answer += more
            missing -= len(more)
        return answer

    def _more(self) -> bytes:
        more = self._socket.recv(_RECEIVED)
        if not more:
            raise RuntimeError("the service hung up")
        return more


def get(path: str, **query: object) -> bytes:
    """Make a read's bytes."""
    asked = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    return f"GET {path}{'?' if asked else ''}{asked} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: Mapping[str, object]) -> bytes:
    """Make a write's bytes."""
    sent = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}"
    return head.encode() + _HEAD_END + sent


def time_all(url: str, requests: Iterable[bytes], *, warmups: int = 0) -> Latencies:
    """Time requests; the first ones warm up and are not counted."""
    asker = Asker(url)
    try:
        taken = [asker.ask(request) for request in requests][warmups:]
    finally:
        asker.close()
    return summed_up(taken)


def summed_up(taken: Iterable[float]) -> Latencies:
    """Give how many they were, the median and the 99th percentile."""
    ordered = sorted(taken)
    return Latencies(len(ordered), ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100])
