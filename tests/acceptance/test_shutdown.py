"""Stopping: what was sent is answered or was never done, and the process is out in time."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.support.client import Client, render
from tests.support.commands import check_is_clean
from tests.support.pace import hold_async
from tests.support.replay import walk
from tests.support.server import Server
from tests.support.tenant import APPLICATIONS, Tenant
from tests.support.workload import CreateLoad, Progress

CHATS = 8
CLIENTS = 64
DRAIN_S = 3
SLACK_S = 2


def prepare(server: Server) -> str:
    """Make an application with chats and give its token."""
    with Client(server.api_url) as client:
        tenant = Tenant(client)
        for _ in range(CHATS):
            tenant.create_chat()
    return tenant.token


def stored(server: Server, token: str) -> dict[tuple[int, int], str]:
    """Read every message of the application through the API: body by (chat, number)."""
    with Client(server.api_url) as client:
        return {
            (chat, message["number"]): message["body"]
            for chat in range(1, CHATS + 1)
            for message in walk(client, f"{APPLICATIONS}/{token}/chats/{chat}/messages")
        }


async def load_until(server: Server, token: str, acknowledged: int, *signals: signal.Signals) -> CreateLoad:
    """Create on both services, then send the signals, 50 ms apart, and wait for the end of the process."""
    progress = Progress()
    load = CreateLoad([server.api_url, server.write_url], token, CHATS, Random(3), progress)
    async with load.running(CLIENTS):
        await progress.reach(lambda: len(load.acknowledged) >= acknowledged and load.in_flight >= CLIENTS // 2)
        load.retrying = False
        assert server.process is not None
        for each in signals:
            server.process.send_signal(each)
            await hold_async(0.05)
        await asyncio.to_thread(server.process.wait, 30)
    return load


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=lambda signum: signum.name)
async def test_clients_get_an_answer_or_nothing_happened_when_the_server_stops(
    signum: signal.Signals, tmp_path: Path
) -> None:
    """Every 201 is there after the restart, and no request without an answer was done."""
    server = Server(tmp_path)
    with server:
        token = prepare(server)
        started = time.monotonic()

        load = await load_until(server, token, 1_000, signum)

        assert server.process is not None
        assert server.process.returncode == 0, server.log_text()[-2000:]
        assert time.monotonic() - started < 20
    assert load.findings == []
    assert "Traceback" not in server.log_text()
    with server:
        found = stored(server, token)
        assert Counter(found.values()) == Counter(load.acknowledged.values())
        assert found == load.acknowledged
    check_is_clean(server.data_dir)


async def test_nothing_is_damaged_when_the_operator_presses_ctrl_c_twice(tmp_path: Path) -> None:
    """A second SIGINT may cut the drain short, and takes back nothing that was acknowledged."""
    with Server(tmp_path) as server, socket.create_connection(("127.0.0.1", server.api_port)) as half:
        half.sendall(b"POST /api/v1/chat_applications HTTP/1.1\r\nHost:")
        token = prepare(server)

        load = await load_until(server, token, 500, signal.SIGINT, signal.SIGINT)

    assert "Traceback" not in server.log_text()
    check_is_clean(server.data_dir)
    with server:
        found = stored(server, token)
    assert load.findings == []
    assert {place: found.get(place) for place in load.acknowledged} == load.acknowledged


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=lambda signum: signum.name)
def test_server_is_out_in_time_when_clients_stall(signum: signal.Signals, tmp_path: Path) -> None:
    """Half-sent heads and bodies, idle connections and a client that never reads do not hold it."""
    with Server(tmp_path, env={"PARLEY_DRAIN_TIMEOUT_S": str(DRAIN_S)}) as server, ExitStack() as stack:
        with Client(server.api_url) as client:
            tenant = Tenant(client)
            chat = tenant.create_chat()
            tenant.post_many(chat, ["x" * 60_000] * 16)
        for port in (server.api_port, server.write_port):
            head = render("POST", f"{chat}/messages", b'{"body": "half"}', [("Content-Type", "application/json")], "x")
            for stalled in (b"", head[:20], head[:-3]):
                stack.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(stalled)
        deaf = stack.enter_context(socket.socket())
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", server.api_port))
        deaf.sendall(render("GET", f"{chat}/messages", None, (), f"127.0.0.1:{server.api_port}") * 20)

        started = time.monotonic()
        assert server.process is not None
        server.process.send_signal(signum)
        code = server.process.wait(30)
        took_s = time.monotonic() - started

    assert code == 0, server.log_text()[-2000:]
    assert took_s < DRAIN_S + SLACK_S
    assert "Traceback" not in server.log_text()
    with server, Client(server.api_url) as client:
        assert len(list(walk(client, f"{chat}/messages"))) == 16
    check_is_clean(server.data_dir)
