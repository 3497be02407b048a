"""A tiny HTTP/1.1 client that sends what it is told and shows what came back, byte for byte.

No redirects, no retries, no cookies, no headers of its own but ``Host`` and, for a body, ``Content-Length``.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, NamedTuple, Self
from urllib.parse import urlsplit

HeaderValue = str | bytes
Headers = Mapping[str, HeaderValue] | Iterable[tuple[str, HeaderValue]]

JSON_TYPE = ("Content-Type", "application/json")


class ClosedError(Exception):
    """The server closed the connection where an answer was due."""


class Answer(NamedTuple):
    """One answer: headers in their order, with duplicates, names as they were sent."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def every(self, name: str) -> list[str]:
        """Give all values of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """Give a header's one value, or ``None``; a header that is there twice fails the test."""
        values = self.every(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else None

    def json(self) -> Any:  # noqa: ANN401 - whatever the server sent
        """Read the body as JSON."""
        return json.loads(self.body)


class Client:
    """Keeps one connection open and speaks to one port. Not for several threads."""

    def __init__(self, url: str, timeout_s: float = 30) -> None:
        """Take ``http://host:port``; the connection is opened by the first request."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.host, self.port = parts.hostname, parts.port
        self.authority = f"{self.host}:{self.port}"
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._reader: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the connection."""
        self.close()

    def request(
        self, method: str, target: str, body: bytes | None = None, headers: Headers = (), *, host: str | None = None
    ) -> Answer:
        """Send one request and read its answer; opens a new connection when the old one was closed."""
        self.send(render(method, target, body, headers, host or self.authority))
        return self.receive(head=method == "HEAD")

    def json(self, method: str, target: str, value: object = None, headers: Headers = ()) -> Answer:
        """Send ``value`` as JSON with its content type; ``None`` sends no body."""
        if value is None:
            return self.request(method, target, None, headers)
        body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return self.request(method, target, body, [JSON_TYPE, *_pairs(headers)])

    def get(self, target: str, headers: Headers = ()) -> Answer:
        """GET without a body."""
        return self.request("GET", target, None, headers)

    def send(self, raw: bytes) -> None:
        """Send bytes as they are.

        A server may answer and close before it has read all: then the rest is given up, and
        `receive` shows the answer.
        """
        if self._socket is None or self._is_dead():
            self._connect()
        assert self._socket is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(raw)

    def receive(self, *, head: bool = False) -> Answer:
        """Read the next final answer; interim ones (1xx) are skipped."""
        answer = self._read_answer(head=head)
        while 100 <= answer.status < 200:
            answer = self._read_answer(head=head)
        if "close" in (answer.header("Connection") or "").lower():
            self.close()
        return answer

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._reader is not None:
            self._reader.close()
        if self._socket is not None:
            self._socket.close()
        self._socket = self._reader = None

    def _connect(self) -> None:
        self.close()
        self._socket = socket.create_connection((self.host, self.port), self._timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def _is_dead(self) -> bool:
        """Tell whether the server closed (or wrote unasked) while nothing was due."""
        assert self._socket is not None
        return bool(select.select([self._socket], [], [], 0)[0])

    def _line(self) -> bytes:
        assert self._reader is not None
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            self.close()
            message = f"closed after {line!r}"
            raise ClosedError(message)
        return line[:-2]

    def _read_answer(self, *, head: bool) -> Answer:
        _version, status, reason = (self._line().decode("latin-1") + " ").split(" ", 2)
        headers = []
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name, value.strip()))
        answer = Answer(int(status), reason.strip(), headers, b"")
        bodiless = head or answer.status in {204, 304} or answer.status < 200
        return answer if bodiless else answer._replace(body=self._read_body(answer))

    def _read_body(self, answer: Answer) -> bytes:
        assert self._reader is not None
        if (answer.header("Transfer-Encoding") or "").lower() == "chunked":
            return b"".join(self._chunks())
        length = answer.header("Content-Length")
        body = self._reader.read(-1 if length is None else int(length))
        if length is not None and len(body) != int(length):
            message = f"closed after {len(body)} of {length} bytes of the body"
            raise ClosedError(message)
        return body

    def _chunks(self) -> Iterable[bytes]:
        assert self._reader is not None
        while size := int(self._line().split(b";")[0], 16):
            yield self._reader.read(size)
            self._line()
        while self._line():
            pass


def render(method: str, target: str, body: bytes | None, headers: Headers, authority: str) -> bytes:
    """Write one request. ``Host`` and ``Content-Length`` are added unless they are given."""
    pairs = _pairs(headers)
    names = {name.lower() for name, _ in pairs}
    if "host" not in names:
        pairs.insert(0, ("Host", authority))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1".encode()]
    lines += [name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) for name, value in pairs]
    return b"\r\n".join([*lines, b"", body or b""])


def chunked(*pieces: bytes) -> bytes:
    """Write pieces as the chunks of a chunked body, with its end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _pairs(headers: Headers) -> list[tuple[str, HeaderValue]]:
    return list(headers.items() if isinstance(headers, Mapping) else headers)
