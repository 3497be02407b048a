"""Loads more on a site than it can carry at once: clients that do not read, and a backlog."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.faults.client import Door
from tests.faults.run import Strike
from tests.faults.server import ServerSite
from tests.faults.site import Site
from tests.support.client import Client, render
from tests.support.pace import hold_async
from tests.support.polling import wait_for
from tests.support.tenant import Tenant, expect

_SLOW: Final = 500
_SLOW_S: Final = 10.0
_READ_BEFORE: Final = 50
_BACKLOG: Final = 200_000
_IN_A_CHAT: Final = 800
"""A new chat takes a thousand while no worker is there to grant more."""
_BULK: Final = 200
_STORED_S: Final = 120.0
_GROWTH: Final = 50 << 20
_BODY: Final = "backlog " + "x" * 120


async def read_nothing(strike: Strike[Site]) -> None:
    """Ask for large pages on many connections and read nothing of them: memory stays, and others do not notice."""
    doors = strike.load.doors.api
    path = await asyncio.to_thread(_make_large_page, doors)
    before = memory(strike.site.pids())
    with ExitStack() as stack:
        async with strike.fault("500 clients that read nothing"):
            for i in range(_SLOW):
                _ask_and_wait(stack, doors[i % len(doors)], path)
            await hold_async(_SLOW_S)
            _note_growth(strike, before)
    await strike.calm()


async def store_late(strike: Strike[ServerSite]) -> None:
    """Stop the workers until 200,000 messages wait, then start them: memory stays, and live creates go on."""
    stored = _stored(strike.site)  # of earlier runs on this site
    usual = memory(strike.site.pids())
    for worker in strike.site.workers:
        await asyncio.to_thread(worker.stop)
    before = memory(strike.site.pids())
    workers_usual = min(usual[pid] for pid in usual if pid not in before)
    async with strike.fault("backlog"):
        await asyncio.to_thread(_post_backlog, strike.load.doors.write[0], strike.load.doors.api[0])
        _note_growth(strike, before)
        for worker in strike.site.workers:
            await asyncio.to_thread(worker.start)
        fresh = {pid: workers_usual for pid in strike.site.pids() if pid not in before}
        await asyncio.to_thread(_wait_until_stored, strike.site, stored + _BACKLOG)
        _note_growth(strike, fresh, "drained_growth_mb")
    await strike.calm()


def memory(pids: Iterable[int]) -> dict[int, int]:
    """Give the resident bytes of processes."""
    page = 4096
    return {pid: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for pid in pids}


def _note_growth(strike: Strike[Site] | Strike[ServerSite], before: dict[int, int], name: str = "growth_mb") -> None:
    now = memory(before)
    most = max(now[pid] - was for pid, was in before.items())
    strike.told[name] = round(most / (1 << 20), 1)
    assert most <= _GROWTH, f"a process grew by {most >> 20} MiB"


def _make_large_page(doors: Sequence[Door]) -> str:
    """Make it, and read it at every door as clients do: what that takes once is no growth."""
    with Client(doors[0].url) as api:
        tenant = Tenant(api, "large")
        chat = tenant.create_chat()
        tenant.post_many(chat, ["large " + "y" * 8_000] * 100)
    path = f"{chat}/messages?limit=100"
    for door in doors:
        with Client(door.url) as api:
            for _ in range(_READ_BEFORE):
                expect(api.get(path), 200)
    return path


def _ask_and_wait(stack: ExitStack, door: Door, path: str) -> None:
    host, _, port = door.url.removeprefix("http://").partition(":")
    connection = stack.enter_context(socket.create_connection((host, int(port)), 5))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(render("GET", path, None, (), f"{host}:{port}"))


def _post_backlog(write: Door, api: Door) -> None:
    with Client(api.url) as client, Client(write.url) as writer:
        tenant = Tenant(client, "backlog")
        for _ in range(_BACKLOG // _IN_A_CHAT):
            chat = tenant.create_chat()
            for _ in range(_IN_A_CHAT // _BULK):
                answer = writer.json("POST", f"{chat}/messages/bulk", {"messages": [{"body": _BODY}] * _BULK})
                assert answer.status == 201, answer


def _wait_until_stored(site: ServerSite, count: int) -> None:
    wait_for(lambda: _stored(site) == count, "the backlog is stored", _STORED_S, every_s=0.5)


def _stored(site: ServerSite) -> int:
    ((count,),) = site.mariadb.run("select count(*) from message where body like 'backlog %'", site.fleet.database)
    return int(count)
