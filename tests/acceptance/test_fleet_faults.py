"""What must hold when a server or a worker of the fleet fails: nothing given twice, nothing lost without a word."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.acceptance.test_fleet_kills import check_is_clean, wait_until_drained
from tests.acceptance.test_kill import check_load
from tests.support.client import Answer, Client
from tests.support.crew import Crew
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.old_states import cut_entries, put_back, take_snapshot
from tests.support.pace import hold_async
from tests.support.polling import wait_for
from tests.support.replay import walk
from tests.support.tenant import Tenant, expect
from tests.support.workload import CreateLoad, Progress

CHATS = 4
CLIENTS = 32
BACK_WITHIN_S = 5.0
PAUSED_S = 20.0
DEPTH = 2_000
DRAINED_S = 60.0


@dataclass(frozen=True)
class Harmed(Crew):
    """Looks into the database as well."""

    def wait_until_drained(self) -> None:
        """Wait until everything that was acknowledged is a row."""
        wait_until_drained(self.fleet, self.mariadb, len(self.load.acknowledged))

    def epoch(self) -> int:
        """Give the newest life that any partition's log has had."""
        ((epoch,),) = self.rows("select max(epoch) from `partition`")
        return int(epoch)

    def granted_until(self, chat: str) -> int:
        """Give the highest number that was ever given away in the chat of this path."""
        granted = dict(self.rows("select number, granted_until from chat"))
        return int(granted[chat.rpartition("/")[2]])


@pytest.fixture
def mariadb(tmp_path: Path) -> Iterator[MariaDbServer]:
    """Give a MariaDB of the test's own, to be harmed."""
    with MariaDbServer(tmp_path / "mariadb") as server:
        yield server


@pytest.fixture
def depth() -> int:
    """Give how many messages may wait to be stored."""
    return DEPTH


@pytest.fixture
def crew(
    tmp_path: Path, redis: RedisServer, mariadb: MariaDbServer, opensearch_server: OpenSearchServer, depth: int
) -> Iterator[Harmed]:
    """Give two workers, two write processes and an API."""
    env = {"PARLEY_DEPTH_MAX_MESSAGES": str(depth)}
    with Fleet(tmp_path, redis=redis, mariadb=mariadb, opensearch=opensearch_server, env=env) as fleet:
        workers = [fleet.start("work") for _ in range(2)]
        api, *writers = fleet.start("api"), fleet.start("write"), fleet.start("write")
        with Client(api.url) as client:
            tenant, progress = Tenant(client), Progress()
            for _ in range(CHATS):
                tenant.create_chat()
            load = CreateLoad([writer.url for writer in writers], tenant.token, CHATS, Random(5), progress)
            crew = Harmed(fleet, redis, mariadb, workers, client, tenant, load, progress, CLIENTS)
            wait_for(lambda: len(crew.rows("select 1 from chat")) == CHATS, "the chats are stored")
            yield crew
        for member in fleet.members:
            assert "Traceback" not in member.log_text()


@pytest.mark.timeout(300)
async def test_no_number_is_given_twice_when_redis_is_flushed(crew: Harmed) -> None:
    """What was stored stays, what was lost is in the gap ledger, and writes go on within seconds."""
    loop = asyncio.get_running_loop()
    async with crew.loaded():
        await crew.acknowledged(300)
        flushed_at = loop.time()
        await asyncio.to_thread(flush, crew.redis)
        await crew.acknowledged(CLIENTS + 1)
        back_s = loop.time() - flushed_at
        await crew.acknowledged(300)

    lost = check_explained(crew)
    print(f"back after {back_s:.1f} s; {len(lost)} acknowledged messages lost, each in the ledger")  # noqa: T201 - the report
    assert back_s < BACK_WITHIN_S
    check_is_clean(crew.fleet)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("depth", [50_000])  # creates go on after the workers are stopped, whatever they left to do
