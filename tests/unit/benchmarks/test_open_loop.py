"""The open loop: a stall of the server is in the percentiles of everything that was due meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest

from benchmarks.suite.cell import VoidError
from benchmarks.suite.open_loop import Load, run_open_loop
from benchmarks.suite.target import Target
from benchmarks.suite.wrk import CONNECTIONS
from tests.support.pace import hold, hold_async

RATE, STALL_S = 200, 0.4


class Answering(asyncio.Protocol):
    """Answers every request at once, but the first of all connections late, and all others wait for it."""

    seen: ClassVar[list[bytes]]
    opened: ClassVar[list[asyncio.Transport]]
    status: ClassVar[bytes]
    stalled_until: float

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.opened.append(transport)

    def data_received(self, data: bytes) -> None:
        """Answer when the stall is over."""
        self.seen.append(data)
        loop = asyncio.get_running_loop()
        if len(self.seen) == 1:
            type(self).stalled_until = loop.time() + STALL_S
        loop.call_at(max(loop.time(), self.stalled_until), self._answer)

    def _answer(self) -> None:
        self._transport.write(b"HTTP/1.1 " + self.status + b'\r\nContent-Length: 12\r\n\r\n{"number":1}')


def answers(status: bytes = b"201 Created") -> type[Answering]:
    """Make a server of its own for one test."""
    kind: type[Answering] = type("Once", (Answering,), {"seen": [], "opened": [], "status": status})
    return kind


@contextmanager
def answering(kind: type[Answering]) -> Iterator[Target]:
    """Serve on a thread."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(kind, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield Target(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", [], {})
    finally:
        asyncio.run_coroutine_threadsafe(_hang_up(server, kind.opened), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _hang_up(server: asyncio.Server, opened: list[asyncio.Transport]) -> None:
    """Close what clients opened, once all of it has been accepted."""
    while len(opened) < CONNECTIONS:
        await hold_async(0.001)
    server.close()
    for transport in opened:
        transport.abort()


def test_the_open_loop_counts_from_when_a_request_was_due() -> None:
    """A closed loop would have one slow answer; here all that were due in the stall are slow."""
    kind = answers()

    with answering(kind) as target:
        sample = run_open_loop(Load(RATE, ["/a", "/b"]), target, 1)

    assert (sample.answered, sample.errors) == (RATE, 0)
    assert sample.latency_ms["max"] >= STALL_S * 900
    assert sample.latency_ms["p95"] >= STALL_S * 500


def test_a_stall_of_the_generator_counts_as_well() -> None:
    """What was due while it did not run was late, whoever was to blame."""
    kind = answers()

    async def stall() -> None:
        while not kind.seen:
            await hold_async(0.001)
        hold(2 * STALL_S)
        await asyncio.Event().wait()

    with answering(kind) as target:
        kind.stalled_until = 0
        sample = run_open_loop(Load(RATE, ["/a"]), target, 1, [stall])

    assert sample.latency_ms["p50"] >= STALL_S * 500


def test_each_request_of_a_keyed_load_has_a_key_of_its_own() -> None:
    """A repeated key would be answered without a write."""
    kind = answers()

    with answering(kind) as target:
        run_open_loop(Load(RATE, ["/a", "/b"], seed="seed"), target, 1)

    keys = {line for data in kind.seen for line in data.split(b"\r\n") if line.startswith(b"Idempotency-Key: seed-")}
    assert len(keys) == RATE


def test_what_is_not_201_is_an_error() -> None:
    """A refusal is counted, and the sample says so."""
    kind = answers(b"503 Service Unavailable")

    with answering(kind) as target:
        sample = run_open_loop(Load(RATE, ["/a"]), target, 1)

    assert sample.errors == RATE


def test_what_could_not_even_be_sent_voids_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be missing from the percentiles, and it would have been the slowest."""
    monkeypatch.setattr("benchmarks.suite.open_loop._PATIENCE_S", 0.1)
    monkeypatch.setattr("parley.cli.benching.load.ANSWER_TIMEOUT_S", 0.1)
    kind = answers()
    monkeypatch.setattr(kind, "data_received", lambda *_: None)

    with answering(kind) as target, pytest.raises(VoidError, match=f"^{RATE - CONNECTIONS} requests were not sent"):
        run_open_loop(Load(RATE, ["/a"]), target, 1)


def test_a_probe_that_fails_ends_the_run() -> None:
    """Without it there is nothing to tell."""
    kind = answers()

    async def probe() -> None:
        while not kind.seen:
            await hold_async(0.001)
        raise VoidError("not stored")

    with answering(kind) as target, pytest.raises(VoidError, match="not stored"):
        run_open_loop(Load(RATE, ["/a"]), target, 1, [probe])
