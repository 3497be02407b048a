"""Attacks on time and memory, and a database that fails: on the embedded profile, whose one process is looked at."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

import apsw
import pytest

from tests.support.answers import check_problem
from tests.support.client import JSON_TYPE, Client, ClosedError
from tests.support.polling import wait_for
from tests.support.server import Server
from tests.support.tenant import APPLICATIONS, Tenant, expect

MIB = 1024 * 1024
TRIES = 2_000
BLOCK = 100


@pytest.fixture(scope="module")
def server(embedded: Server) -> Server:
    """Give the session's embedded server alone."""
    return embedded


def memory(server: Server) -> int:
    """Give the bytes that the process has in memory."""
    assert server.process is not None
    pages = Path(f"/proc/{server.process.pid}/statm").read_text("ascii").split()[1]
    return int(pages) * 4_096


def cpu_s(server: Server) -> float:
    """Give the seconds of CPU that the process has used."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.fixture(params=["api", "write"])
def client(request: pytest.FixtureRequest, server: Server) -> Iterator[Client]:
    """Give a client of either service."""
    with Client(server.api_url if request.param == "api" else server.write_url) as made:
        yield made


def test_a_foreign_number_takes_as_long_as_an_unknown_one(client: Client, api: Client) -> None:
    """In 2,000 tries of each; what two unknown numbers differ by in the same run is the noise."""
    mine, theirs = Tenant(api), Tenant(api)
    mine.create_chat()
    for _ in range(40):
        theirs.create_chat()
    asked = {"foreign": 40, "unknown": 77, "unknown too": 88}
    spent: dict[str, list[float]] = {name: [] for name in asked}
    order, rng = list(asked), random.Random(1)
    for _ in range(TRIES):
        rng.shuffle(order)
        for name in order:
            target = f"{mine.path}/chats/{asked[name]}/messages"
            began = time.perf_counter()
            answer = client.request("POST", target, b'{"body":"x"}', [JSON_TYPE])
            spent[name].append(time.perf_counter() - began)
            assert answer.status == 404

    blocks = range(0, TRIES, BLOCK)
    medians = {name: [median(times[at : at + BLOCK]) for at in blocks] for name, times in spent.items()}
    noise = max(abs(one - other) for one, other in zip(medians["unknown"], medians["unknown too"], strict=True))
    difference = abs(median(spent["foreign"]) - median(spent["unknown"] + spent["unknown too"]))
    assert difference <= noise, f"{difference * 1e6:.1f} µs, the noise is {noise * 1e6:.1f} µs"


def test_a_hundred_megabytes_are_refused_in_flat_memory(client: Client, server: Server, chat: str) -> None:
    """Announced or in chunks without an end: 413 or cut off, and no byte of it is kept."""
    before = memory(server)
    piece = b"%x\r\n%b\r\n" % (64 * 1024, b"x" * 64 * 1024)
    for turn in range(100):
        announced = [JSON_TYPE, ("Content-Length", str(100 * MIB)) if turn % 2 else ("Transfer-Encoding", "chunked")]
        body = b"x" * MIB if turn % 2 else piece * 20
        with Client(f"http://{client.authority}") as other:
            assert _answered_or_cut(other, chat, body, announced) in {413, None}

    assert memory(server) - before < 32 * MIB
    assert client.get("/health").status == 200


def _answered_or_cut(client: Client, chat: str, body: bytes, headers: list[tuple[str, str]]) -> int | None:
    """Give the status, ``None`` where the server had closed before all was sent."""
    try:
        return client.request("POST", f"{chat}/messages", body, headers).status
    except (ClosedError, ConnectionError):
        return None


DEEP: dict[str, Callable[[], bytes]] = {
    "brackets": lambda: b"[" * 100_000,
    "balanced brackets": lambda: b'{"body":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "braces": lambda: b'{"a":' * 100_000,
    "a mebibyte of brackets": lambda: b"[" * MIB,
    "a number beside brackets": lambda: b'{"n":1e999,"x":' + b"[" * 100_000,
    "a million members": lambda: b'{"body":"a","x":[' + b"{}," * 340_000 + b"{}]}",
    "digits": lambda: b'{"body":"a","n":' + b"9" * 1_000_000 + b"}",
}


@pytest.mark.parametrize("name", DEEP)
def test_a_deep_body_costs_little(name: str, client: Client, server: Server, chat: str) -> None:
    """400, or stored where it is none; without an error of recursion, and in a fraction of a second of CPU."""
    body, before = DEEP[name](), cpu_s(server)

    answer = client.request("POST", f"{chat}/messages", body, [JSON_TYPE])

    assert answer.status == (201 if name in {"a million members", "digits"} else 400), answer
    assert cpu_s(server) - before < 1.0


HEADERS = {
    "a wait of zeros": ("Prefer", "wait=" + "0" * 16_000 + "x"),
    "a wait of blanks": ("Prefer", "wait" + " " * 16_000 + "x"),
    "many preferences": ("Prefer", ",wait" * 3_000 + "=x"),
    "tags": ("If-None-Match", '"a",' * 4_000 + "x"),
    "commas": ("If-None-Match", "," * 16_000 + "x"),
    "a key of quotes": ("Idempotency-Key", '"' + '\\"' * 8_000),
    "a type of parameters": ("Content-Type", "application/json" + "; a=b" * 3_000),
    "an origin": ("Origin", "http://localhost:" + "1" * 16_000),
    "connection options": ("Connection", "a," * 8_000),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_of_16_kb_costs_little(name: str, client: Client, server: Server, chat: str) -> None:
    """Whatever it is made of; one of zeros took fifteen seconds, in which the process did nothing else."""
    before = cpu_s(server)
    for method, body in (("POST", b'{"body":"hi"}'), ("GET", None), ("DELETE", None)):
        answer = client.request(
            method, f"{chat}/messages", body, [JSON_TYPE, HEADERS[name]] if body else [HEADERS[name]]
        )
        assert answer.status < 500, answer

    assert cpu_s(server) - before < 1.0


def test_a_bulk_of_marks_costs_little(client: Client, server: Server, api: Client, application: Tenant) -> None:
    """Sixteen bodies of 32,000 marks are indexed and searched like any others; each took two seconds, a search all."""
    chat, before = application.create_chat(), cpu_s(server)
    marks = "\u0301" * 16_000 + "\u0316" * 16_000

    bulk = client.json("POST", f"{chat}/messages/bulk", {"messages": [{"body": f"needle{marks}"}] * 15})
    assert expect(bulk, 201)["numbers"] == list(range(1, 16))
    application.wait_until_indexed(chat)
    found = expect(api.get(f"{chat}/messages/search?q=needl"), 200)

    assert [row["number"] for row in found] == list(range(1, 16))
    assert cpu_s(server) - before < 10


@pytest.fixture
def harmed(tmp_path: Path) -> Iterator[Server]:
    """Give a server of the test's own, to be harmed."""
    with Server(tmp_path) as made:
        yield made