async def test_no_number_is_given_twice_when_redis_is_put_back_to_an_old_state(crew: Harmed) -> None:
    """A snapshot from before grants were extended, a chat was deleted, and much was stored, and some not."""
    kept, gone = crew.tenant.create_chat(), crew.tenant.create_chat()
    before = crew.epoch()
    async with crew.loaded():
        snapshot = await asyncio.to_thread(take_snapshot, crew.redis)
        await asyncio.to_thread(lambda: expect(crew.api.request("DELETE", gone), 204))
        bodies = [f"message {number}" for number in range(1, 1_201)]
        await asyncio.to_thread(crew.tenant.post_many, kept, bodies)
        await asyncio.to_thread(wait_for, lambda: crew.granted_until(kept) > 2_000, "a grant is extended", DRAINED_S)
        stored = "select count(*) from message where body like 'message %'"
        await asyncio.to_thread(wait_for, lambda: crew.rows(stored) == [["1200"]], "they are stored", DRAINED_S)
        await crew.acknowledged(300)
        for worker in crew.workers:
            await asyncio.to_thread(worker.stop)
        await crew.acknowledged(300)
        crew.load.server_is_down()
        await asyncio.to_thread(crew.redis.kill)
        await asyncio.to_thread(put_back, crew.redis, snapshot)
        await asyncio.to_thread(crew.redis.start)
        for worker in crew.workers:
            await asyncio.to_thread(worker.start)
        crew.load.server_is_up()
        await crew.acknowledged(300)

    lost = check_explained(crew)
    print(f"{len(lost)} acknowledged messages lost, each in the ledger")  # noqa: T201 - the report
    assert len(lost) >= 300
    assert crew.epoch() > before
    check_keys(crew, lost)
    assert [message["body"] for message in walk(crew.api, f"{kept}/messages")] == bodies
    granted = crew.granted_until(kept)
    assert crew.tenant.post(kept, "goes on") == granted + 1
    assert crew.api.json("POST", f"{gone}/messages", {"body": "refused"}).status == 404
    check_is_clean(crew.fleet)


@pytest.mark.timeout(300)
async def test_no_number_is_given_twice_when_the_file_of_redis_lacks_its_end(crew: Harmed) -> None:
    """Ten acknowledged entries are gone with a crash, as after a disk that promised to have them."""
    before = crew.epoch()
    async with crew.loaded():
        await crew.acknowledged(300)
        await asyncio.to_thread(crew.redis.kill)
        cut_entries(crew.redis, CLIENTS + 10)  # the last of each client may be one that was not acknowledged
        await asyncio.to_thread(crew.redis.start)
        await crew.acknowledged(300)

    lost = check_explained(crew)
    assert crew.epoch() > before
    check_keys(crew, lost)
    check_is_clean(crew.fleet)


@pytest.mark.timeout(300)
async def test_a_worker_that_was_paused_writes_nothing_when_it_wakes_up(crew: Harmed) -> None:
    """It stands still in the middle of a transaction; another takes over meanwhile."""
    async with crew.loaded():
        paused = await pause_in_transaction(crew)
        await hold_async(PAUSED_S)
        taken_over = {job: owner for job, owner in crew.rows("select job, owner from lease") if "persist" in job}
        paused.signal(signal.SIGCONT)
        await crew.acknowledged(200)

    crew.wait_until_drained()
    assert len(set(taken_over.values())) == 1, taken_over
    check_load(crew.api, crew.load, crew.tenant.path)
    check_is_clean(crew.fleet)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("depth", [1_000])  # fewer than are granted ahead: the bound is met, not the end of the numbers
