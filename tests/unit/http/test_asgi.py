"""The bridge between our wire and ASGI applications."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from parley.domain.errors import UnavailableError
from parley.http.asgi import AsgiApplication, AsgiBridge, Receive, Send
from parley.http.wire.request import Request, RequestLine
from parley.ingest.capacity import REQUEST_BYTES, Capacity
from parley.ingest.deadline import time_to_write

Scope = MutableMapping[str, Any]


class Peer:
    """A client that notes when it is answered."""

    def __init__(self) -> None:
        """Wait."""
        self.is_answered = asyncio.Event()

    def answered(self, request: Request) -> None:
        """Note it."""
        del request
        self.is_answered.set()

    def address(self, which: str) -> tuple[str, int] | None:
        """Give an address."""
        return which, 1


async def answered(application: AsgiApplication, method: str = "POST") -> Request:
    """Send a request through a bridge and wait for its answer and the end of its task."""
    peer, bridge = Peer(), AsgiBridge(application)
    request = _request(peer, method)
    bridge(request)
    await peer.is_answered.wait()
    await bridge.drain(5)
    return request


def _request(peer: Peer, method: str = "POST") -> Request:
    request = Request(peer, RequestLine(method, 1, "/é", b"/%C3%A9", b"a=b", None))
    request.headers, request.body, request.request_id = {b"host": b"a"}, b"hello", "id-1"
    return request


async def respond(send: Send, *parts: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """Answer in parts."""
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


async def test_application_sees_the_request() -> None:
    """The scope and the one body event tell what came over the wire."""
    seen: dict[str, Any] = {}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope, received=await receive())
        await respond(send)

    request = await answered(application)

    assert seen["received"] == {"type": "http.request", "body": b"hello", "more_body": False}
    assert (seen["path"], seen["raw_path"], seen["query_string"]) == ("/é", b"/%C3%A9", b"a=b")
    assert (seen["client"], seen["server"]) == (("peername", 1), ("sockname", 1))
    assert seen["headers"] == [(b"host", b"a")]
    assert seen["state"]["exchange"] is request


async def test_head_reaches_the_application_as_get() -> None:
    """A framework that knows GET needs no route for HEAD."""
    methods: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        methods.append(scope["method"])
        await respond(send)

    await answered(application, "HEAD")

    assert methods == ["GET"]


async def test_answer_is_put_together_without_the_headers_of_the_wire() -> None:
    """Parts are joined, and nobody but the wire says how long the answer is."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await respond(send, b"hel", b"lo", headers=((b"Content-Length", b"99"), (b"server", b"x"), (b"X", b"y")))

    request = await answered(application)

    assert request.answer == (200, b"X: y\r\n", b"hello")


@pytest.mark.parametrize("error", [RuntimeError("secret"), None])
async def test_application_that_fails_is_answered_with_500(error: Exception | None) -> None:
    """Neither an exception nor a missing answer leaves the client waiting, or tells it why."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        if error is not None:
            raise error

    request = await answered(application)

    assert request.answer is not None
    assert request.answer[0] == 500
    assert json.loads(request.answer[2])["code"] == "internal_error"
    assert b"secret" not in request.answer[2]


async def test_application_ends_when_the_client_has_gone() -> None:
    """Nobody waits for what it would find, and no task stays behind."""
    ended: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    bridge, request = AsgiBridge(application), _request(Peer())
    bridge(request)
    await asyncio.sleep(0)
    assert request.on_lost is not None
    request.on_lost()
    late = await bridge.drain(5)

    assert (ended, late, bridge.running) == (["cancelled"], 0, 0)


async def test_application_that_has_begun_to_write_hears_when_the_client_has_gone() -> None:
    """It goes on to its end: what was sent to the log is not taken back."""
    events: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        time_to_write(5)
        events.append((await receive())["type"])
        await respond(send)

    bridge, request = AsgiBridge(application), _request(Peer())
    bridge(request)
    await asyncio.sleep(0)
    assert request.on_lost is not None
    request.on_lost()
    late = await bridge.drain(5)

    assert (events, late, bridge.running) == (["http.disconnect"], 0, 0)


async def test_application_that_takes_too_long_is_answered_in_its_place() -> None:
    """503: it has not begun to write, and what it waited for is let go of."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        await asyncio.Event().wait()

    peer, bridge = Peer(), AsgiBridge(application, answer_timeout_s=0.01)
    request = _request(peer)
    bridge(request)
    await asyncio.wait_for(peer.is_answered.wait(), 5)
    await bridge.drain(5)

    assert request.answer is not None
    assert request.answer[0] == 503
    assert b"Retry-After: 1\r\n" in request.answer[1]
    assert json.loads(request.answer[2])["code"] == "unavailable"
    assert bridge.running == 0


async def test_write_that_has_begun_is_not_ended_by_the_time_of_its_request() -> None:
    """It is told what is left; only who makes it knows what became of it."""
    left: list[float] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        left.append(time_to_write(5))
        for _ in range(3):  # the time is over since the first
            await asyncio.sleep(0)
        await respond(send)

    peer, bridge = Peer(), AsgiBridge(application, answer_timeout_s=0)
    request = _request(peer)
    bridge(request)
    await asyncio.wait_for(peer.is_answered.wait(), 5)

    assert request.answer is not None
    assert (request.answer[0], left) == (200, [0.0])


async def test_requests_under_way_are_bounded_with_their_bodies() -> None:
    """Those whose clients have gone count too, until their write has ended; then there is room again. Probes do not."""
    may_end = asyncio.Event()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        time_to_write(5)
        await may_end.wait()
        await respond(send)

    capacity = Capacity(2 * (REQUEST_BYTES + len(b"hello")))
    bridge = AsgiBridge(application, 5, capacity, ["/ready"])
    gone, here, probe = _request(Peer()), _request(Peer()), _request(Peer())
    probe.path = "/ready"
    bridge(gone)
    await asyncio.sleep(0)
    assert gone.on_lost is not None
    gone.on_lost()
    bridge(here)

    with pytest.raises(UnavailableError) as refused:
        bridge(_request(Peer()))
    bridge(probe)
    may_end.set()
    await bridge.drain(5)

    assert (refused.value.code, refused.value.retry_after_s) == ("overloaded", 1)
    assert capacity.used_bytes == 0
    assert probe.answer is not None
    bridge(_request(Peer()))
    assert await bridge.drain(5) == 0


async def test_drain_ends_what_takes_too_long_and_says_its_outcome_is_unknown() -> None:
    """A call that is cut may have written: it is answered 504, never 503."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        await asyncio.Event().wait()

    bridge, request = AsgiBridge(application), _request(Peer())
    bridge(request)
    await asyncio.sleep(0)
    late = await bridge.drain(0.01)

    assert (late, bridge.running) == (1, 0)
    assert request.answer is not None
    assert request.answer[0] == 504
