"""ASGI applications behind our own wire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from functools import partial
from typing import Any

from parley.domain.errors import OutcomeUnknownError, ParleyError
from parley.http.problems import refuse
from parley.http.wire.request import Request
from parley.ingest.capacity import Capacity
from parley.ingest.deadline import Deadline

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_log = logging.getLogger(__name__)

_OURS = frozenset({b"connection", b"content-length", b"date", b"keep-alive", b"server", b"transfer-encoding"})
"""Headers that the wire writes itself, or that belong to it."""
_VERSIONS = {"version": "3.0", "spec_version": "2.4"}


class AsgiBridge:
    """Answers each request with one task that runs an ASGI 3 application; there is no lifespan.

    HEAD reaches the application as GET, and the wire drops the body. The exchange itself stands in
    ``scope["state"]["exchange"]``: it knows ``method``, ``too_large`` and ``request_id``.
    """

    def __init__(
        self,
        application: AsgiApplication,
        answer_timeout_s: float = 5,
        capacity: Capacity | None = None,
        uncounted: Collection[str] = (),
    ) -> None:
        """Take the application, how long it may take before it writes, and where its requests are counted.

        The paths of ``uncounted`` are always answered: a probe that fails since a process is busy would have it killed.
        """
        self._application = application
        self._answer_timeout_s = answer_timeout_s
        self._capacity = capacity or Capacity()
        self._uncounted = frozenset(uncounted)
        self._calls: set[asyncio.Task[None]] = set()

    def __call__(self, request: Request) -> None:
        """Start answering.

        Raises:
            UnavailableError: too much is being answered already.
        """
        is_counted = request.path not in self._uncounted
        if is_counted:
            self._capacity.take(len(request.body))
        call = _Call(request, Deadline(self._answer_timeout_s))
        call.task = asyncio.get_running_loop().create_task(call.run(self._application))
        self._calls.add(call.task)
        call.task.add_done_callback(self._calls.discard)
        if is_counted:
            call.task.add_done_callback(partial(self._give_back, len(request.body)))

    @property
    def running(self) -> int:
        """How many requests are being answered; some of their clients may have gone."""
        return len(self._calls)

    async def drain(self, limit_s: float) -> int:
        """Wait for what is running, cancel what is not done after ``limit_s``; give how many that were."""
        if not self._calls:
            return 0
        _, late = await asyncio.wait(self._calls, timeout=limit_s)
        for call in late:
            call.cancel()
        if late:
            await asyncio.wait(late)
        return len(late)

    def _give_back(self, body_bytes: int, _: asyncio.Task[None]) -> None:
        self._capacity.give_back(body_bytes)


class _Call:
    """One request on its way through the application."""

    __slots__ = ("_deadline", "_headers", "_over", "_parts", "_received", "_request", "_status", "_waiting", "task")

    def __init__(self, request: Request, deadline: Deadline) -> None:
        self.task: asyncio.Task[None] | None = None
        self._request = request
        self._deadline = deadline
        self._received = False
        self._over = False
        self._waiting: asyncio.Future[None] | None = None
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        request.on_lost = self._lose

    async def run(self, application: AsgiApplication) -> None:
        try:
            with self._deadline:
                await application(self._scope(), self._receive, self._send)
        except asyncio.CancelledError:
            self._refuse(OutcomeUnknownError("The service stopped before the outcome was known"))
            raise
        except ParleyError as error:
            self._refuse(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, this client gets an answer and the others go on
            _log.exception("request failed", extra={"request_id": self._request.request_id})
            self._refuse(error)
        else:
            self._refuse(RuntimeError("the application returned without an answer"))
        finally:
            self._end()

    def _scope(self) -> dict[str, Any]:
        request = self._request
        return {
            "type": "http",
            "asgi": _VERSIONS,
            "http_version": "1.1" if request.minor else "1.0",
            "method": "GET" if request.method == "HEAD" else request.method,
            "scheme": "http",
            "path": request.path,
            "raw_path": request.raw_path,
            "query_string": request.query,
            "root_path": "",
            "headers": list(request.headers.items()),
            "client": request.client.address("peername"),
            "server": request.client.address("sockname"),
            "state": {"exchange": request},
            "extensions": {},
        }

    async def _receive(self) -> Message:
        """Give the body, which is here as a whole; after that, wait until there is nobody to answer."""
        if not self._received:
            self._received = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        if not self._over:
            self._waiting = self._waiting or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiting)
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        """Collect the answer; it goes out with its last part."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            return
        self._parts.append(bytes(message.get("body", b"")))
        if not message.get("more_body", False):
            headers = [header for header in self._headers if header[0].lower() not in _OURS]
            self._request.respond(self._status, headers, b"".join(self._parts))
            self._end()

    def _refuse(self, error: BaseException) -> None:
        if self._request.answer is None:
            refuse(self._request, error)

    def _lose(self) -> None:
        """End what nobody waits for any more; a write that has begun goes on to its end."""
        self._end()
        if self.task is not None and not self._deadline.is_writing:
            self.task.cancel()

    def _end(self) -> None:
        """Note that nobody waits for anything any more: answered, or the client has gone."""
        self._over = True
        self._request.on_lost = None  # it refers back to us
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
