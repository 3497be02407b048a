"""A sender files every record's outcome in journal, rejects and tally."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import httpx
import pytest

from parley.cli.client import ApiError, parse_url
from parley.cli.importing.journal import Identity, Journal
from parley.cli.importing.records import Line, Record, parse_record
from parley.cli.importing.rejects import Rejects
from parley.cli.importing.sender import Ledger, Sender
from parley.cli.importing.tally import Tally
from parley.cli.lane import Lane, Patience

APPLICATION = "/api/v1/applications/t"
REFUSED = {"code": "validation_failed", "errors": {"body": ["can't be blank"]}}

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give the books of an import that begins."""
    identity = Identity("d", "t", "u")
    with Journal(tmp_path / "journal", identity) as journal, Rejects(tmp_path / "rejected", resume=False) as rejects:
        yield Ledger(journal, rejects, Tally(), {}, asyncio.Lock())


def record(line: int, **members: object) -> Record:
    """Make the record of a line with these members."""
    parsed = parse_record(Line(line, json.dumps(members).encode(), too_long=False), "d")
    assert isinstance(parsed, Record)
    return parsed


async def send(ledger: Ledger, handler: Handler, *records: Record) -> list[httpx.Request]:
    """Send the records one after the other over a wire that answers by ``handler``."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return handler(request)

    patience = Patience(60, time.monotonic, Random(1), lambda _: asyncio.sleep(0))
    url = parse_url("http://parley.test")
    async with Lane(url, patience, transport=httpx.MockTransport(handle), wall_clock=time.time) as lane:
        sender = Sender(lane, APPLICATION, ledger)
        for each in records:
            await sender.send(each)
    return seen


def created(_: httpx.Request) -> httpx.Response:
    """Answer that number 5 was created."""
    return httpx.Response(201, json={"number": 5})


async def test_sender_opens_one_chat_a_channel(ledger: Ledger) -> None:
    """The chat's key and title come from the channel alone; its number stays known."""
    first, second = record(1, channel="c d", body="a"), record(2, channel="c d", body="b", source_id="s2")

    seen = await send(ledger, created, first, second)

    assert [(r.url.path, r.headers["Idempotency-Key"], json.loads(r.content)) for r in seen] == [
        (f"{APPLICATION}/chats", "import-chat:c d", {"title": "c d"}),
        (f"{APPLICATION}/chats/5/messages", "import-d:1", {"body": "a"}),
        (f"{APPLICATION}/chats/5/messages", "s2", {"body": "b", "metadata": {"source_id": "s2"}}),
    ]
    assert {r.headers["Content-Type"] for r in seen} == {"application/json"}
    assert (ledger.journal.chats, ledger.journal.done) == ({"c d": 5}, {"c d": 2})
    assert ledger.tally == Tally(created=2, chats=1)


async def test_sender_opens_a_chat_without_title_when_there_is_no_channel(ledger: Ledger) -> None:
    """All records without a channel share it; an empty channel is another one."""
    seen = await send(ledger, created, record(1, body="a"), record(2, channel="", body="b"))

    opened = [(r.headers["Idempotency-Key"], json.loads(r.content)) for r in seen if r.url.path.endswith("/chats")]
    assert opened == [("import-chat", {}), ("import-chat:", {"title": ""})]


async def test_sender_counts_a_replay(ledger: Ledger) -> None:
    """What the server knew already is not counted as created, and is done all the same."""

    def replay(request: httpx.Request) -> httpx.Response:
        headers = {"Idempotent-Replayed": "true"} if "messages" in request.url.path else {}
        return httpx.Response(201, json={"number": 5}, headers=headers)

    await send(ledger, replay, record(3, channel="c", body="a"))

    assert ledger.tally == Tally(replayed=1, chats=1)
    assert ledger.journal.done == {"c": 3}


