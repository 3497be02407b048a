"""The Big List of Naughty Strings everywhere a client may put text: stored as it is or cleanly refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest

from tests.support.answers import check_answer, check_problem, links
from tests.support.client import JSON_TYPE, Answer, Client
from tests.support.oracle import matches
from tests.support.tenant import APPLICATIONS, Tenant, expect

OURS = [
    "\0",
    "a\0b",
    "\ud800",
    "a\udfffb",
    "\udf63\ud83c",
    "\ufeff",
    "a" * 300,
    "🍣" * 300,
    "\x7f",
    "\x1b[31m",
    "\u2028",
]


@pytest.fixture(scope="module")
def strings(data: Path) -> list[str]:
    """Give the list and what it lacks: NUL, lone surrogates, lengths."""
    listed = json.loads((data / "naughty-strings" / "blns.json").read_text("utf-8"))
    assert len(listed) == 515
    return [*listed, *OURS]


def _is_text(text: str) -> bool:
    return not re.search("[\ud800-\udfff]", text)


def _is_blank(text: str) -> bool:
    return not re.sub(
        r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]",
        "",
        text,
    )


def _json(text: str) -> bytes:
    """Write a JSON string; a lone surrogate as an escape, the rest as it is."""
    escaped = json.dumps(text, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", escaped).encode()


def _expected(text: str, longest: int | None) -> int | None:
    """Give the status that the contract demands for this text, ``None`` where it leaves it open."""
    if not _is_text(text):
        return 400
    if "\0" in text or (longest is not None and len(text.strip()) > longest):
        return 422
    return None


def _refuse(answer: Answer, text: str, want: int | None) -> None:
    assert 400 <= answer.status < 500, (text, answer)
    assert want in {None, answer.status}, (text, answer)
    check_problem(answer)


def _each_member(
    clients: list[Client], target: Callable[[], str], template: bytes, strings: list[str], longest: int | None
) -> list[tuple[str, Answer]]:
    """Send every string at its place in the template; give the accepted ones with their answers."""
    accepted = []
    for turn, text in enumerate(strings):
        answer = clients[turn % len(clients)].request("POST", target(), template % _json(text), [JSON_TYPE])
        want = _expected(text, longest)
        if answer.status == 201:
            assert want is None, (text, answer)
            accepted.append((text, answer))
        else:
            assert want is not None or _is_blank(text), (text, answer)
            _refuse(answer, text, want)
    return accepted


def _all(api: Client, target: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while target:
        answer = api.get(target)
        rows += expect(answer, 200)
        target = links(answer, target).get("next", "")
    return rows


def test_every_string_is_a_body(strings: list[str], api: Client, write: Client, chat: str) -> None:
    """Stored and returned code point for code point, by the answer, by GET and in the list; blank ones are 422."""
    accepted = _each_member([api, write], lambda: f"{chat}/messages", b'{"body":%s}', strings, None)

    rows = _all(api, f"{chat}/messages?limit=100")
    assert [row["body"] for row in rows] == [text for text, _ in accepted]
    assert [answer.json()["body"] for _, answer in accepted] == [text for text, _ in accepted]
    assert [row["number"] for row in rows] == list(range(1, len(accepted) + 1))
    assert not [text for text, _ in accepted if _is_blank(text)]
    for row in rows[::25]:
        assert expect(api.get(f"{chat}/messages/{row['number']}"), 200) == row


def test_every_string_is_an_edit(strings: list[str], api: Client, chat: str, application: Tenant) -> None:
    """An edited body is kept like a created one."""
    application.post(chat, "first")
    for text in strings[::3] + OURS:
        answer = api.request("PATCH", f"{chat}/messages/1", b'{"body":%s}' % _json(text), [JSON_TYPE])
        if answer.status == 200:
            assert answer.json()["body"] == text
            assert expect(api.get(f"{chat}/messages/1"), 200)["body"] == text
        else:
            assert not _is_text(text) or "\0" in text or _is_blank(text), text
            _refuse(answer, text, _expected(text, None))


def test_every_string_is_a_sender(strings: list[str], api: Client, write: Client, chat: str) -> None:
    """Up to 255 characters, as it is."""
    template = b'{"body":"hi","sender":%s}'
    accepted = _each_member([api, write], lambda: f"{chat}/messages", template, strings, 255)

    senders = [row["sender"] for row in _all(api, f"{chat}/messages?limit=100")]
    assert [
        (text, sender) for (text, _), sender in zip(accepted, senders, strict=True) if sender != text and text.strip()
    ] == []


def test_every_string_is_metadata(strings: list[str], api: Client, write: Client, chat: str) -> None:
    """As a value and as a member's name."""
    as_value, as_name = b'{"body":"hi","metadata":{"k":%s}}', b'{"body":"hi","metadata":{%s:1}}'
    values = _each_member([api, write], lambda: f"{chat}/messages", as_value, strings, None)
    names = _each_member([api, write], lambda: f"{chat}/messages", as_name, strings, None)

    assert [answer.json()["metadata"] for _, answer in values] == [{"k": text} for text, _ in values]
    assert [answer.json()["metadata"] for _, answer in names] == [{text: 1} for text, _ in names]
    kept = [row["metadata"] for row in _all(api, f"{chat}/messages?limit=100")]
    assert kept == [answer.json()["metadata"] for _, answer in values + names]