async def test_creates_go_on_up_to_the_depth_bound_while_the_database_is_away(crew: Harmed, depth: int) -> None:
    """Then 503 with Retry-After; the end of a chat that is being read stays readable; all drains afterwards."""
    chat = f"{crew.tenant.path}/chats/1"
    expect(crew.api.get(f"{chat}/messages?before=1000000"), 200)
    async with crew.loaded():
        before = len(crew.load.acknowledged)
        await asyncio.to_thread(crew.mariadb.stop)
        await crew.progress.reach(lambda: len(crew.load.acknowledged) - before >= depth // 2)
        read = await asyncio.to_thread(crew.api.get, f"{chat}/messages?before=1000000")
        refused = await refusal(crew)
        await asyncio.to_thread(crew.mariadb.start)
        await crew.acknowledged(100)

    assert read.status == 200
    assert (refused.status, refused.json()["code"]) == (503, "overloaded")
    assert refused.header("Retry-After")
    crew.wait_until_drained()
    check_load(crew.api, crew.load, crew.tenant.path)
    check_is_clean(crew.fleet)


def flush(redis: RedisServer) -> None:
    """Empty it, as an operator's slip would."""
    with socket.create_connection(("127.0.0.1", redis.port), 10) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(64).startswith(b"+OK")


def check_explained(crew: Harmed) -> set[tuple[int, int]]:
    """Check that each acknowledged message is there once, or its number in the gap ledger; give those that are lost."""
    found = {
        (chat, message["number"]): message["body"]
        for chat in range(1, CHATS + 1)
        for message in walk(crew.api, f"{crew.tenant.path}/chats/{chat}/messages")
    }
    void = voided(crew)
    lost = crew.load.acknowledged.keys() - found.keys()
    assert crew.load.findings == []
    assert found == {place: body for place, body in crew.load.acknowledged.items() if place not in lost}
    assert len(set(found.values())) == len(found), "a message is there twice"
    assert lost <= void
    assert not found.keys() & void
    return lost


def check_keys(crew: Harmed, lost: set[tuple[int, int]]) -> None:
    """Check that messages that are there are not created again when their requests are repeated."""
    there = [place for place in crew.load.acknowledged if place not in lost]
    for chat, number in Random(3).sample(there, 100):
        body = crew.load.acknowledged[chat, number]
        key = [("Idempotency-Key", f"load-{body.partition('.')[0]}")]
        again = crew.api.json("POST", f"{crew.tenant.path}/chats/{chat}/messages", {"body": body}, key)
        assert (expect(again, 201)["number"], again.header("Idempotent-Replayed")) == (number, "true")


def voided(crew: Harmed) -> set[tuple[int, int]]:
    """Give every (chat, number) of the gap ledger."""
    ranges = crew.rows("select c.number, g.first, g.last from gap g join chat c on c.id = g.chat_id")
    return {(int(chat), number) for chat, first, last in ranges for number in range(int(first), int(last) + 1)}


async def pause_in_transaction(crew: Harmed) -> Member:
    """Stop a worker that has a transaction open, and give it."""
    for _ in range(200):
        for worker in crew.workers:
            worker.halt()
            if await asyncio.to_thread(is_writing, crew):
                return worker
            worker.signal(signal.SIGCONT)
            await asyncio.sleep(0)
    pytest.fail("no worker was caught in a transaction")


def is_writing(crew: Harmed) -> bool:
    """Tell whether a transaction holds a partition's row, and goes on to hold it."""
    look = "select count(*) from (select id from `partition` for update skip locked) free"
    (total,) = crew.rows("select count(*) from `partition`")
    return all(crew.rows(look) != [total] for _ in range(3))


async def refusal(crew: Harmed) -> Answer:
    """Post what is no message until it is refused for another reason, and give the answer."""
    with Client(crew.fleet.members[-1].url) as client:
        target = f"{crew.tenant.path}/chats/1/messages"

        def refused() -> Answer | None:
            answer = client.json("POST", target, {"body": ""})
            return answer if answer.status == 503 else None

        found = await asyncio.to_thread(wait_for, refused, "a create is refused", DRAINED_S)
        assert found is not None
        return found
