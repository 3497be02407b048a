"""Redis is away: the database numbers in its place within seconds, and hands over when Redis is back, however it is."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import pytest

from parley.domain.grants import STANDBY
from tests.acceptance.test_fleet_kills import check_is_clean
from tests.support.client import Answer, Client
from tests.support.crew import Crew
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.pace import hold_async
from tests.support.polling import wait_for
from tests.support.relay import Relay
from tests.support.replay import walk
from tests.support.tenant import Tenant, expect
from tests.support.workload import CreateLoad, Progress

CHATS = 4
CLIENTS = 48
IN_FLIGHT = 32
SERVED_WITHIN_S = 6.0
"""Two seconds on a machine with nothing else to do."""
BACK_WITHIN_S = 30.0
DRAINED_S = 60.0
TAKEN_OVER_S = 20.0


@dataclass(frozen=True)
class Manned(Crew):
    """Knows who numbers."""

    writers: list[Member]
    write: Client

    async def aside(self, more: int) -> None:
        """Wait until so many more are acknowledged by the standby."""
        goal = self.load.aside + more
        await self.progress.reach(lambda: self.load.aside >= goal)

    async def logged(self, more: int) -> None:
        """Wait until so many more are acknowledged by the log."""
        goal = len(self.load.acknowledged) - self.load.aside + more
        await self.progress.reach(lambda: len(self.load.acknowledged) - self.load.aside >= goal)

    async def take_redis(self, number: signal.Signals = signal.SIGKILL) -> float:
        """Signal Redis while enough is in flight; give the seconds until the standby acknowledges."""
        await self.progress.reach(lambda: self.load.in_flight >= IN_FLIGHT)
        assert self.redis.process is not None
        loop = asyncio.get_running_loop()
        taken_at = loop.time()
        self.redis.process.send_signal(number)
        if number == signal.SIGKILL:
            await asyncio.to_thread(self.redis.kill)
        await self.aside(1)
        return loop.time() - taken_at

    def modes(self) -> set[str]:
        """Give who numbers."""
        return {mode for (mode,) in self.rows("select mode from `partition`")}

    def holders(self) -> list[int]:
        """Give how many partitions each worker stores that stores any."""
        counted = "select count(*) from lease where job like 'persist-%' and owner <> '' group by owner order by 1"
        return [int(count) for (count,) in self.rows(counted)]


@pytest.fixture
def crew(
    tmp_path: Path, redis: RedisServer, mariadb_server: MariaDbServer, opensearch_server: OpenSearchServer
) -> Iterator[Manned]:
    """Give a fleet at work."""
    with Fleet(tmp_path, redis=redis, mariadb=mariadb_server, opensearch=opensearch_server) as fleet:
        workers = [fleet.start("work") for _ in range(2)]
        api, *writers = fleet.start("api"), fleet.start("write"), fleet.start("write")
        with Client(api.url) as client, Client(writers[0].url) as write:
            tenant, progress = Tenant(client), Progress()
            for _ in range(CHATS):
                tenant.create_chat()
            urls = [writer.url for writer in writers]
            load = CreateLoad(urls, tenant.token, CHATS, Random(5), progress, keyed=False)
            crew = Manned(
                fleet, redis, mariadb_server, workers, client, tenant, load, progress, CLIENTS, writers, write
            )
            # A chat that only the log knows takes nothing while the log is away: clients would wait for its return.
            wait_for(
                lambda: crew.rows("select count(*) from chat") == [[str(CHATS)]], "the chats are stored", DRAINED_S
            )
            yield crew
        for member in fleet.members:
            assert "Traceback" not in member.log_text(), member.log_text()[-3000:]


def resume(redis: RedisServer) -> None:
    """Let a stopped Redis go on."""
    assert redis.process is not None
    os.kill(redis.process.pid, signal.SIGCONT)


def start_empty(redis: RedisServer) -> None:
    """Start it without what it had."""
    shutil.rmtree(redis.folder / "appendonlydir")
    redis.start()


def check_whole(crew: Manned, *, may_lose: bool = False) -> set[tuple[int, int]]:
    """Check every number of every chat: one message that was sent, or explained; give what was lost."""
    wait_for(lambda: crew.modes() == {"log"}, "the log numbers again", BACK_WITHIN_S)
    crew.tenant.wait_until_indexed(f"{crew.tenant.path}/chats/1", DRAINED_S)
    found = {
        (chat, message["number"]): message["body"]
        for chat in range(1, CHATS + 1)
        for message in walk(crew.api, f"{crew.tenant.path}/chats/{chat}/messages")
        if message["body"] != "indexed up to here"
    }
    lost = crew.load.acknowledged.keys() - found.keys()
    more = {body for place, body in found.items() if place not in crew.load.acknowledged}
    assert crew.load.findings == []
    assert may_lose or not lost, lost
    assert all(found[place] == body for place, body in crew.load.acknowledged.items() if place not in lost)
    assert more <= {posted.body for posted in crew.load.unknown}
    assert len(set(found.values())) == len(found), "a message is there twice"
    for chat, first, last, rows, gaps in crew.rows(
        "select c.number, 1, c.last_number, (select count(*) from message m where m.chat_id = c.id), "
        "(select coalesce(sum(g.last - g.first + 1), 0) from gap g where g.chat_id = c.id) from chat c"
    ):
        assert int(last) - int(first) + 1 == int(rows) + int(gaps), (chat, last, rows, gaps)
    void = {
        (int(chat), number)
        for chat, first, last in crew.rows("select c.number, first, last from gap g join chat c on c.id = g.chat_id")
        for number in range(int(first), int(last) + 1)
    }
    assert lost <= void
    assert not void & found.keys()
    check_is_clean(crew.fleet)
    return lost


@pytest.mark.timeout(300)
@pytest.mark.parametrize("state", ["intact", "empty"])
async def test_creates_go_on_when_redis_is_killed(crew: Manned, state: str) -> None:
    """Nothing is lost when it comes back as it was; when it comes back empty, what nobody had stored, with a word."""
    async with crew.loaded():
        served_s = await crew.take_redis()
        await crew.aside(300)
        await asyncio.to_thread(crew.redis.start if state == "intact" else lambda: start_empty(crew.redis))
        await crew.logged(300)

    lost = check_whole(crew, may_lose=state == "empty")
    print(f"{state}: standby after {served_s:.1f} s, {crew.load.aside} aside, {len(crew.load.unknown)} unknown, "  # noqa: T201 - the report
          f"{len(lost)} lost")  # fmt: skip
    assert served_s < SERVED_WITHIN_S


@pytest.mark.timeout(300)
async def test_creates_go_on_when_redis_hangs(crew: Manned) -> None:
    """What lies in its sockets it may still write when it wakes up: unknown once, and never twice."""
    async with crew.loaded():
        served_s = await crew.take_redis(signal.SIGSTOP)
        await crew.aside(300)
        await asyncio.to_thread(resume, crew.redis)
        await crew.logged(300)

    check_whole(crew)
    print(f"standby after {served_s:.1f} s, {crew.load.aside} aside, {len(crew.load.unknown)} unknown")  # noqa: T201 - the report
    assert served_s < SERVED_WITHIN_S


@pytest.mark.timeout(300)
async def test_outages_follow_each_other(crew: Manned) -> None:
    """Each with a return, some of them cut short; every number is explained in the end."""
    rng = Random(11)
    async with crew.loaded():
        for _ in range(3):
            await crew.take_redis()
            await asyncio.to_thread(crew.redis.start)
            await hold_async(rng.uniform(0, 0.5))
            await asyncio.to_thread(crew.redis.kill)
            await crew.aside(50)
            await asyncio.to_thread(crew.redis.start)
            await crew.logged(50)

    check_whole(crew)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("moment_s", [0.0, 0.15, 0.3, 0.6])
async def test_workers_may_die_in_a_standby_and_in_the_return(crew: Manned, moment_s: float) -> None:
    """The one that lets the database stand by is killed; so is its heir, at some moment of the return."""
    async with crew.loaded():
        await crew.take_redis()
        await asyncio.to_thread(crew.workers[0].kill)
        await crew.aside(100)
        await asyncio.to_thread(crew.redis.start)
        await hold_async(moment_s)
        await asyncio.to_thread(crew.workers[1].kill)
        for worker in crew.workers:
            await asyncio.to_thread(worker.start, wait=False)
        async with asyncio.timeout(TAKEN_OVER_S + BACK_WITHIN_S):
            await crew.logged(200)

    check_whole(crew)


@pytest.mark.timeout(300)
async def test_a_writer_that_is_cut_off_alone_refuses_and_says_so(crew: Manned, redis: RedisServer) -> None:
    """The others go on with the log; it answers 503 at once, and takes creates again when it is back."""
    relay = Relay(redis.port)
    chat = f"{crew.tenant.path}/chats/1"
    async with relay.open() as port:
        url = crew.fleet.env["PARLEY_LOG_URL"].replace(str(redis.port), str(port))
        alone = await asyncio.to_thread(crew.fleet.start, "write", env={"PARLEY_LOG_URL": url})
        with Client(alone.url) as client:

            def post() -> Answer:
                return client.json("POST", f"{chat}/messages", {"body": "alone"})

            def has_status(status: int) -> bool:
                return post().status == status

            expect(await asyncio.to_thread(post), 201)
            relay.cut()
            await asyncio.to_thread(wait_for, lambda: has_status(503), "it refuses", 10)
            async with crew.loaded():
                refused = [await asyncio.to_thread(post) for _ in range(20)]
                status, said = await asyncio.to_thread(alone.ready)
                await crew.logged(200)
            relay.mend()
            await asyncio.to_thread(wait_for, lambda: has_status(201), "it is back", BACK_WITHIN_S)
            back = await asyncio.to_thread(post)

    assert {(each.status, each.json()["code"], each.header("Retry-After")) for each in refused} == {
        (503, "log_unavailable", "1")
    }
    assert all("127.0.0.1" not in str(each.json()) for each in refused)
    assert status == 503
    assert said["reasons"][0].startswith("log: The log is away")
    assert crew.load.aside == 0
    assert (back.header("Parley-Durability"), back.header("Parley-Degraded")) == ("queued", None)
    assert [member.ready()[0] for member in crew.writers] == [200, 200]


@pytest.mark.timeout(300)
async def test_a_worker_that_is_cut_off_alone_is_relieved(crew: Manned, redis: RedisServer) -> None:
    """Its partitions stand by until another worker has them; when it is back it has its share again."""
    relay = Relay(redis.port)
    async with relay.open() as port:
        url = crew.fleet.env["PARLEY_LOG_URL"].replace(str(redis.port), str(port))
        alone = await asyncio.to_thread(crew.fleet.start, "work", env={"PARLEY_LOG_URL": url})
        await asyncio.to_thread(crew.workers[1].stop)
        await asyncio.to_thread(wait_for, lambda: crew.holders() == [2, 2], "it has its share", TAKEN_OVER_S)
        async with crew.loaded():
            relay.cut()
            await asyncio.to_thread(wait_for, lambda: crew.modes() == {"log", STANDBY}, "half stands by", BACK_WITHIN_S)
            await asyncio.to_thread(wait_for, lambda: crew.modes() == {"log"}, "another has it", BACK_WITHIN_S)
            assert await asyncio.to_thread(crew.holders) == [4]
            await crew.logged(200)
            relay.mend()
            await asyncio.to_thread(wait_for, lambda: crew.holders() == [2, 2], "it is back", TAKEN_OVER_S)
            await crew.logged(200)
        await asyncio.to_thread(check_whole, crew)
        assert await asyncio.to_thread(alone.stop) == 0


def test_what_a_standby_answers(crew: Manned) -> None:
    """Route by route, on either port: stored, replayed, unknown; what /ready, /health and the metrics say."""
    chat = f"{crew.tenant.path}/chats/1"
    key = [("Idempotency-Key", "before")]
    first = expect(crew.write.json("POST", f"{chat}/messages", {"body": "before"}, key), 201)
    crew.tenant.wait_until_indexed(chat)
    crew.redis.kill()

    for member in crew.fleet.members:
        wait_for(partial(has_heard, member), "the standby serves", SERVED_WITHIN_S * 2)
    for client in (crew.write, crew.api):
        check_standby(client, crew.tenant.path, first["number"], key)
    check_reads(crew)
    for member in (*crew.writers, crew.workers[0]):
        status, said = member.ready()
        assert (status, said["reasons"]) == (200, [])
    assert (crew.write.get("/health").status, crew.write.get("/health").json()["status"]) == (503, "unhealthy")
    assert "parley_standby_partitions 4.0" in crew.write.get("/metrics").body.decode()
    shown = crew.fleet.run("status")
    assert shown.stdout.count("standby") == 4
    check_is_clean(crew.fleet)

    crew.redis.start()
    # The database says so first; a process that has not heard from the log itself yet still refuses.
    for client in (crew.api, crew.write):
        wait_for(partial(is_whole, client), "the log numbers again", BACK_WITHIN_S)
    edited = crew.api.json("PATCH", f"{chat}/messages/{first['number']}", {"body": "edited"})
    assert (edited.status, edited.header("Parley-Degraded")) == (200, None)
    assert crew.api.request("DELETE", f"{crew.tenant.path}/chats/2").status == 204
    assert crew.modes() == {"log"}


def has_heard(member: Member) -> bool:
    """Tell whether a process says that all partitions stand by."""
    expected = "the database gives the numbers of partition 0, 1, 2, 3, as the log is away"
    return expected in member.ready()[1]["degraded"]


def is_whole(client: Client) -> bool:
    """Tell whether a process takes all creates to the log."""
    told = client.get("/metrics").body.decode()
    return "parley_standby_partitions 0.0" in told and "parley_log_away_partitions 0.0" in told


def check_standby(client: Client, application: str, stored: int, key: list[tuple[str, str]]) -> None:
    """Check creates through one port."""
    chat = f"{application}/chats/1"
    marks = [
        (answer.status, answer.header("Parley-Durability"), answer.header("Parley-Degraded"))
        for answer in (
            client.json("POST", f"{chat}/messages", {"body": "one"}),
            client.json("POST", f"{chat}/messages/bulk", {"messages": [{"body": "two"}, {"body": "three"}]}),
            client.json("POST", f"{application}/chats", {"title": "new"}),
            client.json("POST", f"{chat}/messages", {"body": "waited for"}, [("Prefer", "wait")]),
        )
    ]
    assert marks == [(201, "stored", "numbering")] * 4
    replayed = client.json("POST", f"{chat}/messages", {"body": "before"}, key)
    assert (expect(replayed, 201)["number"], replayed.header("Idempotent-Replayed")) == (stored, "true")
    assert client.json("POST", f"{chat}/messages", {"body": "another"}, key).status == 422
    unknown = [
        client.json("POST", f"{chat}/messages", {"body": "x"}, [("Idempotency-Key", "new")]),
        client.json("POST", f"{application}/chats/77/messages", {"body": "x"}),
    ]
    assert {(each.status, each.json()["code"]) for each in unknown} == {(503, "log_unavailable")}
    made = expect(client.json("POST", f"{application}/chats", {}), 201)["number"]
    assert expect(client.json("POST", f"{application}/chats/{made}/messages", {"body": "x"}), 201)["number"] == 1
    nobody = application[:-8] + "00000000"
    assert client.json("POST", f"{nobody}/chats", {}).status == 404


def check_reads(crew: Manned) -> None:
    """Check what the full API alone answers: rows of the standby at once, unknown where the log may know."""
    chat = f"{crew.tenant.path}/chats/1"
    page = crew.api.get(f"{chat}/messages?before=1000000&limit=1")
    (last,) = expect(page, 200)
    number = expect(crew.write.json("POST", f"{chat}/messages", {"body": "read at once"}), 201)["number"]
    assert number == last["number"] + 1
    assert expect(crew.api.get(f"{chat}/messages/{number}"), 200)["body"] == "read at once"
    assert expect(crew.api.get(f"{chat}/messages?after={number - 1}"), 200)[0]["number"] == number
    assert page.header("Parley-Degraded") == "tail"
    crew.tenant.wait_until_found(chat, "read at once", [number])
    unknown = [
        crew.api.get(f"{chat}/messages/{number + 100}"),
        crew.api.get(f"{crew.tenant.path}/chats/77"),
        crew.api.json("PATCH", f"{chat}/messages/1", {"body": "edited"}),
        crew.api.request("DELETE", f"{chat}/messages/1"),
        crew.api.json("PATCH", chat, {"title": "another"}),
        crew.api.request("DELETE", chat),
        crew.api.request("DELETE", crew.tenant.path),
    ]
    assert {(each.status, each.json()["code"]) for each in unknown} == {(503, "log_unavailable")}
    assert crew.api.request("DELETE", crew.tenant.path[:-8] + "00000000").status == 404
    assert expect(crew.api.get(chat), 200)["number"] == 1
