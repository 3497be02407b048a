"""The manners of both ports, held against the real process: bounds, time-outs, framing, order, and the end."""

from __future__ import annotations

import resource
import select
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from tests.support.client import Client
from tests.support.malformed import BAD_FIELDS, BAD_LINES
from tests.support.manners import GET, MEBIBYTE, assert_problem, fields
from tests.support.polling import wait_for
from tests.support.server import Server
from tests.support.tenant import Tenant, expect
from tests.support.wired import Answer, Raw

HEADER_S, BODY_S, KEEP_ALIVE_S, WRITE_S, DRAIN_S = 1.5, 1.5, 2.5, 1.5, 8.0
HASTY = {
    "PARLEY_HEADER_TIMEOUT_S": str(HEADER_S), "PARLEY_BODY_TIMEOUT_S": str(BODY_S), "PARLEY_MAX_PIPELINED": "16",
    "PARLEY_KEEP_ALIVE_TIMEOUT_S": str(KEEP_ALIVE_S), "PARLEY_WRITE_TIMEOUT_S": str(WRITE_S),
}  # fmt: skip
HALF_SENT, MOST_CONNECTIONS = 2_000, 2_048
PIPELINED = {"api": 1, "write": 16}  # pages are large: the full API makes those of a connection one after the other
PAGES = {"api": ("/openapi.json", 60), "write": ("/metrics", 500)}
"""A large answer of each port, and how many of it no buffer and no bound holds: 4 MiB."""
ALLOWED = {"api": {"GET", "HEAD", "OPTIONS", "POST"}, "write": {"OPTIONS", "POST"}}
EITHER_PORT = pytest.mark.parametrize("which", ["api", "write"])
CONNECTIONS, IN_FLIGHT = "parley_http_connections", "parley_waiting_messages"

BODY, IN_CHUNKS = b'{"body":"hello"}', b'10\r\n{"body":"hello"}\r\n0\r\n\r\n'
CHUNKED, LENGTH, CONTINUE = b"Transfer-Encoding: chunked", b"Content-Length: %d", b"Expect: 100-continue"
MALFORMED = {
    **{name: fields(b"Content-Type: application/json", *lines, body=IN_CHUNKS) for name, lines in BAD_FIELDS.items()},
    **{f"line of {name}": fields(b"Host: a", line=line) for name, line in BAD_LINES.items()},
    "bare line feeds": GET.replace(b"\r", b""),
}


class Door(NamedTuple):
    """One of the two ports of a server, and a chat of its own to write to."""

    which: str
    server: Server
    chat: str

    def connect(self, *, beside: bool = False, **options: int) -> Raw:
        """Open a connection to this port, or to the one ``beside`` it."""
        return Raw(self.server.api_port if (self.which == "api") != beside else self.server.write_port, **options)

    def create(self, *lines: bytes, body: bytes = BODY) -> bytes:
        """Write the create of a message; its length is told unless there are other fields."""
        line = b"POST %b/messages HTTP/1.1" % self.chat.encode()
        framing = lines or (LENGTH % len(body),)
        return fields(b"Host: a", b"Content-Type: application/json", *framing, line=line, body=body)

    def stored(self) -> list[str]:
        """Read the bodies of the chat's first page."""
        with Client(self.server.api_url) as client:
            return [message["body"] for message in expect(client.get(f"{self.chat}/messages?limit=100"), 200)]

    def metric(self, sample: str, client: Raw | None = None) -> float:
        """Read a metric on this connection, or on one to the other port; 0 as long as it is not there."""
        with nullcontext(client) if client else self.connect(beside=True) as reader:
            lines = reader.ask(GET.replace(b"/health", b"/metrics")).body.decode().splitlines()
        return next((float(line.split(" ")[-1]) for line in lines if line.startswith(f"{sample} ")), 0)


def open_door(which: str, server: Server) -> Door:
    """Make a chat behind one of the ports."""
    with Client(server.api_url) as client:
        return Door(which, server, Tenant(client).create_chat())


@contextmanager
def served(folder: Path, **env: str) -> Iterator[Server]:
    """Run a server with these settings; it ends with 0 and without a traceback in its log."""
    with Server(folder, env=env) as server:
        yield server
        assert not server.is_running() or server.stop() == 0
        assert "Traceback" not in server.log_text()