def test_every_string_is_a_title(strings: list[str], api: Client, write: Client, application: Tenant) -> None:
    """Up to 255 characters; white space around it may go."""
    accepted = _each_member([api, write], lambda: f"{application.path}/chats", b'{"title":%s}', strings, 255)

    rows = _all(api, f"{application.path}/chats?limit=100")
    assert len(rows) == len(accepted)
    for (text, answer), row in zip(accepted, rows, strict=True):
        assert row["title"] == answer.json()["title"]
        assert (row["title"] or "").strip() == text.strip()


def test_every_string_is_a_name(strings: list[str], api: Client) -> None:
    """Of an application, trimmed; read back the same."""
    accepted = _each_member([api], lambda: APPLICATIONS, b'{"name":%s}', strings, 255)

    for text, answer in accepted:
        created = answer.json()
        assert created["name"] == text.strip()
        assert expect(api.get(f"{APPLICATIONS}/{created['token']}"), 200) == created


def test_every_string_is_a_search_text(strings: list[str], api: Client, chat: str, application: Tenant) -> None:
    """Each finds exactly what a naive search finds among all of them."""
    bodies = [text for text in strings if _is_text(text) and "\0" not in text and not _is_blank(text)]
    numbers = dict(zip(application.post_many(chat, bodies), bodies, strict=True))
    application.wait_until_indexed(chat)
    numbers[len(numbers) + 1] = "indexed up to here"

    for text in strings:
        raw = quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")
        answer = api.get(f"{chat}/messages/search?limit=100&q={raw}")
        if answer.status == 200:
            assert [row["number"] for row in answer.json()] == matches(numbers, text)[:100], text
            continue
        want = 400 if _is_blank(text) else _expected(text, 200)
        assert want is not None, (text, answer)
        _refuse(answer, text, want)


def test_every_string_is_an_idempotency_key(strings: list[str], api: Client, write: Client, chat: str) -> None:
    """Printable ASCII of 1-255 is taken, the rest is 400, and nothing of it is echoed."""
    for turn, text in enumerate(strings):
        key = text.encode("utf-8", "surrogatepass")
        with Client(f"http://{(api, write)[turn % 2].authority}") as client:
            client.send(
                b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 13\r\n"
                b"Idempotency-Key: %s\r\n\r\n"
                % (f"{chat}/messages".encode(), client.authority.encode(), key)
                + b'{"body":"hi"}'
            )
            answer = client.receive()
        check_answer(answer)
        trimmed = text.strip(" \t")
        good = re.fullmatch(r"[ -~]{1,255}", trimmed) and trimmed != '""'
        if good and '"' not in trimmed and " " not in trimmed:
            assert answer.status == 201, (text, answer)
        elif not good:
            _refuse(answer, text, 400)
        else:
            assert answer.status in {201, 400}, (text, answer)


PLACES = [
    "/{}",
    "/api/v1/{}",
    APPLICATIONS + "/{}",
    APPLICATIONS + "/{}/chats",
    "{base}/{}",
    "{base}/chats/{}",
    "{base}/chats/{}/messages",
    "{base}/chats/1/messages/{}",
    "{base}/chats/1/messages/{}/x",
]


@pytest.mark.parametrize("place", PLACES)
def test_every_string_is_a_path_part(
    place: str, strings: list[str], api: Client, write: Client, application: Tenant
) -> None:
    """Percent-encoded: 404, or 405 on a known path; only "1" is a number that is there."""
    application.post(application.create_chat(), "hi")
    place = place.replace("{base}", application.path)
    for turn, text in enumerate(strings):
        part = quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")
        for method, client in (("GET", api), ("POST", (api, write)[turn % 2])):
            answer = client.request(method, place.format(part))
            if text == "1" or part in {"", ".", ".."}:
                assert answer.status < 500, (text, answer)
            else:
                assert answer.status in {404, 405}, (text, answer)
                check_problem(answer, application.token)


def test_every_string_is_a_raw_path(strings: list[str], api: Client, write: Client) -> None:
    """Unencoded, as a careless client would send it: a clean 4xx and perhaps a closed connection."""
    for turn, text in enumerate(strings):
        raw = re.sub(rb"[\r\n]", b"", text.encode("utf-8", "surrogatepass"))
        with Client(f"http://{(api, write)[turn % 2].authority}") as client:
            client.send(b"GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n" % (raw, client.authority.encode()))
            answer = client.receive()
        assert 400 <= answer.status < 500 or answer.status == 200, (text, answer)
        check_answer(answer)


def test_every_string_is_a_header_and_a_query(strings: list[str], api: Client, chat: str) -> None:
    """As request id, origin, limit and cursor: refused or ignored, never an error of the server."""
    for text in strings:
        part = quote(text, safe="", errors="surrogatepass")
        answers = [api.get(f"{chat}/messages?{name}={part}") for name in ("limit", "after", "cursor", part or "x")]
        header = re.sub(rb"[\x00-\x08\x0a-\x1f\x7f]", b"", text.encode("utf-8", "surrogatepass"))
        answers.append(
            api.get(f"{chat}/messages", [("X-Request-Id", header), ("Origin", header), ("If-None-Match", header)])
        )
        for answer in answers:
            assert answer.status in {200, 304, 400, 422}, (text, answer)
            check_answer(answer)
