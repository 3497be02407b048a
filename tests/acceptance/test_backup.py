"""Backup of the embedded database while it is written to, with the command that the documents give."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path
from random import Random

from tests.support.client import Client
from tests.support.commands import check_is_clean
from tests.support.replay import wait_until_indexed, walk
from tests.support.server import Server
from tests.support.tenant import APPLICATIONS, Tenant, expect
from tests.support.workload import CreateLoad, Progress

COMMAND = """python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("VACUUM INTO ?", sys.argv[2:])'"""
"""Takes the database and the copy's path; one snapshot, whatever is written meanwhile."""

CHATS = 8
PRODUCTION = Path(__file__).parents[2] / "docs" / "production.md"


async def back_up_under_load(server: Server, copy: Path) -> tuple[str, dict[tuple[int, int], str], CreateLoad]:
    """Run the backup while 64 clients create; give the token, what was acknowledged before, and the load."""
    with Client(server.api_url) as client:
        tenant = Tenant(client)
        for _ in range(CHATS):
            tenant.create_chat()
    progress = Progress()
    load = CreateLoad([server.write_url, server.api_url], tenant.token, CHATS, Random(5), progress)
    async with load.running(64):
        await progress.reach(lambda: len(load.acknowledged) >= 3_000)
        before = dict(load.acknowledged)
        command = [sys.executable, *shlex.split(COMMAND)[1:], str(server.data_dir / "parley.db"), str(copy)]
        backup = await asyncio.create_subprocess_exec(*command)
        await backup.wait()
        after = len(load.acknowledged)
    assert backup.returncode == 0
    assert after > len(before), "nothing was written while the backup ran"
    assert load.findings == []
    return tenant.token, before, load


async def test_operator_restores_a_backup_that_was_made_under_load(tmp_path: Path) -> None:
    """The copy checks clean, holds all that was acknowledged before it began, and numbers go on."""
    restored = Server(tmp_path / "restored")
    restored.data_dir.mkdir(parents=True)
    with Server(tmp_path / "first") as server:
        token, before, load = await back_up_under_load(server, restored.data_dir / "parley.db")
    check_is_clean(server.data_dir)

    check_is_clean(restored.data_dir)
    with restored, Client(restored.api_url) as client:
        for chat in range(1, CHATS + 1):
            path = f"{APPLICATIONS}/{token}/chats/{chat}/messages"
            found = {(chat, message["number"]): message["body"] for message in walk(client, path)}
            due = {place: body for place, body in before.items() if place[0] == chat}
            assert {place: found.get(place) for place in due} == due
            assert [number for _, number in found] == list(range(1, len(found) + 1))
            sent = load.acknowledged.items()
            assert found.items() <= sent, "the copy holds what the original never acknowledged"
            created = expect(client.json("POST", path, {"body": "after the restore"}), 201)
            assert created["number"] == len(found) + 1
        tenant_chats = list(walk(client, f"{APPLICATIONS}/{token}/chats"))
        assert [chat["number"] for chat in tenant_chats] == list(range(1, CHATS + 1))
        wait_until_indexed(client)
        found_by_search = [row["number"] for row in walk(client, f"{path}/search?q=after+the+rest")]
        assert found_by_search == [created["number"]]
        fresh = expect(client.json("POST", f"{APPLICATIONS}/{token}/chats"), 201)
        assert fresh["number"] == CHATS + 1
    check_is_clean(restored.data_dir)


def test_documents_give_the_command_that_is_tested() -> None:
    """The command in docs/production.md is this one, word for word."""
    assert COMMAND in PRODUCTION.read_text("utf-8")