@contextmanager
def writes_held(server: Server) -> Iterator[None]:
    """Keep every write of the server in flight, for less than the 5 s after which it gives up."""
    with closing(apsw.Connection(str(server.data_dir / "parley.db"))) as database:
        database.set_busy_timeout(2_000)
        database.execute("begin immediate")
        yield


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server that waits for nobody for long."""
    with served(tmp_path_factory.mktemp("hasty"), **HASTY) as server:
        yield server


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server with a bound of connections, which waits for each as long as servers do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * MOST_CONNECTIONS)), hard))
    with served(tmp_path_factory.mktemp("patient"), PARLEY_MAX_CONNECTIONS=str(MOST_CONNECTIONS)) as server:
        yield server


@pytest.fixture(params=["api", "write"])
def door(request: pytest.FixtureRequest, hasty: Server) -> Door:
    """Give each port of the hasty server, with a chat of the test's own."""
    return open_door(request.param, hasty)


def check_refusal(client: Raw, status: int, code: str) -> Answer:
    """Check that the next answer is this problem, and the last of its connection; give it."""
    answer = client.answer()
    assert_problem(answer, status, code)
    assert answer.headers["Connection"] == "close"
    assert client.is_closed()
    return answer


def check_refused(door: Door, request: bytes, status: int, code: str) -> None:
    """Check that a request on a connection of its own is refused, and the connection closed."""
    with door.connect() as client:
        client.send(request)
        check_refusal(client, status, code)


def test_client_is_told_when_its_head_is_too_large(door: Door) -> None:
    """Line, header and fields are bounded to the byte, and nobody waits for the end of what is too large already."""
    longest = GET.replace(b"/health", b"/health?" + b"x" * (8 * 1024 - len("GET /health? HTTP/1.1")))
    largest = GET[:-2] + b"X: " + b"y" * (16 * 1024 - len("Host: a\r\nX: \r\n")) + b"\r\n\r\n"
    most = GET[:-2] + b"X: y\r\n" * 99 + b"\r\n"
    with door.connect() as client:
        assert [client.ask(request).status for request in (longest, largest, most)] == [200] * 3

    for request in (longest.replace(b"?", b"?x"), b"GET /" + b"x" * 8 * 1024):
        check_refused(door, request, 414, "uri_too_long")
    for request in (largest.replace(b": y", b": yy"), largest[:-4] + b"y" * 20, most[:-2] + b"X: y\r\n\r\n"):
        check_refused(door, request, 431, "headers_too_large")


