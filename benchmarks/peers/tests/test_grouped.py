"""The best-practice peer does all that Parley's write service does: same checks, same script, same entries."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from benchmarks.peers.tests.conftest import TOKENS, Start
from parley.domain.events import Entry, MessagesPosted
from parley.domain.model import Draft
from parley.domain.partitions import partition_of
from parley.http.creates import identify
from parley.http.paths import read_create_path
from parley.log.redis.entries import read_entry
from parley.log.redis.names import epoch_keys

JSON = {"Content-Type": "application/json"}
SOURCE = Path(__file__).parents[1] / "go"
TOKEN = TOKENS[5]
DEEP = b"[" * 63 + b"]" * 63

BODIES = {
    "flat": b'{"body":"hi"}',
    "all members": b'{"message":{"body":"\\u00e9 \\ud83c\\udf63 \\"q\\"\\n","sender":"ann","metadata":{"a" : 1e400}}}',
    "the last of two": b'{"body":"one","body":"two"}',
    "other members": b'{"message":{"body":"hi","number":7},"x":{"y":null}}',
    "nulls": b'{"body":"hi","sender":null,"metadata":null}',
    "no JSON": b'{"body":"hi"',
    "trailing": b'{"body":"hi"} x',
    "an array": b"[]",
    "no body": b"",
    "no UTF-8": b'{"body":"\xff"}',
    "a lone surrogate": b'{"body":"\\ud800"}',
    "a lone surrogate elsewhere": b'{"body":"hi","x":"\\ud800"}',
    "a wrapper that is no object": b'{"message":"hi"}',
    "a wrapper that is null": b'{"message":null,"body":"hi"}',
    "deep": b'{"body":"hi","x":' + DEEP + b"}",
    "too deep": b'{"body":"hi","x":[' + DEEP + b"]}",
    "missing": b"{}",
    "null": b'{"body":null}',
    "a number": b'{"body":1}',
    "blank": b'{"body":" \\t\\u200b\\u001c"}',
    "NUL": b'{"body":"a\\u0000"}',
    "longest": b'{"body":"' + "é".encode() * 32_767 + b'a"}',
    "too long": b'{"body":"' + "é".encode() * 32_768 + b'"}',
    "longest sender": b'{"body":"hi","sender":"' + "é".encode() * 255 + b'"}',
    "too long a sender": b'{"body":"hi","sender":"' + b"a" * 256 + b'"}',
    "a sender that is no text": b'{"body":"","sender":[]}',
    "a sender with NUL": b'{"body":"hi","sender":"\\u0000"}',
    "metadata that is no object": b'{"body":"hi","metadata":[]}',
    "too much metadata": b'{"body":"hi","metadata":{"a":"' + b"x" * 4_096 + b'"}}',
    "metadata with NUL": b'{"body":"hi","metadata":{"a":["\\u0000"]}}',
    "metadata without NUL": b'{"body":"hi","metadata":{"a":["\\\\u0000"]}}',
}

HEADERS = {
    "text": {"Content-Type": "text/plain"},
    "a charset": {"Content-Type": "application/json; charset=UTF-8"},
    "an encoding": {**JSON, "Content-Encoding": "gzip"},
    "a quoted key": {**JSON, "Idempotency-Key": '"a \\" b"'},
    "a bad key": {**JSON, "Idempotency-Key": '"a'},
    "a long key": {**JSON, "Idempotency-Key": "a" * 256},
}


def told(answer: httpx.Response) -> dict[str, Any]:
    """Give what an answer says but for numbers, times, ids and, where only the words may differ, words."""
    said = answer.json()
    kept = {name: said.get(name) for name in ("body", "sender", "metadata", "code", "title", "errors")}
    return {"status": answer.status_code, "type": answer.headers["Content-Type"], "members": list(said), **kept}


def test_grouped_takes_and_refuses_what_parley_takes_and_refuses(start: Start, parley: httpx.Client) -> None:
    """The same requests, on either service, have the same answers."""
    requests = {
        **{name: (body, JSON) for name, body in BODIES.items()},
        **{name: (BODIES["flat"], headers) for name, headers in HEADERS.items()},
    }
    base = f"{TOKEN}/chats/"

    with start("grouped") as peer:
        theirs = {
            name: told(peer.client.post(f"{base}1/messages", content=body, headers=headers))
            for name, (body, headers) in requests.items()
        }
        for chat in ("3", "0", "01", "x"):
            theirs[f"chat {chat}"] = told(peer.client.post(f"{base}{chat}/messages", json={"body": "hi"}))

    for name, (body, headers) in requests.items():
        assert theirs[name] == told(parley.post("1/messages", content=body, headers=headers)), name
    for chat in ("3", "0", "01", "x"):
        assert theirs[f"chat {chat}"] == told(parley.post(f"{chat}/messages", json={"body": "hi"})), chat


def test_grouped_does_not_know_other_tokens(start: Start) -> None:
    """The token is the credential."""
    with start("grouped") as peer:
        answer = peer.client.post(f"{'f' * 32}/chats/1/messages", json={"body": "hi"})

    assert (answer.status_code, answer.json()["code"]) == (404, "application_not_found")


def test_grouped_gives_a_key_its_first_answer_again(start: Start) -> None:
    """A repeat is replayed, another payload is refused, and neither is written."""
    with start("grouped") as peer:
        first, again, other = (
            peer.client.post(f"{TOKEN}/chats/1/messages", json={"body": body}, headers={"Idempotency-Key": "k"})
            for body in ("hi", "hi", "ho")
        )
        written = peer.written("grouped")

    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert written == 1


def test_parley_reads_what_grouped_wrote(start: Start) -> None:
    """Each entry lies in its partition of the log, and Parley's decoder gives what was sent."""
    small, large = Draft("hi"), Draft("é\n" * 20_000, "ann", '{"a":[1.50]}')
    place = f"{TOKEN}/chats/1/messages"

    with start("grouped") as peer:
        peer.client.post(place, json={"body": small.body}).raise_for_status()
        told = {"message": {"body": large.body, "sender": large.sender, "metadata": {"a": [0]}}}
        content = httpx.Request("POST", "http://x", json=told).content.replace(b"[0]", b"[1.50]")
        peer.client.post(place, content=content, headers={**JSON, "Idempotency-Key": "k"}).raise_for_status()
        entries = read_log(peer.redis)

    path = read_create_path(place)
    assert path is not None
    key = identify(path, "k", large)
    assert entries == [Entry(TOKEN, 1, MessagesPosted((small,))), Entry(TOKEN, 1, MessagesPosted((large,)), key=key)]


def read_log(redis: Redis) -> list[Entry]:
    """Give what lies in the token's partition."""
    entries: list[Any] = redis.xrange(epoch_keys("parley", partition_of(TOKEN, 4), 1).log)  # type: ignore[assignment]
    logged = (read_entry(1, at, [word for pair in fields.items() for word in pair]) for at, fields in entries)
    return [each.event.entry for each in logged if each.event is not None]


@pytest.mark.parametrize("command", [["gofmt", "-l", "."], ["go", "vet", "./..."]])
def test_the_go_code_is_in_order(command: list[str]) -> None:
    """Formatted, and without what the toolchain finds suspicious."""
    path = f"{os.environ['PATH']}:/usr/local/go/bin"
    program = shutil.which(command[0], path=path)
    assert program is not None, "Go is needed"

    done = subprocess.run([program, *command[1:]], cwd=SOURCE, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