def test_a_database_that_fails_tells_nothing_of_itself(harmed: Server) -> None:
    """Its tables are taken away: each call is refused without a word of SQL, and all is well when they are back."""
    with Client(harmed.api_url) as api, Client(harmed.write_url) as write:
        tenant = Tenant(api)
        chat = tenant.create_chat()
        tenant.post(chat, "hi")
        with closing(apsw.Connection(str(harmed.data_dir / "parley.db"))) as database:
            database.set_busy_timeout(5_000)
            database.execute("alter table message rename to gone")
            answers = [
                api.get(f"{chat}/messages?after=1"),
                api.get(f"{chat}/messages/1"),
                api.json("POST", f"{chat}/messages", {"body": "hi"}),
                write.json("POST", f"{chat}/messages", {"body": "hi"}),
                api.json("PATCH", f"{chat}/messages/1", {"body": "hi"}),
                api.request("DELETE", f"{chat}/messages/1"),
            ]
            database.execute("alter table gone rename to message")
        for answer in answers:
            assert answer.status == 503, answer
            assert answer.header("Retry-After")
            check_problem(answer, tenant.token, "gone", "no such table")
        wait_for(lambda: write.json("POST", f"{chat}/messages", {"body": "hi"}).status == 201, "writes go on", 10)
        assert api.get(f"{APPLICATIONS}/{tenant.token}").status == 200
