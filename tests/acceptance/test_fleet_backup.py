"""Backup and restore on servers: nothing from before the cut is missing, and no number comes twice."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from redis import Redis

from tests.support.client import Client
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet
from tests.support.polling import wait_for
from tests.support.replay import walk
from tests.support.server import parley_command
from tests.support.tenant import Tenant, expect
from tests.support.workload import CreateLoad, Progress

CHATS = 4
CLIENTS = 24
BURNT = "select distinct burnt from (select burnt from chat union all select burnt from application) scope"


class Site(NamedTuple):
    """The servers that one deployment after the other runs on."""

    folder: Path
    redis: RedisServer
    mariadb: MariaDbServer
    opensearch: OpenSearchServer

    def fleet(self, name: str, *, like: Fleet | None = None) -> Fleet:
        """Give a fleet over an empty database; ``like`` another one over the log and index that that one had."""
        kept = ("PARLEY_LOG_URL", "PARLEY_SEARCH_URL")
        env = {} if like is None else {setting: like.env[setting] for setting in kept}
        return Fleet(self.folder / name, redis=self.redis, mariadb=self.mariadb, opensearch=self.opensearch, env=env)


@pytest.fixture
def site(
    tmp_path: Path, redis_server: RedisServer, mariadb_server: MariaDbServer, opensearch_server: OpenSearchServer
) -> Site:
    """Give the servers."""
    return Site(tmp_path, redis_server, mariadb_server, opensearch_server)


@pytest.fixture
def first(site: Site) -> Iterator[Fleet]:
    """Give a fleet that answers: a worker, then an API."""
    with site.fleet("first") as fleet:
        fleet.start("work")
        fleet.start("api")
        yield fleet


def stop(fleet: Fleet) -> None:
    """Stop every process, workers last."""
    assert [member.stop() for member in reversed(fleet.members)] == [0] * len(fleet.members)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Give the line with which a command refused, behind what it may have said of how far it was."""
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def check_is_clean(fleet: Fleet) -> None:
    """Run ``parley check``; a difference fails the test."""
    done = fleet.run("check", "--limit", "3")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


async def back_up_under_load(fleet: Fleet, target: Path) -> tuple[str, dict[tuple[int, int], str], CreateLoad]:
    """Run the backup while clients create; give the token, what was acknowledged before, and the load."""
    writer, api = fleet.start("write"), next(each for each in fleet.members if each.role == "api")
    with Client(api.url) as client:
        tenant = Tenant(client)
        for _ in range(CHATS):
            tenant.create_chat()
    progress = Progress()
    load = CreateLoad([writer.url, api.url], tenant.token, CHATS, Random(5), progress)
    async with load.running(CLIENTS):
        await progress.reach(lambda: len(load.acknowledged) >= 2_000)
        before = dict(load.acknowledged)
        command = [*parley_command(), "backup", str(target)]
        backup = await asyncio.create_subprocess_exec(*command, env=fleet.env)
        await backup.wait()
        after = len(load.acknowledged)
        await progress.reach(lambda: len(load.acknowledged) >= after + 500)
    assert backup.returncode == 0
    assert after > len(before), "nothing was written while the backup ran"
    assert load.findings == []
    return tenant.token, before, load


@pytest.mark.timeout(300)
async def test_operator_restores_a_fleet_from_a_backup_that_was_made_under_load(
    site: Site,
) -> None:
    """Over the very log and index that went on after the cut: all before it is there, and numbers begin above both."""
    with site.fleet("first") as fleet:
        fleet.start("work")
        fleet.start("api")
        token, before, load = await back_up_under_load(fleet, site.folder / "backup")
        stop(fleet)
    second = site.fleet("second", like=fleet)
    restored = second.run("restore", str(site.folder / "backup"))
    assert restored.returncode == 0, restored.stderr

    with second:
        second.start("work")
        with Client(second.start("api").url) as client:
            tenant = f"/api/v1/applications/{token}"
            sent = {**load.acknowledged}
            for chat in range(1, CHATS + 1):
                path = f"{tenant}/chats/{chat}/messages"
                found = {(chat, message["number"]): message["body"] for message in walk(client, path)}
                due = {place: body for place, body in before.items() if place[0] == chat}
                assert {place: found.get(place) for place in due} == due
                assert found.items() <= sent.items(), "the copy holds what the original never acknowledged"
                created = expect(client.json("POST", path, {"body": f"needle of {chat}"}), 201)
                assert created["number"] > max(number for of, number in sent if of == chat) + 900_000
            fresh = expect(client.json("POST", f"{tenant}/chats"), 201)["number"]
            assert fresh > 1_000_000
            new_path = f"{tenant}/chats/{fresh}/messages"
            assert [expect(client.json("POST", new_path, {"body": "x"}), 201)["number"] for _ in "12"] == [1, 2]
            other = Tenant(client)
            assert other.create_chat().endswith("/chats/1")
            wait_for(lambda: site.mariadb.run(BURNT, second.database) == [["1000000"]], "each scope has taken the burn")
            other.wait_until_found(f"{tenant}/chats/{CHATS}", "needle of", [created["number"]], timeout_s=60)
        stop(second)
    check_is_clean(second)