@pytest.mark.parametrize(
    ("status", "problem", "reason"),
    [
        (422, REFUSED, "body can't be blank"),
        (422, {"code": "idempotency_key_reused", "error": "Key was used"}, "Key was used"),
        (400, {"code": "malformed_request", "error": "Nested too deeply"}, "Nested too deeply"),
        (413, {"code": "body_too_large", "error": "Too large"}, "Too large"),
        (404, {"code": "chat_not_found", "error": "Chat not found"}, "Chat not found"),
    ],
)
async def test_sender_rejects_a_record_that_the_server_refuses(
    status: int, problem: dict[str, object], reason: str, ledger: Ledger
) -> None:
    """The line, the reason, the status and the record are kept; the next record is sent."""

    def refuse_first(request: httpx.Request) -> httpx.Response:
        if b'"bad"' in request.content:
            return httpx.Response(status, json=problem)
        return created(request)

    await send(ledger, refuse_first, record(1, channel="c", body="bad"), record(2, channel="c", body="good"))

    line = json.loads(ledger.rejects.path.read_bytes())
    assert line == {"line": 1, "reason": reason, "status": status, "record": {"channel": "c", "body": "bad"}}
    assert ledger.tally == Tally(created=1, rejected=1, chats=1)
    assert ledger.journal.done == {"c": 2}


async def test_sender_rejects_all_records_of_a_channel_that_can_be_no_chat(ledger: Ledger) -> None:
    """The server is asked once; every line has the reason."""

    def refuse_chat(_: httpx.Request) -> httpx.Response:
        return httpx.Response(422, json={"code": "validation_failed", "errors": {"title": ["is too long"]}})

    long = "c" * 300
    seen = await send(ledger, refuse_chat, record(1, channel=long, body="a"), record(2, channel=long, body="b"))

    reasons = [json.loads(line)["reason"] for line in ledger.rejects.path.read_bytes().splitlines()]
    assert reasons == ["no chat for this channel: title is too long"] * 2
    assert len(seen) == 1
    assert len(seen[0].headers["Idempotency-Key"]) <= 255


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (404, {"code": "application_not_found", "error": "ChatApplication not found"}),
        (404, {"code": "route_not_found", "error": "No such route"}),
        (401, {"code": "unauthorized", "error": "Token is wrong"}),
        (403, {"code": "host_not_allowed", "error": "Host is not allowed"}),
        (415, {"code": "unsupported_media_type", "error": "Not JSON"}),
        (200, {}),
        (302, {}),
    ],
)
async def test_sender_ends_the_import_when_all_of_it_is_refused(
    status: int, problem: dict[str, object], ledger: Ledger
) -> None:
    """Thousands of rejected lines would hide that the address or the token is wrong."""
    with pytest.raises(ApiError, match=str(problem.get("error", "the server"))):
        await send(ledger, lambda _: httpx.Response(status, json=problem), record(1, channel="c", body="a"))

    assert ledger.tally == Tally()
    assert ledger.journal.done == {}


async def test_sender_stores_once_when_answers_are_lost(ledger: Ledger) -> None:
    """The wire breaks after the server has stored: the same key finds what is there."""
    stored: dict[str, int] = {}
    random = Random(3)

    def lossy(request: httpx.Request) -> httpx.Response:
        key = f"{request.url.path} {request.headers['Idempotency-Key']}"
        replayed = key in stored
        stored.setdefault(key, len(stored) + 1)
        if random.random() < 0.6:
            raise httpx.ReadError("")
        return httpx.Response(
            201, json={"number": stored[key]}, headers={"Idempotent-Replayed": "true"} if replayed else {}
        )

    records = [record(line, channel=f"c{line % 3}", body="a") for line in range(1, 61)]
    await send(ledger, lossy, *records)

    assert len(stored) == 63
    assert ledger.tally.records == ledger.tally.created + ledger.tally.replayed == 60
    assert ledger.journal.done == {"c0": 60, "c1": 58, "c2": 59}
