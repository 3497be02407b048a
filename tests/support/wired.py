"""A small application on the real wire, in a thread with a loop of its own, and a raw client for it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import uvloop

from parley.domain.errors import NotFoundError, TooLargeError
from parley.http.asgi import AsgiBridge, Message, Receive, Send
from parley.http.problems import refuse
from parley.http.wire.limits import Limits
from parley.http.wire.listener import Listener, bind
from parley.http.wire.request import Application, Request, numbered_ids
from parley.telemetry.clock import SystemClock
from tests.support.pace import hold

T = TypeVar("T")

PATIENCE_S = 10.0
BIG = b"x" * (5 * 1024 * 1024)
PAGE = b"y" * (700 * 1024)
"""Little more than a kernel takes for a client that does not read."""
_JSON = (b"Content-Type", b"application/json")
_METHODS = {"/health": "GET, HEAD", "/echo": "POST", "/later": "POST", "/big": "GET", "/page": "GET", "/broken": "GET"}


@dataclass(frozen=True)
class Answer:
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """The decoded body."""
        return json.loads(self.body)


class Sample:
    """Routes: ``/health``, ``/echo``, ``/later`` (until `release`), ``/big``, ``/page``, ``/broken``."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.waiting: list[Callable[[], None]] = []
        self.seen: list[str] = []

    def release(self) -> None:
        """Answer everything that waits, the latest first."""
        waiting, self.waiting = self.waiting, []
        for answer in reversed(waiting):
            answer()

    def direct(self, request: Request) -> None:
        """Answer like the write service."""
        if request.path == "/later" and request.method == "POST":
            self.seen.append(request.path)
            self.waiting.append(lambda: self._answer(request))
        else:
            self._answer(request)

    async def asgi(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer like the full API."""
        request: Request = scope["state"]["exchange"]
        body = (await receive())["body"]
        if scope["path"] == "/later" and scope["method"] == "POST":
            self.seen.append(scope["path"])
            released = asyncio.get_running_loop().create_future()
            self.waiting.append(lambda: None if released.done() else released.set_result(None))
            await released
        status, headers, answer = self._route(request, body)
        start: Message = {"type": "http.response.start", "status": status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": answer[:5], "more_body": True})
        await send({"type": "http.response.body", "body": answer[5:]})

    def _answer(self, request: Request) -> None:
        request.respond(*self._route(request, request.body))

    def _route(self, request: Request, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        allow = _METHODS.get(request.path)
        if allow is None:
            return _refusal(request, NotFoundError("Chat"))
        if request.method not in allow.split(", "):
            return 405, [(b"Allow", allow.encode())], b""
        if request.too_large:
            return _refusal(request, TooLargeError("The body is too large"))
        if request.path == "/broken":
            raise RuntimeError("secret 0123456789abcdef")
        if request.path in {"/big", "/page"}:
            return 200, [], BIG if request.path == "/big" else PAGE
        if request.path == "/health":
            return 200, [_JSON], b'{"status":"healthy"}'
        seen = {
            "method": request.method, "path": request.path, "query": request.query.decode(),
            "body": body.decode("latin-1"), "has_body": request.has_body,
            "host": request.headers.get(b"host", b"").decode("latin-1"),
        }  # fmt: skip
        return 201, [_JSON], json.dumps(seen).encode()


def _refusal(request: Request, error: Exception) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    caught = _Caught(request.request_id)
    refuse(caught, error)
    return caught.answer


class _Caught:
    """An exchange that keeps its answer."""

    method, path, query, body = "", "", b"", b""
    has_body = too_large = False
    headers: Mapping[bytes, bytes] = {}
    extra_headers: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id

    def respond(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.answer = (status, headers, body)


class Wired:
    """A listener in a thread, with one port per application."""

    def __init__(self, limits: Limits, *applications: Callable[[], Application]) -> None:
        """Serve each application on a free loopback port; they are made inside the loop's thread."""
        self.limits = limits
        self.ports: list[int] = []
        self.applications: list[Application] = []
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.listener = Listener(limits, SystemClock(), numbered_ids("wired-"))
        self.run(self._serve(applications))

    def __enter__(self) -> Self:
        """Give it."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Cut everybody and end the thread."""
        self.drain(0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    @property
    def port(self) -> int:
        """The first port."""
        return self.ports[0]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def call(self, work: Callable[[], object]) -> None:
        """Call a function in the loop's thread, and wait for it."""

        async def called() -> None:
            work()

        self.run(called())

    def drain(self, limit_s: float) -> int:
        """Drain the listener, then the bridges."""

        async def drained() -> int:
            cut = await self.listener.drain(limit_s)
            for application in self.applications:
                if isinstance(application, AsgiBridge):
                    cut += await application.drain(0)
            return cut

        return self.run(drained())

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds inside the loop's thread."""

        async def poll() -> None:
            while not condition():  # noqa: ASYNC110 - whatever it looks at has no event to wait for
                await asyncio.sleep(0.005)

        awaitable: Awaitable[None] = asyncio.wait_for(poll(), PATIENCE_S)
        self.run(_awaited(awaitable))

    async def _serve(self, makers: tuple[Callable[[], Application], ...]) -> None:
        for maker in makers:
            application = maker()
            bound = bind("127.0.0.1", 0)
            self.applications.append(application)
            self.ports.append(bound.getsockname()[1])
            await self.listener.serve(bound, application, at_once=1 if isinstance(application, AsgiBridge) else None)


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


class Raw:
    """A client that sends what it is told, byte for byte."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        """Connect."""
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self._buffer = b""
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        """Give it."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the socket."""
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def ask(self, data: bytes, *, head: bool = False) -> Answer:
        """Send bytes and read one answer."""
        self.send(data)
        return self.answer(head=head)

    def answer(self, *, head: bool = False) -> Answer:
        """Read one answer; its length must be told unless it can have no body."""
        header = self._until(b"\r\n\r\n")
        lines = header.decode("latin-1").split("\r\n")[:-2]
        headers = dict(line.split(": ", 1) for line in lines[1:])
        assert lines[0].startswith("HTTP/1.1 "), f"{lines[0]!r} is no status line: something came before it"
        status = int(lines[0].split(" ")[1])
        length = 0 if head or status in {100, 204, 304} else int(headers["Content-Length"])
        return Answer(status, headers, self._exactly(length))

    def send_pieces(self, pieces: list[bytes]) -> None:
        """Send each piece as a packet of its own, until the other side has had enough."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            try:
                self.send(piece)
            except ConnectionError:
                return
            hold(0.0005)

    def drip(self, byte: bytes, every_s: float) -> bytes:
        """Send a byte now and then until something comes back, and give that."""
        deadline = time.monotonic() + PATIENCE_S
        self.socket.settimeout(every_s)
        while time.monotonic() < deadline:
            self.send(byte)
            try:
                return self.socket.recv(4096)
            except TimeoutError:
                continue
        raise TimeoutError

    def rest_slowly(self, at_once: int, every_s: float) -> bytes:
        """Read to the end, a piece now and then."""
        received = bytearray()
        while chunk := self.socket.recv(at_once):
            received += chunk
            time.sleep(every_s)
        return bytes(received)

    def rest(self) -> bytes:
        """Read until the other side closes, and give what came."""
        while chunk := self.socket.recv(65536):
            self._buffer += chunk
        return self._buffer

    def is_closed(self) -> bool:
        """Tell whether the other side has closed, after nothing more."""
        try:
            return self.rest() == b""
        except ConnectionResetError:
            return self._buffer == b""

    def _until(self, end: bytes) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            self._more()
        return self._exactly(at + len(end))

    def _exactly(self, length: int) -> bytes:
        while len(self._buffer) < length:
            self._more()
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken

    def _more(self) -> None:
        chunk = self.socket.recv(1 << 20)
        if not chunk:
            raise ConnectionError(f"closed after {self._buffer[:200]!r}")
        self._buffer += chunk
