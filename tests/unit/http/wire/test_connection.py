"""A connection under any bytes, in any pieces: it raises nothing, answers in order, and blames the client alone."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from typing import Any, NamedTuple

import h11
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parley.http.wire.connection import Connection
from parley.http.wire.limits import Limits
from parley.http.wire.request import Request, numbered_ids
from parley.http.wire.roster import Roster
from tests.unit.http.wire.test_intake import GET, streams
from tests.unit.workers.doubles import StillClock

LIMITS = Limits(max_line_bytes=64, max_header_bytes=256, max_headers=8, max_body_bytes=64, max_pipelined=3)
SMUGGLED = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET
CHUNKS = GET.replace(b"\r\nHost", b"\r\nTransfer-Encoding: chunked\r\nHost") + b"3\r\nabcXX0\r\n\r\n" + GET
UPGRADE = (
    GET.replace(b"\r\nHost", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\nHost") + b"abc" + GET
)
ANY_STREAM = st.one_of(streams(), st.binary(max_size=400), st.lists(streams(), max_size=3).map(b"".join))


class Transport(asyncio.Transport):
    """Keeps what is written; a write never blocks."""

    def __init__(self) -> None:
        """Be open."""
        super().__init__()
        self.written = b""
        self.ended = False
        self.reading = True

    def write(self, data: Any) -> None:  # noqa: ANN401 - as asyncio has it
        """Take bytes; after the end none may come."""
        assert not self.ended
        self.written += bytes(data)

    def write_eof(self) -> None:
        """End our side."""
        self.ended = True

    close = abort = write_eof

    def pause_reading(self) -> None:
        """Be asked for no more."""
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        """Be asked for more."""
        assert not self.reading
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Have none."""

    def get_write_buffer_size(self) -> int:
        """Hold nothing back."""
        return 0


class Talk(NamedTuple):
    """What came of a stream: the requests that were handed on, and the answers by status and body."""

    requests: list[Request]
    answers: list[tuple[int, bytes]]
    refused: bool


async def converse(pieces: list[bytes], order: random.Random) -> Talk:
    """Send pieces to a connection whose application answers each request later, in any order, with its turn."""
    transport, seen, waiting, faults = Transport(), list[Request](), list[tuple[int, Request]](), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    def application(request: Request) -> None:
        waiting.append((len(seen), request))
        seen.append(request)

    def answer_some(most: int) -> None:
        order.shuffle(waiting)
        for _ in range(min(most, len(waiting))):
            number, request = waiting.pop()
            request.respond(200, [], b"%d" % number)

    roster = Roster(LIMITS, StillClock(), numbered_ids("r"), lambda: None)
    connection = Connection(roster, application, LIMITS.max_pipelined, lambda *_: None)
    connection.connection_made(transport)
    for piece in pieces:
        connection.data_received(piece)
        answer_some(order.randrange(3))
        await asyncio.sleep(0)
        assert len(waiting) <= LIMITS.max_pipelined
    before = -1
    while waiting or before != len(seen):
        before = len(seen)
        answer_some(len(waiting))
        await asyncio.sleep(0)
    connection.connection_lost(None)
    assert not faults, faults
    answers = _answers(transport.written, [request.method for request in seen])
    return Talk(seen, answers, refused=len(answers) > len(seen))


def _answers(written: bytes, methods: list[str]) -> list[tuple[int, bytes]]:
    """Read answers by their lengths; to HEAD without a body, and without those in between."""
    answers: list[tuple[int, bytes]] = []
    while written:
        head, _, rest = written.partition(b"\r\n\r\n")
        found = re.match(rb"HTTP/1\.1 (\d{3}) [ -~]+\r\n", head + b"\r\n")
        assert found, head
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        size = int(length[1]) if length else 0
        is_head = len(answers) < len(methods) and methods[len(answers)] == "HEAD"
        if found[1] == b"100":
            written = rest
            continue
        answers.append((int(found[1]), rest[: 0 if is_head else size]))
        written = rest[0 if is_head else size :]
    return answers


def talk(stream: bytes, cuts: list[int], seed: int) -> Talk:
    """Send a stream, cut at these places, in an event loop of its own."""
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(stream)}), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(places) if a < b]
    return asyncio.run(converse(pieces, random.Random(seed)))


@settings(max_examples=200, deadline=None)
@given(ANY_STREAM, st.lists(st.integers(1, 600), max_size=10), st.integers(0, 99))
@example(SMUGGLED, [70], 0)
@example(GET * 20, [5, 90], 3)
def test_client_gets_one_answer_a_request_in_order_and_no_5xx(stream: bytes, cuts: list[int], seed: int) -> None:
    """In whatever order they are made; malformed input is answered once more, as the client's own fault."""
    told = talk(stream, cuts, seed)

    count = len(told.requests)
    bodies = [body for status, body in told.answers if status == 200]
    heads = [request.method == "HEAD" for request in told.requests]
    assert bodies == [b"" if heads[number] else b"%d" % number for number in range(count)]
    assert len(told.answers) - count in {0, 1}
    assert all(status in {200, 400, 413, 414, 417, 431, 505} for status, _ in told.answers), told.answers
    assert told.answers[:count] == [(200, body) for body in bodies]


@settings(max_examples=200, deadline=None)
@given(st.one_of(streams(blank_lines=b""), st.binary(max_size=400)), st.lists(st.integers(1, 600), max_size=10))
@example(SMUGGLED, [])
@example(CHUNKS, [])
@example(UPGRADE, [])
def test_what_is_taken_for_a_request_is_one(stream: bytes, cuts: list[int]) -> None:
    """Another parser, which shares no code with ours, ends each request at the same byte: nothing is smuggled.

    It does not ignore an empty line before a request, so there is none here.
    """
    requests = [request for request in talk(stream, cuts, 0).requests if not request.too_large]
    theirs = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    theirs.receive_data(stream)

    for request in requests:
        assert _read_one(theirs) == (request.method.encode(), request.body), request.method


def _read_one(theirs: h11.Connection) -> tuple[bytes, bytes] | None:
    method, body = b"", b""
    while True:
        event = theirs.next_event()
        if isinstance(event, h11.Request):
            method = event.method
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            theirs.send(h11.Response(status_code=204, headers=[]))
            theirs.send(h11.EndOfMessage())
            if theirs.our_state is h11.DONE and theirs.their_state is h11.DONE:
                theirs.start_next_cycle()
            return method, body
        else:
            return None
