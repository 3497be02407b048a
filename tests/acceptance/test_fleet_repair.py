"""``parley check --repair`` on servers while clients write: what the rows say is made right, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.acceptance.test_fleet_kills import wait_until_drained
from tests.support.client import Client
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet
from tests.support.polling import wait_for
from tests.support.replay import walk
from tests.support.tenant import Tenant
from tests.support.workload import CreateLoad, Progress

CHATS = 4
LOST = (50, 51)


@pytest.mark.timeout(300)
async def test_a_repair_under_load_makes_right_what_differs_and_loses_nothing(
    tmp_path: Path, redis_server: RedisServer, mariadb_server: MariaDbServer, opensearch_server: OpenSearchServer
) -> None:
    """A count, a grant, messages that only the index has: afterwards the check is clean and all else is there."""
    with Fleet(tmp_path, redis=redis_server, mariadb=mariadb_server, opensearch=opensearch_server) as fleet:
        fleet.start("work")
        api = fleet.start("api")

        def rows(statement: str) -> list[list[str]]:
            return mariadb_server.run(statement, fleet.database)

        with Client(api.url) as client:
            tenant = Tenant(client)
            *_, quiet = [tenant.create_chat() for _ in range(CHATS + 1)]
            wait_for(lambda: len(rows("select 1 from chat")) == CHATS + 1, "the chats are stored")
            progress = Progress()
            load = CreateLoad([api.url], tenant.token, CHATS, Random(3), progress)
            async with load.running(16):
                await progress.reach(lambda: len(load.acknowledged) >= 1_000)
                await asyncio.to_thread(harm, rows)
                done = await asyncio.to_thread(fleet.run, "check", "--repair", "--yes", "--explain-gaps")
                goal = len(load.acknowledged) + 300
                await progress.reach(lambda: len(load.acknowledged) >= goal)
            wait_until_drained(fleet, mariadb_server, len(load.acknowledged) - len(LOST))
            kept = {place: body for place, body in load.acknowledged.items() if place not in {(1, n) for n in LOST}}
            found = {
                (chat, message["number"]): message["body"]
                for chat in range(1, CHATS + 1)
                for message in walk(client, f"{tenant.path}/chats/{chat}/messages")
            }
            first = tenant.post(quiet, "in the new epoch")
            checked = fleet.run("check")

    for plan in ("counts: ", "index: 2 messages", "chat 5 is set to go on", "numbers 50 to 51 are missing"):
        assert plan in done.stderr, done.stderr
    assert load.findings == []
    assert found == kept
    assert first == 1_001
    assert checked.returncode == 0, checked.stdout


def test_a_repair_without_the_log_writes_nothing(
    tmp_path: Path, redis_server: RedisServer, mariadb_server: MariaDbServer, opensearch_server: OpenSearchServer
) -> None:
    """For what it would write asks for a new epoch, which nobody would begin when it is run again."""
    with Fleet(tmp_path, redis=redis_server, mariadb=mariadb_server, opensearch=opensearch_server) as fleet:
        fleet.start("work")
        with Client(fleet.start("api").url) as client:
            tenant = Tenant(client)
            tenant.post(tenant.create_chat(), "needle")
            tenant.wait_until_found(f"{tenant.path}/chats/1", "needle", [1])
    granted = "select granted_until from chat"
    mariadb_server.run("update chat set granted_until = 0", fleet.database)
    log_url, fleet.env["PARLEY_LOG_URL"] = fleet.env["PARLEY_LOG_URL"], "redis://127.0.0.1:1/0"
    refused = fleet.run("check", "--repair", "--yes")
    written = mariadb_server.run(granted, fleet.database)
    fleet.env["PARLEY_LOG_URL"] = log_url
    repaired = fleet.run("check", "--repair", "--yes")

    assert refused.returncode == 1
    assert "the log does not answer" in refused.stderr
    assert written == [["0"]]
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert mariadb_server.run(granted, fleet.database) != [["0"]]


def harm(rows: Callable[[str], list[list[str]]]) -> None:
    """Change the database behind the product's back, once what is changed is stored and indexed."""
    of_lost = "from message where number = 51 and chat_id = (select id from chat where number = 1)"
    wait_for(lambda: rows(f"select 1 {of_lost}"), "what will be lost is stored")
    at = rows(f"select position {of_lost}")[0][0]
    passed = f"select 1 from follower where name = 'search' and position > {at}"  # noqa: S608 - a number
    wait_for(lambda: rows(passed), "what will be lost is indexed")
    rows("delete from message where number in (50, 51) and chat_id = (select id from chat where number = 1)")
    rows("update chat set messages_count = messages_count + 7 where number = 2")
    rows("update chat set granted_until = 3 where number = 5")  # of the others an apply would raise it
