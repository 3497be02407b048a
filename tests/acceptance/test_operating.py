"""The operator's commands on real servers: what status tells, dead letters, a new epoch under load, the doctor."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from redis import Redis

from tests.support.client import Client
from tests.support.engines.mariadb import PASSWORD, MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.polling import wait_for
from tests.support.server import free_ports, parley_command
from tests.support.tenant import Tenant
from tests.support.workload import CreateLoad, Progress

PARTITIONS = 4
CHATS = 6
CLIENTS = 16
BETWEEN = 200
"""Messages that are acknowledged before, between and after two epochs."""
TAKEN_OVER_S = 60.0
STORED_S = 30.0
STORED = """
select a.token, c.number, m.number
from message m join application a on a.id = m.application_id
join chat c on c.application_id = m.application_id and c.id = m.chat_id
"""
GAPS = """
select a.token, c.number, g.first, g.last
from gap g join application a on a.id = g.application_id
join chat c on c.application_id = g.application_id and c.id = g.chat_id
"""


class Place(NamedTuple):
    """A fleet, the Redis that is its own, and its processes."""

    fleet: Fleet
    redis: RedisServer
    worker: Member
    api: Member
    write: Member

    def status(self, expected: int, *flags: str) -> dict[str, Any]:
        """Run ``parley status`` and read its JSON."""
        done = self.fleet.run("status", "--json", *flags)
        assert done.returncode == expected, (done.stdout, done.stderr)
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def client(self) -> Redis:
        """Speak to the Redis behind everybody's back."""
        return Redis(port=self.redis.port)


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, mariadb_server: MariaDbServer, opensearch_server: OpenSearchServer
) -> Iterator[Place]:
    """Give a fleet with a worker, an API and a write process, on a Redis that tests may pause."""
    folder = tmp_path_factory.mktemp("operating")
    with (
        RedisServer(folder / "redis") as redis,
        Fleet(folder, redis=redis, mariadb=mariadb_server, opensearch=opensearch_server) as fleet,
    ):
        yield Place(fleet, redis, fleet.start("work"), fleet.start("api"), fleet.start("write"))


@pytest.fixture
def tenant(place: Place) -> Iterator[Tenant]:
    """Give an application of its own."""
    with Client(place.api.url) as client:
        yield Tenant(client)


