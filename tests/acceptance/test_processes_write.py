"""Two processes of the real write service on one port, over real servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.polling import wait_for
from tests.support.replay import walk
from tests.support.server import free_ports
from tests.support.tenant import APPLICATIONS, Tenant
from tests.support.workload import CreateLoad, Progress

ROUNDS = 2
CHATS = 4
CLIENTS = 16
PATIENCE_S = 150.0
"""A process starts beside the load, the engines, and whatever else runs on the machine."""


@pytest.fixture
def fleet(
    tmp_path: Path, redis_server: RedisServer, mariadb_server: MariaDbServer, opensearch_server: OpenSearchServer
) -> Iterator[Fleet]:
    """Give a fleet of its own, without processes."""
    with Fleet(tmp_path, redis=redis_server, mariadb=mariadb_server, opensearch=opensearch_server) as made:
        yield made


def events(member: Member, name: str) -> list[dict[str, Any]]:
    """Give the log lines of one event."""
    lines = [json.loads(line) for line in member.log_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


@pytest.mark.timeout(900)
async def test_nothing_is_refused_or_lost_while_real_processes_are_replaced_and_killed(fleet: Fleet) -> None:
    """Replaced under load no create fails; killed, what was acknowledged is there once and the other goes on."""
    fleet.start("work")
    api = fleet.start("api")
    write = fleet.start("write", "--processes", "2", "--admin-bind", f"127.0.0.1:{free_ports(1)[0]}", wait=False)
    wait_for(lambda: "Parley is ready." in write.log_text(), "the write service is ready", PATIENCE_S)
    with Client(api.url) as client:
        tenant = Tenant(client)
        for _ in range(CHATS):
            tenant.create_chat()
    progress = Progress()
    load = CreateLoad([write.url], tenant.token, CHATS, Random(5), progress)

    async with load.running(CLIENTS):
        for done in range(ROUNDS):
            write.signal(signal.SIGHUP)
            await asyncio.to_thread(
                wait_for, lambda done=done: len(events(write, "processes replaced")) > done, "replaced", PATIENCE_S, 0.1
            )
        unknown = list(load.unknown)
        many = len(load.acknowledged)
        os.kill(events(write, "process ready")[-1]["pid"], signal.SIGKILL)
        await progress.reach(lambda: len(load.acknowledged) > many + 500)
        await asyncio.to_thread(
            wait_for, lambda: len(events(write, "process ready")) == 2 * ROUNDS + 3, "it is back", PATIENCE_S, 0.1
        )

    assert unknown == []
    assert load.findings == []
    assert events(write, "process died")[0]["exit_code"] == -9
    with Client(api.url) as client:
        found = {
            (chat, message["number"]): message["body"]
            for chat in range(1, CHATS + 1)
            for message in walk(client, f"{APPLICATIONS}/{tenant.token}/chats/{chat}/messages")
        }
    assert found == load.acknowledged
    assert write.stop() == 0
