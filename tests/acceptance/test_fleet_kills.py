"""Real chats imported by several processes while workers are killed and Redis is: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from tests.acceptance.test_kill import LOAD_CHATS, check_load, check_needles, check_oracle, importing, rejected_lines
from tests.support.client import Client
from tests.support.data import data_folder
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.pace import hold_async
from tests.support.polling import wait_for
from tests.support.replay import check_counts, check_records, distinct, read_lines, stored_messages, walk
from tests.support.tap import Tap
from tests.support.tenant import Tenant
from tests.support.workload import CreateLoad, Progress

REDIS_KILLS = 3
IN_FLIGHT = 32
LOAD_CLIENTS = 48
ACKNOWLEDGED_BETWEEN_KILLS = 300
WORKER_LIFE_S = 3.0
DRAINED_S = 60.0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["gitter-rooms", "ubuntu-irc"])
async def test_each_record_is_stored_once_when_workers_and_redis_are_killed(
    name: str, tmp_path: Path, redis: RedisServer, mariadb_server: MariaDbServer, opensearch_server: OpenSearchServer
) -> None:
    """Two write processes, two workers and an API: workers die every few seconds, Redis three times under load."""
    file = data_folder() / name / "messages.jsonl"
    lines = read_lines(file)
    check_oracle(name, lines)
    with Fleet(tmp_path, redis=redis, mariadb=mariadb_server, opensearch=opensearch_server) as fleet:
        workers = [fleet.start("work") for _ in range(2)]
        api, *writers = fleet.start("api"), fleet.start("write"), fleet.start("write")
        with Client(api.url) as client:
            imported, loaded = Tenant(client, "imported"), Tenant(client, "loaded")
            for _ in range(LOAD_CHATS):
                loaded.create_chat()
            progress, rng = Progress(), Random(7)
            tap = Tap(writers[0].url, progress)
            load = CreateLoad([writer.url for writer in writers], loaded.token, LOAD_CHATS, rng, progress)

            async with tap.open(), importing(file, imported.token, api.url, tap.url, tmp_path) as importer:
                killer = RedisKiller(redis, tap, load, progress)
                async with load.running(LOAD_CLIENTS), killing(workers, rng):
                    unknown = [await killer.strike() for _ in range(REDIS_KILLS)]
                output = (await importer.communicate())[0].decode()

            print(f"unknown outcomes per kill: {unknown}\n{output}")  # noqa: T201 - what the kills met
            assert importer.returncode == 0, output
            assert min(unknown) > 0, unknown
            assert rejected_lines(tmp_path) == [i for i, line in enumerate(lines, 1) if not line["body"].strip()]
            check_load(client, load, loaded.path, voided(fleet, mariadb_server, loaded.token))
            stored = stored_messages(client, imported.path)
            titles = {chat["number"]: chat["title"] for chat in walk(client, f"{imported.path}/chats")}
            void = defaultdict[str, list[int]](list)
            for chat, number in voided(fleet, mariadb_server, imported.token):
                void[titles[chat]].append(number)
            check_records(stored, distinct(lines), void)
            wait_until_drained(fleet, mariadb_server, sum(map(len, stored.values())) + len(load.acknowledged))
            check_counts(client, imported.path, stored)
            imported.wait_until_indexed(imported.create_chat())
            stored = stored_messages(client, imported.path)
            check_needles(client, imported.path, stored, name)
        check_is_clean(fleet)
        for member in fleet.members:
            assert "Traceback" not in member.log_text()


class RedisKiller(NamedTuple):
    """Kills Redis while an import and other clients write."""

    redis: RedisServer
    tap: Tap
    load: CreateLoad
    progress: Progress

    async def strike(self) -> int:
        """Kill it when enough is in flight and was acknowledged, start it again, count unknown outcomes."""
        before = len(self.load.acknowledged) + self.tap.acknowledged

        def worth_it() -> bool:
            done = len(self.load.acknowledged) + self.tap.acknowledged - before
            return self.load.in_flight + self.tap.in_flight >= IN_FLIGHT and done >= ACKNOWLEDGED_BETWEEN_KILLS

        await self.progress.reach(worth_it)
        unknown = self.load.in_flight + self.tap.in_flight
        await asyncio.to_thread(self.redis.kill)
        await asyncio.to_thread(self.redis.start)
        return unknown


@asynccontextmanager
async def killing(workers: list[Member], rng: Random) -> AsyncIterator[None]:
    """Kill the workers in turn, and start each again."""

    async def strike() -> None:
        while workers:
            for worker in workers:
                await hold_async(rng.uniform(0.5, 1.5) * WORKER_LIFE_S)
                await asyncio.to_thread(worker.kill)
                await asyncio.to_thread(worker.start)

    striking = asyncio.create_task(strike())
    try:
        yield
    finally:
        striking.cancel()
        await asyncio.gather(striking, return_exceptions=True)
        for worker in workers:
            if not worker.is_running():
                await asyncio.to_thread(worker.start)


def voided(fleet: Fleet, mariadb: MariaDbServer, token: str) -> set[tuple[int, int]]:
    """Give every (chat, number) of an application in the gap ledger: a Redis that is away loses what it was granted."""
    ranges = mariadb.run(
        "select a.token, c.number, g.first, g.last from gap g join chat c on c.id = g.chat_id "
        "join application a on a.id = c.application_id",
        fleet.database,
    )
    own = [(int(chat), int(first), int(last)) for owner, chat, first, last in ranges if owner == token]
    return {(chat, number) for chat, first, last in own for number in range(first, last + 1)}


def check_is_clean(fleet: Fleet) -> None:
    """Check that ``parley check`` finds no difference."""
    checked = fleet.run("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def wait_until_drained(fleet: Fleet, mariadb: MariaDbServer, messages: int) -> None:
    """Wait until the rows are there, and check that there is not one more."""

    def stored() -> bool:
        ((count,),) = mariadb.run("select count(*) from message", fleet.database)
        assert int(count) <= messages, "more rows than acknowledged messages"
        return int(count) == messages

    wait_for(stored, f"{messages} rows", DRAINED_S, every_s=0.2)
