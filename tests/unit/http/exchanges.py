"""The wire's own requests, without a wire: made by hand, answered into memory."""

from __future__ import annotations

from parley.http.wire.request import Request, RequestLine


class Listening:
    """A client that only takes notice."""

    def answered(self, request: Request) -> None:
        """Have the answer where the request keeps it."""

    def address(self, which: str) -> tuple[str, int] | None:
        """Be on this machine, at both ends."""
        del which
        return "127.0.0.1", 1


def make_request(
    path: str = "/", method: str = "GET", *, query: bytes = b"", headers: dict[bytes, bytes] | None = None
) -> Request:
    """Make a complete request without a body."""
    request = Request(Listening(), RequestLine(method, 1, path, path.encode(), query, None))
    request.headers = {b"host": b"127.0.0.1:3000", **(headers or {})}
    request.request_id = "r1"
    return request


def told(request: Request) -> tuple[int, dict[str, str], bytes]:
    """Give the status, headers and body of a request's answer."""
    assert request.answer is not None
    status, lines, body = request.answer
    pairs = (line.split(": ", 1) for line in lines.decode().split("\r\n") if line)
    return status, {name: value for name, value in pairs}, body  # noqa: C416 - pairs are lists