def test_a_backup_fails_and_says_what_is_missing_when_no_worker_stores(site: Site, first: Fleet) -> None:
    """It leaves nothing behind; with a worker it succeeds, and says so in JSON."""
    worker, api = first.members
    target = site.folder / "backups" / "one"
    target.parent.mkdir()
    with Client(api.url) as client:
        tenant = Tenant(client)
        chat = tenant.create_chat()
        tenant.post(chat, "stored")
        wait_for(lambda: site.mariadb.run("select 1 from message", first.database), "it is stored")
        assert worker.stop() == 0
        for number in range(20):
            tenant.post(chat, f"waits {number}")

        refused = first.run("backup", str(target), "--wait", "0.5")
        left = list(target.parent.iterdir())
        worker.start()
        made = first.run("backup", str(target), "--json")

    assert "is 20 messages behind the cut (no worker stores it)" in said(refused)
    assert "start parley work" in said(refused)
    assert left == []
    assert made.returncode == 0, made.stderr
    manifest = json.loads(made.stdout)
    assert manifest["holdings"]["counts"]["messages"] == 21
    assert {path.name for path in target.iterdir()} == {"manifest.json", "manifest.json.sha256", "database.sql"}


def test_a_backup_waits_for_what_a_log_holds_that_the_database_stands_by_for(site: Site, redis: RedisServer) -> None:
    """The log is back, and its epoch is over, but not all of it is stored: those messages were acknowledged too."""
    target = site.folder / "backup"
    with site._replace(redis=redis).fleet("standby") as fleet:
        worker, api = fleet.start("work"), fleet.start("api")
        with Client(api.url) as client:
            tenant = Tenant(client)
            chat = tenant.create_chat()
            tenant.post(chat, "stored")
            wait_for(lambda: site.mariadb.run("select 1 from message", fleet.database), "it is stored")
            worker.halt()
            for number in range(20):
                tenant.post(chat, f"waits {number}")
            redis.kill()
            worker.signal(signal.SIGCONT)
            modes = "select distinct mode from `partition`"
            wait_for(lambda: site.mariadb.run(modes, fleet.database) == [["standby"]], "the database stands by", 30)
            worker.kill()
            redis.start()

            refused = fleet.run("backup", str(target), "--wait", "0.5")
            worker.start()
            made = fleet.run("backup", str(target), "--json")

    assert "is 20 messages behind the cut" in said(refused)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["holdings"]["counts"]["messages"] == 21


def test_without_the_log_no_backup_is_made_and_none_restored(site: Site, first: Fleet) -> None:
    """Nobody knows then what was acknowledged, nor in which epochs, unless somebody says that the log will be new."""
    whole, none = site.folder / "whole", site.folder / "none"
    assert first.run("backup", str(whole)).returncode == 0
    second = site.fleet("second", like=first)
    for fleet in (first, second):
        fleet.env["PARLEY_LOG_URL"] = "redis://127.0.0.1:1/0"

    not_made = first.run("backup", str(none))
    not_restored = second.run("restore", str(whole))
    restored = second.run("restore", str(whole), "--log-is-new")

    assert "the log does not answer" in said(not_made)
    assert not none.exists()
    assert "--log-is-new" in said(not_restored)
    assert restored.returncode == 0, restored.stderr


