"""What the fleet says is so: synced before it is answered, erased when it is deleted, searchable or honestly not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

import pytest
from redis import Redis

from tests.support.client import Client
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.missing import lacking
from tests.support.polling import wait_for
from tests.support.tenant import Tenant, expect

ERASED_WITHIN_S = 60.0
TRACED = 20

SYNC = re.compile(r"^\d+ +(?P<at>[\d.]+) fdatasync\((?P<file>\d+)[^)]*\)\s*= 0 <(?P<took>[\d.]+)>")
WRITTEN = re.compile(r"^\d+ +(?P<at>[\d.]+) write\((?P<file>\d+)[^,]*, (?P<bytes>\".*)")
UNFINISHED = " <unfinished ...>"
RESUMED = re.compile(r"^\d+ +[\d.]+ <\.\.\. \w+ resumed>(?P<rest>.*)")
ANSWERED = re.compile(r"^\d+ +(?P<at>[\d.]+) (?:write|writev|sendto|sendmsg)\(\d+[^,]*, (?P<bytes>.*)")


class Crew(NamedTuple):
    """A fleet of one of each, and a tenant."""

    fleet: Fleet
    redis: RedisServer
    mariadb: MariaDbServer
    opensearch: OpenSearchServer
    writer: Member
    api: Client
    write: Client
    tenant: Tenant


@pytest.fixture(scope="module")
def opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSearchServer]:
    """Give an OpenSearch of this module's own, to be stopped."""
    with OpenSearchServer(tmp_path_factory.mktemp("opensearch")) as server:
        yield server


@pytest.fixture(scope="module")
def crew(
    tmp_path_factory: pytest.TempPathFactory, mariadb_server: MariaDbServer, opensearch: OpenSearchServer
) -> Iterator[Crew]:
    """Give a worker, an API and a write process over a Redis of their own."""
    folder = tmp_path_factory.mktemp("honesty")
    with (
        RedisServer(folder / "redis") as redis,
        Fleet(folder, redis=redis, mariadb=mariadb_server, opensearch=opensearch) as fleet,
    ):
        fleet.start("work")
        api, writer = fleet.start("api"), fleet.start("write")
        with Client(api.url) as reads, Client(writer.url) as writes:
            yield Crew(fleet, redis, mariadb_server, opensearch, writer, reads, writes, Tenant(reads))
        for member in fleet.members:
            assert "Traceback" not in member.log_text()


def test_no_answer_leaves_before_the_log_is_synced(crew: Crew, tmp_path: Path) -> None:
    """Traced from outside: entry written, then a sync that began after it and ended, then the 201."""
    chat = crew.tenant.create_chat()
    expect(crew.write.json("POST", f"{chat}/messages", {"body": "warm"}), 201)
    bodies = [f"traced-{index}-{'x' * 8}" for index in range(TRACED)]

    with traced(crew, tmp_path / "trace") as trace:
        for body in bodies:
            expect(crew.write.json("POST", f"{chat}/messages", {"body": body}), 201)

    events = read_trace(trace.read_text("utf-8", "replace"), bodies)
    for body in bodies:
        written, answered = events.written[body], events.answered[body]
        assert any(written.at < sync.began and sync.ended < answered and sync.file == written.file
                   for sync in events.syncs), (body, written, answered)  # fmt: skip
    assert all(earlier < later for earlier, later in pairwise(events.answered[body] for body in bodies))


def test_what_is_deleted_is_in_no_store(crew: Crew) -> None:
    """A message, a chat and an application: their words are in no table, index, stream or answer any more."""
    other = Tenant(crew.api)
    words = {"message": "wolkenkuckucksheim", "chat": "schneckentempolimit", "application": "quietscheentenparade"}
    chat, kept = crew.tenant.create_chat(), crew.tenant.create_chat()
    number = crew.tenant.post(kept, f"say {words['message']}", sender=words["message"])
    crew.tenant.post(chat, f"say {words['chat']}", metadata={"word": words["chat"]})
    other.post(other.create_chat(words["application"]), words["application"])
    crew.tenant.wait_until_found(kept, words["message"], [number])
    assert all(found(crew, word) for word in words.values()), "the search for words finds nothing to begin with"

    assert crew.api.request("DELETE", f"{kept}/messages/{number}").status == 204
    assert crew.api.request("DELETE", chat).status == 204
    assert crew.api.request("DELETE", other.path).status == 204

    wait_for(
        lambda: not any(found(crew, word) for word in words.values()),
        "the words are nowhere", ERASED_WITHIN_S, every_s=0.5,
    )  # fmt: skip


def test_all_but_searching_goes_on_while_the_search_engine_is_away(crew: Crew) -> None:
    """Search answers 503 with Retry-After; what was written meanwhile is found after its return."""
    chat = crew.tenant.create_chat()
    crew.tenant.wait_until_found(chat, "before", [crew.tenant.post(chat, "before")])

    crew.opensearch.stop()
    refused = crew.api.get(f"{chat}/messages/search?q=before")
    number = crew.tenant.post(chat, "a word in between")
    listed = expect(crew.api.get(f"{chat}/messages"), 200)
    health = crew.api.get("/health")
    crew.opensearch.start()

    assert (refused.status, refused.json()["code"]) == (503, "search_unavailable")
    assert refused.header("Retry-After")
    assert [message["number"] for message in listed] == [1, number]
    assert (health.status, health.json()["status"]) == (200, "degraded")
    wait_for(lambda: crew.api.get(f"{chat}/messages/search?q=before").status == 200, "search is back", 60)
    wait_for(lambda: crew.tenant.search(chat, "in between") == [number], "it is found", 60)


