"""Attacks that need a running service, both of them, in both profiles; `tests/support/attacks.py` lists all forty."""

from __future__ import annotations

import json
import random
import re
import uuid
from typing import Any

import pytest

from parley.domain.cursors import decode_cursor
from parley.http.operations import OPERATIONS
from tests.api.crossings import CHATS, CROSSINGS, MESSAGES, Call, Ids
from tests.api.recorded.cases import comparable
from tests.api.recorded.paths import NO_NUMBERS
from tests.support.answers import check_answer, check_problem, links
from tests.support.client import JSON_TYPE, Answer, Client
from tests.support.deployment import Deployment
from tests.support.tenant import APPLICATIONS, Tenant, expect

Services = dict[str, Client]
STORED = [("Prefer", "wait=30")]
BODIED = [name for name, call in CROSSINGS.items() if call.operation.body]
UNSETTABLE: dict[str, Any] = {
    "id": 7, "number": 99, "numbers": [99], "token": "0" * 32, "created_at": "2001-01-01T00:00:00.000Z",
    "updated_at": "2001-01-01T00:00:00.000Z", "deleted_at": None, "messages_count": 999, "chats_count": 999,
    "edited": True, "tenant": "other", "role": "admin", "granted_until": 10**6, "__proto__": {"role": "admin"},
}  # fmt: skip
FOREIGN_TYPES = {
    "text/plain": b'{"body":"hi"}',
    "application/xml": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "application/x-www-form-urlencoded": b"body=hi",
    "multipart/form-data; boundary=x": b'--x\r\nContent-Disposition: form-data; name="body"\r\n\r\n' + b"a" * 100_000,
    "application/x-www-form-urlencoded; " + "!=\\" * 2_000: b"body=hi",
    'multipart/form-data; boundary="' + ";=" * 2_000: b"--",
}
"""The two long ones stood still in a parser of others (CVE-2024-24762)."""
SQL = [
    "' or '1'='1", "1; drop table message--", "1 union select token from application", '" or 1=1 --', "1/**/or/**/1=1",
    "\\' or 1=1#", "1 and sleep(5)", "%' or '%'='", "0x31", "1)) or ((1=1", "{'$gt':''}",
    "*)(uid=*", "${jndi:ldap://a}", "{{7*7}}",
]  # fmt: skip


