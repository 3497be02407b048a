"""What the suites about the manners of both ports share: a service, requests to send it, and its problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parley.http.asgi import AsgiBridge
from parley.http.wire.limits import Limits
from parley.http.wire.request import Application
from tests.support.wired import Answer, Raw, Sample, Wired

LIMITS = Limits(
    header_timeout_s=0.6, body_timeout_s=0.8, keep_alive_timeout_s=1.2, write_timeout_s=0.6, linger_s=0.3,
    max_connections=2200, max_pipelined=128,
)  # fmt: skip
GET = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
LATER = POST.replace(b"/echo", b"/later")
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Service:
    """A running wire and the sample behind it."""

    wired: Wired
    sample: Sample

    def connect(self, **options: int) -> Raw:
        """Open a connection."""
        return Raw(self.wired.port, **options)

    @property
    def at_once(self) -> int:
        """How many requests of a connection may be unanswered."""
        bridged = isinstance(self.wired.applications[0], AsgiBridge)
        return 1 if bridged else self.wired.limits.max_pipelined

    def release(self) -> None:
        """Answer what waits."""
        self.wired.call(self.sample.release)

    def wait_for(self, count: int) -> None:
        """Wait until so many requests wait in the application."""
        self.wired.until(lambda: len(self.sample.waiting) == count)


def behind(sample: Sample, kind: str) -> Callable[[], Application]:
    """Give a way to put the sample behind the wire, ``direct`` or through the ``bridge``."""
    return {"direct": lambda: sample.direct, "bridge": lambda: AsgiBridge(sample.asgi)}[kind]  # type: ignore[arg-type, return-value]


def assert_problem(answer: Answer, status: int, code: str) -> None:
    """Check that an answer is a whole problem, as the contract wants it."""
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json
    assert (body["status"], body["code"], body["detail"]) == (status, code, body["error"])
    assert body["instance"] == f"urn:parley:request:{body['request_id']}"
    assert body["request_id"] == answer.headers["X-Request-Id"] != ""
    assert {"type", "title"} < set(body)


def fields(*lines: bytes, line: bytes = b"POST /echo HTTP/1.1", body: bytes = b"") -> bytes:
    """Write a request from its fields."""
    return b"\r\n".join([line, *lines, b"", body])