def test_ready_tells_what_is_amiss_from_what_stops_the_work(
    tmp_path: Path, mariadb_server: MariaDbServer, opensearch: OpenSearchServer
) -> None:
    """A log that is not synced is named and no reason to go out of service; a full one refuses creates and is."""
    env = {"PARLEY_LOG_DURABILITY": "relaxed", "PARLEY_DEPTH_MAX_MESSAGES": "3"}
    with (
        RedisServer(tmp_path / "redis", aof="everysec") as redis,
        Fleet(tmp_path, redis=redis, mariadb=mariadb_server, opensearch=opensearch, env=env) as fleet,
    ):
        worker, api, writer = fleet.start("work"), fleet.start("api"), fleet.start("write")
        with Client(api.url) as reads, Client(writer.url) as writes:
            chat = Tenant(reads).create_chat()
            answer = writes.json("POST", f"{chat}/messages", {"body": "not synced"})
            status, said = writer.ready()
            assert (answer.status, answer.header("Parley-Durability")) == (201, "relaxed")
            assert (status, said["reasons"]) == (200, [])
            assert "writes are answered before they are synced" in said["degraded"]

            worker.stop()
            wait_for(lambda: writes.json("POST", f"{chat}/messages", {"body": "too many"}).status == 503, "it is full")
            status, said = writer.ready()
            assert (status, said["reasons"]) == (503, ["too many messages wait to be stored"])


class Written(NamedTuple):
    """When an entry was written, and to which file."""

    at: float
    file: str


class Sync(NamedTuple):
    """One sync that ended well."""

    file: str
    began: float
    ended: float


class Events(NamedTuple):
    """What the trace saw."""

    written: dict[str, Written]
    syncs: list[Sync]
    answered: dict[str, float]


@contextmanager
def traced(crew: Crew, file: Path) -> Iterator[Path]:
    """Trace Redis and the write process while inside."""
    if shutil.which("strace") is None:
        lacking("strace is not installed; scripts/system-packages.sh installs it")
    assert crew.redis.process is not None
    assert crew.writer.process is not None
    pids = [str(crew.redis.process.pid), str(crew.writer.process.pid)]
    calls = "trace=write,writev,sendto,sendmsg,fdatasync"
    command = ["strace", "-f", "-ttt", "-T", "-s", "4096", "-e", calls, "-o", str(file), "-p", pids[0], "-p", pids[1]]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    attached = 0
    while attached < len(pids):
        line = tracer.stderr.readline()
        assert line, "strace ended: it may not trace here"
        attached += "attached" in line
    yield file
    tracer.terminate()
    tracer.wait(10)
    tracer.stderr.close()


def read_trace(text: str, bodies: list[str]) -> Events:
    """Find each body's entry on its way to the file, each sync, and each body's answer on its way to the client."""
    written: dict[str, Written] = {}
    answered: dict[str, float] = {}
    syncs: list[Sync] = []
    for line in whole_calls(text):
        if sync := SYNC.match(line):
            began = float(sync["at"])
            syncs.append(Sync(sync["file"], began, began + float(sync["took"])))
        elif "HTTP/1.1 201" in line and (sent := ANSWERED.match(line)):
            answered |= {body: float(sent["at"]) for body in bodies if body in sent["bytes"]}
        elif "XADD" in line and (put := WRITTEN.match(line)):
            written |= {body: Written(float(put["at"]), put["file"]) for body in bodies if body in put["bytes"]}
    assert written.keys() == set(bodies), "not every entry was seen on its way to the file"
    assert answered.keys() == set(bodies), "not every answer was seen"
    return Events(written, syncs, answered)


def whole_calls(text: str) -> Iterator[str]:
    """Give each traced call in one line: where two processes call at once its begin and its end lie apart."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        caller = line.split(" ", 1)[0]
        if line.endswith(UNFINISHED):
            begun[caller] = line.removesuffix(UNFINISHED)
        elif resumed := RESUMED.match(line):
            yield begun.pop(caller, "") + resumed["rest"]
        else:
            yield line


def found(crew: Crew, word: str) -> bool:
    """Look for a word in every store behind the product's back, and in what the product answers."""
    return (
        any(word in text for text in table_texts(crew.mariadb, crew.fleet.database))
        or any(word.encode() in value for value in log_values(crew.redis))
        or indexed(crew.opensearch, crew.fleet.database, word) > 0
    )


def table_texts(mariadb: MariaDbServer, database: str) -> Iterator[str]:
    """Give every row of every table as text."""
    for (table,) in mariadb.run("show tables", database):
        for row in mariadb.run(f"select * from `{table}`", database):  # noqa: S608 - a name the server gave
            yield "\t".join(row)


def log_values(server: RedisServer) -> Iterator[bytes]:
    """Give every value of every key."""
    with Redis(port=server.port) as client:
        for key in client.scan_iter():
            if client.type(key) == b"stream":
                for _, fields in client.xrange(key):
                    yield from fields.values()
            elif client.type(key) == b"hash":
                yield from client.hgetall(key).values()
            else:
                yield client.get(key) or b""


def indexed(server: OpenSearchServer, prefix: str, word: str) -> int:
    """Count the documents that hold a word, as the engine itself says."""
    question = json.dumps({"query": {"match_phrase": {"body": word}}}).encode()
    target = f"{server.url}/{prefix}-*/_count"
    with urlopen(Request(target, question, {"Content-Type": "application/json"}), timeout=10) as answer:  # noqa: S310
        count: int = json.load(answer)["count"]
    return count