def _part(text: str) -> str:
    """Write every byte of a text for a URL."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


@pytest.mark.parametrize("name", CHATS)
def test_what_is_no_number_is_not_found(name: str, services: Services, application: Tenant) -> None:
    """In the place of a chat's and of a message's number, whatever the method: one rule for all routes."""
    application.post(application.create_chat(), "hi")
    call = CROSSINGS[name]
    for client in services.values():
        for number in NO_NUMBERS:
            answers = [call.send(client, Ids(application.token, number, 1))]
            if name in MESSAGES:
                answers.append(call.send(client, Ids(application.token, 1, number)))
            for answer in answers:
                assert answer.status == 404, (number, answer)
                if call.method != "HEAD":
                    check_problem(answer, application.token)


@pytest.mark.parametrize("name", BODIED)
def test_what_a_client_cannot_set_is_never_stored(name: str, services: Services) -> None:
    """The answer, and what is read afterwards, are as without those members."""
    for client in services.values() if CROSSINGS[name].operation.is_create else [services["api"]]:
        plain, poisoned = (_written(CROSSINGS[name], client, services["api"], more) for more in ({}, UNSETTABLE))

        assert poisoned == plain


def _written(call: Call, client: Client, api: Client, more: dict[str, Any]) -> list[object]:
    """Write into an application of its own; give the answer and all that is there then, stored and counted."""
    tenant = Tenant(api)
    expect(api.json("POST", f"{tenant.create_chat()}/messages", {"body": "hi"}, STORED), 201)
    body = dict(call.body)  # type: ignore[call-overload]
    if "messages" in body:
        body["messages"] = [{**more, **each} for each in body["messages"]]
    answer = call._replace(body={**more, **body}).send(client, Ids(tenant.token), headers=STORED)
    assert answer.status in {200, 201}, answer
    paths = ("", "/chats", "/chats/1", "/chats/1/messages", "/chats/99", "/chats/1/messages/99")
    reads = [api.get(tenant.path + path) for path in paths]
    return [_comparable(each, tenant.token) for each in (answer, *reads)]


def _comparable(answer: Answer, token: str) -> object:
    """Leave the entity tag out: it is that of a body with a token and times in it."""
    status, headers, body = comparable(answer, token)
    return status, [header for header in headers if header[0] != "etag"], body


def test_ten_thousand_guessed_tokens_are_answered_alike(services: Services) -> None:
    """Each by the same 404 but for its request id, on either service, and none is echoed."""
    rng = random.Random(4)
    for client in services.values():
        seen = set()
        for _ in range(100):
            tokens = [f"{rng.getrandbits(128):032x}" for _ in range(50)]
            client.send(
                b"".join(
                    f"POST {APPLICATIONS}/{token}/chats HTTP/1.1\r\nHost: {client.authority}\r\n\r\n".encode()
                    for token in tokens
                )
            )
            for token in tokens:
                answer = client.receive()
                assert answer.status == 404, answer
                assert token not in repr(answer)
                seen.add(repr(comparable(answer, "-")))
        assert len(seen) == 1


@pytest.mark.parametrize("name", BODIED)
def test_a_body_that_is_no_plain_json_is_refused_unread(name: str, services: Services, application: Tenant) -> None:
    """415 for forms, XML and multipart, and for JSON that is packed: nothing is unpacked to find out."""
    application.post(application.create_chat(), "hi")
    call = CROSSINGS[name]
    packed = [("Content-Type", "application/json")]
    for client in services.values() if call.operation.is_create else [services["api"]]:
        target = call.path.format(token=application.token, chat=1, number=1)
        answers = [
            client.request(call.method, target, body, [("Content-Type", kind)]) for kind, body in FOREIGN_TYPES.items()
        ]
        answers += [
            client.request(call.method, target, b"\x1f\x8b" + b"\0" * 1_000, [*packed, ("Content-Encoding", coding)])
            for coding in ("gzip", "gzip, gzip", "br", "deflate", "zstd", "x" * 4_000)
        ]
        for answer in answers:
            assert answer.status == 415, answer
            check_problem(answer, application.token)


@pytest.mark.parametrize("text", SQL)
def test_what_looks_like_a_query_is_data(text: str, services: Services, application: Tenant) -> None:
    """In a path, a parameter, a key and a body: refused as nonsense is, or kept as it is, and all is still there."""
    api, part = services["api"], _part(text)
    chat = application.create_chat()
    application.post(chat, "hi")
    for place in (f"{APPLICATIONS}/{part}", f"{application.path}/chats/{part}", f"{chat}/messages/{part}"):
        assert api.get(place).status == 404
        assert api.request("DELETE", place).status == 404
    for name, status in {"limit": 422, "after": 422, "before": 422, "sort": 200, "order": 200, "filter": 200}.items():
        answer = api.get(f"{chat}/messages?{name}={part}")
        assert answer.status == status, (name, answer)
    assert check_problem(api.get(f"{APPLICATIONS}?after={part}"))["code"] == "invalid_cursor"
    for client in services.values():
        key = [("Idempotency-Key", text), ("Prefer", text), ("If-None-Match", text)]
        assert client.json("POST", f"{chat}/messages", {"body": text, "sender": text}, key).status in {201, 400}
    rows = expect(api.get(f"{chat}/messages"), 200)
    assert {row["body"] for row in rows[1:]} <= {text}
    assert rows[0]["body"] == "hi"


def test_a_cursor_with_a_flipped_bit_is_no_cursor(services: Services, application: Tenant) -> None:
    """It is refused, or it is what the server would have given for another place: nothing else is let in."""
    api = services["api"]
    Tenant(api)
    cursor = re.search("after=([^&]+)", links(api.get(f"{APPLICATIONS}?limit=1"), "")["next"])
    assert cursor
    chat = application.create_chat()
    for place in range(len(cursor[1])):
        for bit in range(8):
            changed = cursor[1][:place] + chr(ord(cursor[1][place]) ^ (1 << bit)) + cursor[1][place + 1 :]
            answer = api.get(f"{APPLICATIONS}?limit=1&after={_part(changed)}")
            if answer.status == 200:
                assert decode_cursor(changed) >= 0
            else:
                assert check_problem(answer)["code"] == "invalid_cursor"
    for foreign in (f"{chat}/messages", f"{application.path}/chats"):
        assert api.get(f"{foreign}?after={cursor[1]}").status == 422


def test_line_ends_in_what_a_client_sends_begin_no_header(services: Services, application: Tenant) -> None:
    """Percent-encoded in a path or a query they reach no header of the answer; as they are they are refused."""
    chat = application.create_chat()
    application.post_many(chat, ["hi"] * 3)
    forged = "%0d%0aX-Forged:%201%0d%0a%0d%0a<html>"
    for client in services.values():
        answers = [
            client.get(f"{chat}/messages?limit=1&q={forged}&{forged}={forged}"),
            client.get(f"{chat}/messages/search?limit=1&q={forged}"),
            client.get(f"{APPLICATIONS}/{forged}/chats"),
            client.request("POST", f"{APPLICATIONS}/{application.token}{forged}/chats"),
            client.get(f"/{forged}", [("Origin", "http://localhost\tX-Forged: 1")]),
        ]
        for answer in answers:
            check_answer(answer)
            assert "forged" not in repr(answer.headers).lower()
        for end in (b"\r", b"\n", b"\0"):
            raw = Client(f"http://{client.authority}")
            raw.send(b"GET /health HTTP/1.1\r\nHost: a\r\nX-Request-Id: a%bX-Forged: 1\r\n\r\n" % end)
            with raw:
                assert raw.receive().status == 400


FORGED = '\n{"time":"2026-01-01T00:00:00.000Z","level":"error","event":"forged"}\n\x1b[31m\x9b\u2028'


def test_a_forged_line_is_no_line_of_the_log(services: Services, server: Deployment, application: Tenant) -> None:
    """Whatever is sent wherever, each line that is written meanwhile is one event of our own."""
    before = len(server.log_text())
    chat = application.create_chat(FORGED)
    for client in services.values():
        client.json("POST", f"{chat}/messages", {"body": FORGED, "sender": FORGED, "metadata": {FORGED: FORGED}})
        client.json("POST", f"{chat}/messages", {"body": [FORGED]})
        client.get(f"/{_part(FORGED)}")
        client.get(f"{chat}/messages/search?q={_part(FORGED)}")
        raw = b"GET /health HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + FORGED.encode() + b"\r\n\r\n"
        with Client(f"http://{client.authority}") as other:
            other.send(raw)
            other.receive()

    for line in server.log_text()[before:].splitlines():
        assert json.loads(line)["event"] != "forged"


FORWARDED = [
    ("X-Forwarded-Host", "localhost"), ("Forwarded", "for=127.0.0.1;host=localhost"), ("X-Forwarded-For", "127.0.0.1"),
    ("X-Real-IP", "::1"), ("X-Original-Host", "localhost"), ("X-Forwarded-Server", "127.0.0.1"),
    ("X-Host", "localhost"), ("X-Original-URL", "/health"), ("X-Rewrite-URL", "/health"),
]  # fmt: skip


def test_a_header_of_a_proxy_opens_nothing(services: Services) -> None:
    """No proxy is trusted by its word: the Host alone says which name was called, and the path which route."""
    for name, value in FORWARDED:
        answer = services["api"].request("GET", APPLICATIONS, None, [(name, value)], host="evil.example")

        assert answer.status == 403, (name, answer)
        assert check_problem(answer)["code"] == "host_not_allowed"


MARKUP = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "</script>", "=cmd()",
    "a\u2028b",
]  # fmt: skip


def test_markup_is_text(services: Services, application: Tenant) -> None:
    """It comes back as JSON and is called so, and the one page of ours runs no script at all."""
    chat = application.create_chat()
    numbers = application.post_many(chat, MARKUP)
    for target in (f"{chat}/messages", *(f"{chat}/messages/{number}" for number in numbers)):
        answer = services["api"].get(target, [("Accept", "text/html")])
        assert expect(answer, 200)
        assert answer.header("Content-Type") == "application/json"
    for markup in MARKUP:
        for client in services.values():
            answer = client.get(f"/{_part(markup)}?{_part(markup)}", [("Accept", "text/html")])
            assert check_problem(answer)
            assert markup.encode() not in answer.body
    policy = services["api"].get("/docs").header("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy


def test_no_method_stands_for_another(services: Services, application: Tenant) -> None:
    """TRACE is refused with what is allowed, and no header or parameter makes a DELETE of anything."""
    chat = application.create_chat()
    application.post(chat, "hi")
    paths = {path.format(token=application.token, chat=1, number=1) for each in OPERATIONS for path in each.paths}
    override = [(name, "DELETE") for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")]
    for client in services.values():
        for path in sorted(paths):
            traced = client.request("TRACE", path, None, [("Cookie", "a=b"), ("Max-Forwards", "0")])
            assert traced.status == 405 or (traced.status == 404 and client is services["write"]), traced
            assert (traced.header("Allow") is None) == (traced.status == 404)
            assert b"Cookie" not in traced.body
            client.get(f"{path}?_method=DELETE", override)
        client.request(
            "POST", f"{chat}/messages?_method=DELETE", b'{"_method":"DELETE","body":"hi"}', [JSON_TYPE, *override]
        )

    assert len(expect(services["api"].get(f"{chat}/messages"), 200)) == 3


def test_metrics_have_no_label_of_a_client(services: Services, application: Tenant) -> None:
    """A thousand paths, tenants and methods that nobody knows are one route and one method."""
    templates = {each.documented_path for each in OPERATIONS} | {"unknown", "unread"}
    for client in services.values():
        for turn in range(500):
            path = f"/{uuid.uuid4()}" if turn % 2 else f"{APPLICATIONS}/{uuid.uuid4().hex}/chats/{turn}"
            client.request(f"M{turn}" if turn % 3 else "GET", path)
        client.get(f"{application.path}/chats/1/messages")
        text = client.get("/metrics").body.decode()

        assert set(re.findall(r'route="([^"]*)"', text)) <= templates
        assert set(re.findall(r'method="([^"]*)"', text)) <= {
            *["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"]
        }
        assert not re.search("[0-9a-f]{32}", text)


HIDDEN = [
    "/debug",
    "/admin",
    "/console",
    "/dead_letters",
    "/api/v1/dead_letters",
    "/server-status",
    "/.git/config",
    "/config",
    "/trace",
]


def test_there_is_no_route_for_operators(services: Services) -> None:
    """Dead letters, settings and debugging are commands: whoever looks for them finds nothing, by any method."""
    for client in services.values():
        for path in HIDDEN:
            for method in ("GET", "POST", "DELETE"):
                answer: Answer = client.request(method, path)
                assert answer.status == 404, answer
                check_problem(answer)