def parts(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the servers by name."""
    return {server["name"]: server for server in told["servers"]}


def test_status_tells_everything_of_every_partition(place: Place, tenant: Tenant) -> None:
    """Healthy: all is served, led and stored, in JSON and in the table."""
    chat = tenant.create_chat()
    tenant.wait_until_indexed(chat)

    told = place.status(0)
    shown = place.fleet.run("status")

    assert told["ok"] is True
    assert [partition["id"] for partition in told["partitions"]] == list(range(PARTITIONS))
    for partition in told["partitions"]:
        assert (partition["mode"], partition["log"]) == ("log", "served")
        assert partition["owner"]
        assert 0 < partition["lease_left_s"] <= 10
        assert partition["end"]["epoch"] == partition["position"]["epoch"] == partition["epoch"]
    assert max(partition["position"]["id"] for partition in told["partitions"]) > 0
    assert all(server["ok"] and server["latency_ms"] is not None for server in told["servers"])
    assert (told["durability"], told["dead_letters"], len(told["workers"])) == ("queued", 0, 1)
    assert {job["name"] for job in told["jobs"] if job["owner"]} == {"index", "erase", "reconcile"}
    assert shown.returncode == 0
    assert shown.stdout.count("served") == PARTITIONS


def test_status_is_watched_until_ctrl_c(place: Place) -> None:
    """Each look is a line of JSON; the end is no failure."""
    watching = subprocess.Popen(
        [*parley_command(), "status", "--watch", "--json"],
        env=place.fleet.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None

    lines = [watching.stdout.readline() for _ in range(2)]
    watching.send_signal(signal.SIGINT)
    rest, errors = watching.communicate(timeout=30)

    assert all(json.loads(line)["ok"] for line in lines), (rest, errors)
    assert (watching.returncode, errors) == (0, "")


def test_status_works_while_redis_hangs(place: Place) -> None:
    """What the database knows is shown, what the log would say is not known; 1 until it goes on."""
    place.redis.pause()
    try:
        told = place.status(1)
    finally:
        place.redis.resume()

    assert not parts(told)["log"]["ok"]
    assert parts(told)["database"]["ok"]
    assert [partition["log"] for partition in told["partitions"]] == [None] * PARTITIONS
    assert all(partition["position"] and partition["owner"] for partition in told["partitions"])
    wait_for(lambda: place.fleet.run("status").returncode == 0, "served again", TAKEN_OVER_S, every_s=0.5)


def test_status_works_while_database_and_search_are_away(place: Place) -> None:
    """The log still tells in which epoch it is, and where it ends; no password is in the output."""
    (closed,) = free_ports(1)
    flags = (
        "--database-url", f"mysql://parley:{PASSWORD}@127.0.0.1:{closed}/parley",
        "--search-url", f"http://127.0.0.1:{closed}/parley",
    )  # fmt: skip

    told = place.status(1, *flags)

    assert [server["ok"] for server in told["servers"]] == [False, True, False]
    assert all(partition["end"] and partition["position"] is None for partition in told["partitions"])
    assert len(told["partitions"]) == PARTITIONS
    assert PASSWORD not in json.dumps(told)


def test_status_tells_that_nobody_stores_a_partition(place: Place, tenant: Tenant) -> None:
    """The worker is killed: its leases run out, what is written waits and is counted; another process mends it."""
    chat = tenant.create_chat()
    tenant.wait_until_indexed(chat)
    place.worker.kill()
    tenant.post_many(chat, ["waits"] * 7)

    def unled() -> list[dict[str, Any]]:
        done = place.fleet.run("status", "--json")
        told: list[dict[str, Any]] = json.loads(done.stdout)["partitions"]
        return [] if done.returncode == 0 or any(partition["owner"] for partition in told) else told

    partitions = wait_for(unled, "nobody has a lease", TAKEN_OVER_S, every_s=0.5)
    (waiting,) = [partition for partition in partitions if partition["lag_s"]]
    doctor = place.fleet.run("doctor", "--json")
    place.worker.start()
    wait_for(lambda: place.fleet.run("status").returncode == 0, "led again", TAKEN_OVER_S, every_s=0.5)

    assert waiting["depth"]["messages"] == 7
    assert waiting["end"]["id"] > waiting["position"]["id"]
    found = {finding["subject"]: finding["status"] for finding in json.loads(doctor.stdout)}
    assert found.get("leases") == "warn", doctor.stdout


def test_an_event_of_another_version_is_listed_shown_and_discarded(place: Place) -> None:
    """It is set aside with its bytes, never dropped; a replay fails again, a discard is final."""
    token = "feedface" * 4
    epoch = place.status(0)["partitions"][2]["epoch"]
    with place.client() as redis:
        redis.xadd(f"{{{place.fleet.database}:2}}:{epoch}:log", {"99": b"of the future " + token.encode()})
    (letter,) = wait_for(lambda: json.loads(place.fleet.run("dead-letters", "list", "--json").stdout), "set aside")
    id_ = str(letter["id"])

    listed = place.fleet.run("dead-letters", "list")
    shown = place.fleet.run("dead-letters", "show", id_)
    replayed = place.fleet.run("dead-letters", "replay", id_)
    unasked = place.fleet.run("dead-letters", "discard", id_)
    kept = json.loads(place.fleet.run("dead-letters", "show", id_, "--json").stdout)
    counted = place.status(0)["dead_letters"]
    discarded = place.fleet.run("dead-letters", "discard", id_, "--yes")
    gone = place.fleet.run("dead-letters", "show", id_)

    assert "unreadable" in listed.stdout
    assert "it is of version 99." in shown.stdout
    assert "of the f" in shown.stdout
    assert "66 65 65 64 2a 2a" in shown.stdout
    assert token not in shown.stdout + listed.stdout + json.dumps(kept) + discarded.stdout
    assert (replayed.returncode, kept["attempts"]) == (1, 2)
    assert "failed again" in replayed.stdout
    assert (unasked.returncode, counted) == (1, 1)
    assert "--yes" in unasked.stderr
    assert discarded.returncode == 0, discarded.stderr
    assert "numbers are not known" in discarded.stdout
    assert gone.returncode == 1
    assert place.status(0)["dead_letters"] == 0


def test_a_chat_that_is_given_up_takes_nothing_more(
    place: Place, tenant: Tenant, mariadb_server: MariaDbServer
) -> None:
    """Its creation is discarded: whoever posts there is told, what was on the way stops nobody, nothing is missing."""
    database = place.fleet.database
    mariadb_server.run("alter table chat modify title varchar(4)", database)
    chat, other = tenant.create_chat("too long for it"), tenant.create_chat("fits")
    tenant.post_many(chat, ["waits"])
    with Client(place.write.url) as writer:
        writer.json("POST", f"{chat}/messages", {"body": "waits"})
        listed = wait_for(lambda: in_list(place, 3), "creation and posts are set aside")
        discarded = place.fleet.run("dead-letters", "discard", str(listed[0]["id"]), "--yes")
        late = [client.json("POST", f"{chat}/messages", {"body": "late"}).status for client in (writer, tenant.api)]
    wait_for(lambda: not in_list(place, 0), "nothing is a letter")
    stored = tenant.api.json("POST", f"{other}/messages", {"body": "fine"}, {"Prefer": "wait"})
    mariadb_server.run("alter table chat modify title text", database)

    assert (discarded.returncode, late) == (0, [404, 404]), discarded.stdout + discarded.stderr
    assert "its chat is deleted" in discarded.stdout
    assert (stored.status, stored.header("Parley-Durability")) == (201, "stored")
    assert tenant.api.get(chat).status == 404
    checked = place.fleet.run("check")
    assert checked.returncode == 0, checked.stdout


def in_list(place: Place, count: int) -> list[dict[str, Any]]:
    """Give the dead letters if they are as many at least."""
    letters: list[dict[str, Any]] = json.loads(place.fleet.run("dead-letters", "list", "--json").stdout)
    return letters if len(letters) >= count else []


async def test_no_number_is_given_twice_when_epochs_are_begun_under_load(
    place: Place, tenant: Tenant, mariadb_server: MariaDbServer
) -> None:
    """All partitions, then one: every number is one message or in the gap ledger, and clients got no other answer."""
    for _ in range(CHATS):
        tenant.create_chat()
    before = place.status(0)["partitions"]
    progress = Progress()
    load = CreateLoad([place.write.url], tenant.token, CHATS, Random(3), progress)

    async with load.running(CLIENTS):
        for flags in ((), ("--partition", "1")):
            enough = len(load.acknowledged) + BETWEEN
            await progress.reach(lambda enough=enough: len(load.acknowledged) >= enough)  # type: ignore[misc]
            done = await asyncio.to_thread(place.fleet.run, "rebuild-sequences", "--yes", *flags)
            assert done.returncode == 0, (done.stdout, done.stderr)
        enough = len(load.acknowledged) + BETWEEN
        await progress.reach(lambda: len(load.acknowledged) >= enough)

    def stored() -> list[tuple[int, int]]:
        numbers = stored_numbers(mariadb_server, place, tenant)
        return numbers if len(numbers) >= len(load.acknowledged) else []

    numbers = wait_for(stored, "all are stored", STORED_S, every_s=0.2)
    burnt = burnt_numbers(mariadb_server, place, tenant)
    after = place.status(0)["partitions"]
    assert load.findings == []
    assert [new["epoch"] - old["epoch"] for old, new in zip(before, after, strict=True)] == [1, 2, 1, 1]
    assert set(numbers) == set(load.acknowledged)
    assert burnt, "an epoch voids what was granted and not given"
    for chat in range(1, CHATS + 1):
        own = sorted(number for at, number in numbers + burnt if at == chat)
        assert own == list(range(1, len(own) + 1)), f"chat {chat}: given twice, or not explained"


def test_the_command_opens_an_epoch_where_no_worker_is(place: Place, tenant: Tenant) -> None:
    """What lies on the log is stored by it, and a worker that starts later goes on."""
    chat = tenant.create_chat()
    numbers = tenant.post_many(chat, ["before"] * 3)
    epochs = [partition["epoch"] for partition in place.status(0)["partitions"]]
    assert place.worker.stop() == 0
    numbers += tenant.post_many(chat, ["waits"] * 3)

    done = place.fleet.run("rebuild-sequences", "--yes")
    told = place.status(1)
    place.worker.start()
    numbers += tenant.post_many(chat, ["after"] * 3)

    assert done.returncode == 0, (done.stdout, done.stderr)
    assert done.stdout.count("nobody stores it: done here") == PARTITIONS
    assert [partition["epoch"] for partition in told["partitions"]] == [epoch + 1 for epoch in epochs]
    assert {partition["lag_s"] for partition in told["partitions"]} == {0.0}
    assert numbers[:6] == [1, 2, 3, 4, 5, 6]
    assert numbers[6:] == sorted(set(numbers[6:]))
    assert numbers[6] > 6


def test_doctor_finds_nothing_wrong_with_the_servers(place: Place) -> None:
    """Every server has its version, its settings and its clock; our own ports are told from others'."""
    bind = ("--api-bind", place.api.url.removeprefix("http://"))

    done = place.fleet.run("doctor", "--json", *bind)

    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert {"database", "database durability", "database rights", "database session", "database clock"} <= set(found)
    assert {"log", "log settings", "log rights", "log clock", "schema", "leases", "dead letters"} <= set(found)
    assert {"search", "search health", "search disk", "search index", "search analysis"} <= set(found)
    assert {found[name]["status"] for name in found if not name.startswith("search")} == {"ok"}, done.stdout
    assert "is served by Parley" in found["PARLEY_API_BIND"]["found"]
    assert PASSWORD not in done.stdout


@pytest.mark.parametrize(
    ("setting", "value", "usual", "line"),
    [
        ("appendfsync", "everysec", "always", "appendfsync always"),
        ("appendonly", "no", "yes", "appendonly yes"),
        ("maxmemory-policy", "allkeys-lru", "noeviction", "maxmemory-policy noeviction"),
    ],
)
def test_doctor_says_which_line_of_redis_to_change(
    setting: str, value: str, usual: str, line: str, place: Place
) -> None:
    """A failure, as a start would be."""
    with place.client() as redis:
        redis.config_set(setting, value)
        try:
            done = place.fleet.run("doctor", "--json")
        finally:
            redis.config_set(setting, usual)

    (found,) = [each for each in json.loads(done.stdout) if each["subject"] == "log settings"]
    assert (done.returncode, found["status"]) == (1, "fail")
    assert f"'{line}'" in found["advice"]


def test_doctor_says_what_a_weak_user_may_not(place: Place) -> None:
    """Redis is asked for the rights that appends need; the password is nowhere."""
    prefix = place.fleet.database
    with place.client() as redis:
        redis.execute_command("ACL", "SETUSER", "weak", "on", ">geheim", f"~{{{prefix}*", "+@all", "-xadd", "-config")
    url = f"redis://weak:geheim@127.0.0.1:{place.redis.port}/0?prefix={prefix}"

    done = place.fleet.run("doctor", "--json", "--log-url", url)

    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert (found["log rights"]["status"], found["log settings"]["status"]) == ("fail", "warn")
    assert "XADD" in found["log rights"]["found"]
    assert "geheim" not in done.stdout


def test_doctor_says_that_the_collation_is_wrong(tmp_path: Path, place: Place, mariadb_server: MariaDbServer) -> None:
    """With the statement that mends it; the schema of an empty database is still to be made."""
    name = f"{place.fleet.database}_ci"
    mariadb_server.run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")

    done = place.fleet.run("doctor", "--json", "--database-url", mariadb_server.url(name))

    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 1
    assert f"ALTER DATABASE `{name}`" in found["database"]["advice"]
    assert not list(tmp_path.iterdir())


def stored_numbers(mariadb: MariaDbServer, place: Place, tenant: Tenant) -> list[tuple[int, int]]:
    """Give chat and number of an application's messages, as the database has them."""
    rows = mariadb.run(STORED, place.fleet.database)
    return [(int(chat), int(number)) for token, chat, number in rows if token == tenant.token]


def burnt_numbers(mariadb: MariaDbServer, place: Place, tenant: Tenant) -> list[tuple[int, int]]:
    """Give chat and number of what the gap ledger explains."""
    rows = mariadb.run(GAPS, place.fleet.database)
    gaps = [(int(chat), int(first), int(last)) for token, chat, first, last in rows if token == tenant.token]
    return [(chat, number) for chat, first, last in gaps for number in range(first, last + 1)]