def test_client_is_told_413_when_its_body_is_too_large(door: Door) -> None:
    """1 MiB is read; a byte more is refused by its length, told or of a chunk, before a byte of it has come."""
    half = b"80000\r\n" + b" " * (MEBIBYTE // 2) + b"\r\n"
    too_large = [
        door.create(LENGTH % (MEBIBYTE + 1), body=b""), door.create(CONTINUE, LENGTH % (2**63 - 1), body=b""),
        door.create(CHUNKED, body=b"100001\r\n"), door.create(CHUNKED, body=half + half + b"1\r\n"),
        door.create(body=b" " * 8_000_000),
    ]  # fmt: skip
    with door.connect() as client:
        assert client.ask(door.create(body=BODY.ljust(MEBIBYTE))).status == 201

    for request in too_large:
        check_refused(door, request, 413, "body_too_large")
    assert door.stored() == ["hello"]


def test_client_is_told_408_when_it_is_slow(door: Door) -> None:
    """Neither silence nor a byte now and then buys more time for a header or a body, and nothing of it was done."""
    told, chunked = door.create(), door.create(CHUNKED, body=IN_CHUNKS)
    starts = (b"P", told[:60], GET[:-1], told[:-16], told[:-1], chunked[:-10], chunked[:-2])
    began = time.monotonic()
    with ExitStack() as stack:
        dripping, *silent = (stack.enter_context(door.connect()) for _ in range(8))
        for client, start in zip(silent, starts, strict=True):
            client.send(start)

        assert dripping.drip(b"x", 0.05).startswith(b"HTTP/1.1 408 ")
        for client in silent:
            check_refusal(client, 408, "request_timeout")
    assert time.monotonic() - began >= max(HEADER_S, BODY_S)
    assert door.stored() == []


def test_idle_connection_is_closed(door: Door) -> None:
    """Keep-alive ends without a word, and so does a connection that never asked, which has less time."""
    began = time.monotonic()
    with door.connect() as silent, door.connect() as idle:
        idle.ask(GET)

        assert silent.is_closed()
        assert time.monotonic() - began >= HEADER_S
        assert idle.is_closed()
        assert time.monotonic() - began >= KEEP_ALIVE_S


@EITHER_PORT
def test_health_answers_within_a_second_when_2000_requests_are_half_sent(which: str, patient: Server) -> None:
    """Half-sent headers and bodies silence nobody."""
    door = open_door(which, patient)
    halves = (door.create()[:-30], door.create(LENGTH % 100_000, body=b"x" * 1_000))
    with ExitStack() as stack:
        for number in range(HALF_SENT):
            stack.enter_context(door.connect()).send(halves[number % 2])

        for _ in range(5):
            began = time.monotonic()
            with door.connect() as client:
                assert client.ask(GET).status == 200
            assert time.monotonic() - began < 1
        assert door.metric(CONNECTIONS) > HALF_SENT


@EITHER_PORT
def test_connection_beyond_the_bound_is_refused_until_another_leaves(which: str, patient: Server) -> None:
    """The bound counts both ports together, and those inside are not disturbed."""
    door = open_door(which, patient)
    with door.connect() as first, ExitStack() as stack:
        wait_for(lambda: door.metric(CONNECTIONS, first) == 1, "everybody else has left")
        inside = [stack.enter_context(door.connect(beside=n % 2 == 0)) for n in range(1, MOST_CONNECTIONS)]
        with door.connect() as outside:
            assert check_refusal(outside, 503, "too_many_connections").headers["Retry-After"] == "1"
        assert {client.ask(GET).status for client in (first, *inside[::100])} == {200}
        inside.pop().socket.close()
        wait_for(lambda: door.metric(CONNECTIONS, first) == MOST_CONNECTIONS - 1, "one has left")
        with door.connect() as later:
            assert later.ask(GET).status == 200


def test_client_gets_answers_in_order_when_a_hundred_requests_are_in_one_packet(door: Door) -> None:
    """Creates, reads and refusals keep their places, and each create was done once."""
    creates = [door.create(body=b'{"body":"%03d"}' % number) for number in range(50)]
    pairs = zip(creates, [GET, GET.replace(b"GET", b"BREW")] * 25, strict=True)
    with door.connect() as client:
        client.send(b"".join(create + other for create, other in pairs))
        answers = [client.answer() for _ in range(100)]

    assert [answer.json["body"] for answer in answers[::2]] == [f"{number:03}" for number in range(50)]
    assert [answer.status for answer in answers[1::2]] == [200, 405] * 25
    assert sorted(door.stored()) == [f"{number:03}" for number in range(50)]


def test_requests_wait_outside_when_a_client_pipelines_too_many(door: Door) -> None:
    """No more than the bound are in here at once; in the end each is answered, in order."""
    most = PIPELINED[door.which]
    with door.connect() as client:
        with writes_held(door.server):
            client.send(b"".join(door.create(body=b'{"body":"%03d"}' % number) for number in range(500)))
            wait_for(lambda: door.metric(IN_FLIGHT) >= most, "creates are in flight", 4)
            waiting = {door.metric(IN_FLIGHT) for _ in range(5)}
        answered = [client.answer().json["body"] for _ in range(500)]

    assert waiting == {most}
    assert answered == [f"{number:03}" for number in range(500)]


def test_body_is_never_taken_for_a_request(door: Door) -> None:
    """A chunked create is stored whole, and an offered upgrade changes nothing about where its body ends."""
    pieces = b'A;name=value\r\n{"body":"p\r\n006\r\nieces"\r\n1\r\n}\r\n0\r\nContent-Length: 9\r\n\r\n'
    offer = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ")
    inner = door.create(body=b'{"body":"smuggled"}')
    with door.connect() as client:
        plain = client.ask(door.create(CHUNKED, body=pieces))
        told = client.ask(door.create(*offer, LENGTH % len(BODY)))
        chunked = client.ask(door.create(*offer, CHUNKED, body=IN_CHUNKS))
        carrier = client.ask(door.create(*offer, LENGTH % len(inner), body=inner))
        after = client.ask(GET)

    assert [answer.status for answer in (plain, told, chunked, after)] == [201, 201, 201, 200]
    assert_problem(carrier, 400, "malformed_json")
    assert door.stored() == ["pieces", "hello", "hello"]


@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED.keys())
def test_client_is_told_400_when_its_request_is_ambiguous(door: Door, malformed: bytes) -> None:
    """What two readers could understand differently is refused, and what follows it is never a request."""
    request = malformed.replace(b"/echo", b"%b/messages" % door.chat.encode())

    check_refused(door, request + door.create(), 400, "malformed_request")
    assert door.stored() == []