def test_a_restore_goes_into_an_empty_database_only(site: Site, first: Fleet) -> None:
    """The database that the backup was made of is as it was."""
    with Client(first.members[1].url) as client:
        Tenant(client).create_chat()
    assert first.run("backup", str(site.folder / "backup")).returncode == 0

    refused = first.run("restore", str(site.folder / "backup"))

    assert f"{first.database} at 127.0.0.1" in said(refused)
    assert "is not empty" in said(refused)
    check_is_clean(first)


def test_a_restore_that_was_killed_is_refused_by_a_start_and_begun_anew(site: Site, first: Fleet) -> None:
    """Until it came to its end no process works on what is there."""
    with Client(first.members[1].url) as client:
        tenant = Tenant(client)
        chat = tenant.create_chat()
        for _ in range(20):
            tenant.post_many(chat, ["x" * 1_000] * 1_000)
    backup = str(site.folder / "backup")
    assert first.run("backup", backup).returncode == 0
    stop(first)
    second = site.fleet("second", like=first)
    with second:
        running = subprocess.Popen(
            [*parley_command(), "restore", backup], env=second.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: ["message"] in site.mariadb.run("show tables", second.database), "tables are there", 30)
        running.send_signal(signal.SIGKILL)
        running.wait()

        refusals = [
            second.run(*command) for command in (("migrate",), ("check",), ("api", "--api-bind", "127.0.0.1:0"))
        ]
        again = second.run("restore", backup)
        second.start("work")
        with Client(second.start("api").url) as client:
            number = expect(client.json("POST", f"{chat}/messages", {"body": "after"}), 201)["number"]
            first_page = expect(client.get(f"{chat}/messages?limit=2"), 200)

    assert ["did not come to its end" in said(done) for done in refusals] == [True] * 3
    assert again.returncode == 0, again.stderr
    assert number > 1_020_000
    assert [row["number"] for row in first_page] == [1, 2]


@pytest.mark.parametrize("same_epoch", [True, False], ids=["same epoch", "later epoch"])
def test_a_database_that_was_put_back_by_other_means_stores_nothing_of_its_log(
    site: Site, first: Fleet, *, same_epoch: bool
) -> None:
    """A worker says which command to run; after that no number is given again, and the check is clean."""
    with Client(first.members[1].url) as client:
        tenant = Tenant(client)
        chat = tenant.create_chat()
        tenant.post(chat, "before")
        assert first.run("backup", str(site.folder / "backup")).returncode == 0
        if not same_epoch:
            assert first.run("rebuild-sequences", "--yes").returncode == 0
        tenant.post_many(chat, ["after"] * 50)
        last = tenant.post(chat, "last")
        wait_for(lambda: site.mariadb.run("select 1 from message where body = 'last'", first.database), "it is stored")
        wait_for(lambda: stored_is_let_go(site, first), "the log has let go of it")
    stop(first)
    second = site.fleet("second", like=first)
    site.mariadb.run((site.folder / "backup" / "database.sql").read_text("utf-8"), second.database)

    with second:
        late = second.start("work", wait=False)
        wait_for(lambda: "parley restore --in-place" in late.log_text(), "the worker refuses", 60)
        in_use = second.run("restore", "--in-place", "--yes")
        stored = site.mariadb.run("select count(*) from message", second.database)
        assert late.stop() == 0
        unsure = second.run("restore", "--in-place")
        done = second.run("restore", "--in-place", "--yes", "--burn", "5000")
        late.start()
        with Client(second.start("api").url) as client:
            number = expect(client.json("POST", f"{chat}/messages", {"body": "now"}), 201)["number"]
        stop(second)

    assert in_use.returncode == 1
    assert "workers use the database" in in_use.stderr
    assert stored == [["1"]]
    assert "nobody can be asked here: say --yes" in unsure.stderr
    assert done.returncode == 0, done.stderr
    assert "still holds is never stored" in done.stdout
    assert number > max(last, 5_000)
    check_is_clean(second)


def stored_is_let_go(site: Site, fleet: Fleet) -> bool:
    """Tell whether every partition's log is empty."""
    with Redis(port=site.redis.port) as client:
        return all(client.xlen(name) == 0 for name in client.scan_iter(f"{{{fleet.database}:*}}:*:log"))