def test_client_that_expects_continue_is_told_to(door: Door) -> None:
    """The interim answer comes before the body; nothing else can be expected."""
    with door.connect() as client:
        interim = client.ask(door.create(CONTINUE, LENGTH % len(BODY), body=b""))
        final = client.ask(BODY)

    assert (interim.status, final.status, final.json["body"]) == (100, 201, "hello")
    check_refused(door, door.create(b"Expect: 200-ok", LENGTH % len(BODY)), 417, "expectation_failed")
    assert door.stored() == ["hello"]


def test_client_is_told_what_is_allowed(door: Door) -> None:
    """HEAD is GET without its body, OPTIONS lists the methods, and 405 lists them too; the connection goes on."""
    target = b"%b/messages" % door.chat.encode()
    with door.connect() as client:
        options = client.ask(GET.replace(b"GET /health", b"OPTIONS " + target))
        refused = client.ask(GET.replace(b"GET /health", b"PATCH " + target))
        head = client.ask(GET.replace(b"GET", b"HEAD").replace(b"Host", b"Connection: close\r\nHost"), head=True)
        rest = client.rest()

    assert (options.status, head.status, rest) == (204, 200, b"")
    assert int(head.headers["Content-Length"]) > 100
    assert_problem(refused, 405, "method_not_allowed")
    assert [set(answer.headers["Allow"].split(", ")) for answer in (options, refused)] == [ALLOWED[door.which]] * 2


def test_client_that_never_reads_is_paused_and_then_cut(door: Door) -> None:
    """Answers pile up to a bound, then no request is taken, and in the end the connection goes."""
    page, many = PAGES[door.which]
    counter = f'parley_http_requests_total{{method="GET",port="{door.which}",route="{page}",status="2xx"}}'
    before = door.metric(counter)
    with door.connect(receive_buffer=4096) as deaf:
        began = time.monotonic()
        deaf.socket.settimeout(WRITE_S / 2)
        with pytest.raises((TimeoutError, ConnectionError)):
            deaf.send(GET.replace(b"/health", page.encode()) * 200_000)
        poller = select.poll()
        poller.register(deaf.socket, 0)
        wait_for(lambda: poller.poll(0), "it is cut")

        assert time.monotonic() - began >= WRITE_S
    assert 0 < door.metric(counter) - before < many


@EITHER_PORT
def test_server_finishes_a_create_in_flight_when_it_is_told_to_stop(which: str, tmp_path: Path) -> None:
    """It lets nobody in, answers what is whole, drops what is half sent, and is out within the drain limit."""
    with served(tmp_path, PARLEY_DRAIN_TIMEOUT_S=str(DRAIN_S)) as server:
        door = open_door(which, server)
        with door.connect() as busy, door.connect() as half, door.connect() as idle:
            assert idle.ask(GET).status == 200
            half.send(door.create(body=b'{"body":"half"}')[:-1])
            with writes_held(server):
                busy.send(door.create())
                wait_for(lambda: door.metric(IN_FLIGHT) == 1, "the create is in flight", 4)
                began = time.monotonic()
                assert server.process is not None
                server.process.send_signal(signal.SIGTERM)

                assert [client.is_closed() for client in (half, idle)] == [True, True]
                with pytest.raises(ConnectionRefusedError):
                    door.connect()
            answer, code = busy.answer(), server.process.wait(DRAIN_S * 2)

            assert time.monotonic() - began < DRAIN_S
            assert (answer.status, answer.headers["Connection"], code) == (201, "close", 0)
        server.start()
        assert door.stored() == ["hello"]
