"""Every call of the contract once and more, in an order in which later ones see what earlier ones did.

``{base}`` and ``{alias}`` are the two paths of an application without chats, ``{etag}`` is the ETag
of the answer before. The statuses were written by hand from the contract.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from tests.support.client import JSON_TYPE, HeaderValue
from tests.support.tenant import ALIAS, APPLICATIONS, UNKNOWN_TOKEN

Header = tuple[str, HeaderValue]

CHAT = "{base}/chats/1"
MESSAGES = "{base}/chats/1/messages"
NOBODY = f"{ALIAS}/{UNKNOWN_TOKEN}"
KEY = ("Idempotency-Key", "walk")
WAIT = ("Prefer", "wait=30")
PAGE = ("Origin", "http://localhost:5173")
KNOWN = ("If-None-Match", "{etag}")
LARGE = b'{"body":"' + b"a" * (1024 * 1024) + b'"}'


class Step(NamedTuple):
    """One call and the status that the contract gives it."""

    status: int
    method: str
    target: str
    body: bytes | None = None
    headers: tuple[Header, ...] = ()
    until: bytes = b""
    """What the body has at last: counts, search and readiness follow what was written."""
    port: str = "api"


def call(status: int, method: str, target: str, value: object = None, *headers: Header, port: str = "api") -> Step:
    """Make a step that sends JSON; ``bytes`` go as they are, ``None`` is no body."""
    if value is None:
        return Step(status, method, target, None, headers, port=port)
    body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return Step(status, method, target, body, (JSON_TYPE, *headers), port=port)


def both(status: int, target: str, value: object = None, *headers: Header) -> list[Step]:
    """Make a step that posts to the full API, and the same one for the write service."""
    return [call(status, "POST", target, value, *headers, port=port) for port in ("api", "write")]


def reads(target: str, status: int = 200) -> list[Step]:
    """Make the steps that read: GET, HEAD, and GET of what is known already."""
    known = [call(304, method, target, None, KNOWN) for method in ("GET", "HEAD")] if status == 200 else []
    return [call(status, "GET", target), call(status, "HEAD", target), *known]


def changes(status: int, target: str, value: object, *headers: Header) -> list[Step]:
    """Make the step that changes by PATCH, and the one by PUT."""
    return [call(status, method, target, value, *headers) for method in ("PATCH", "PUT")]


APPLICATION = [
    call(201, "POST", APPLICATIONS, {"name": " Shop "}),
    call(201, "POST", ALIAS, {"chat_application": {"name": "wrapped", "token": "x"}, "name": "flat"}, WAIT, PAGE),
    call(422, "POST", APPLICATIONS, {"name": " "}),
    call(422, "POST", APPLICATIONS, {"name": "x" * 256}),
    call(422, "POST", APPLICATIONS, {}),
    call(400, "POST", APPLICATIONS, b'{"name":'),
    call(400, "POST", APPLICATIONS, b"[]"),
    call(415, "POST", APPLICATIONS, None, ("Content-Encoding", "gzip"), ("Content-Length", "0")),
    call(413, "POST", APPLICATIONS, LARGE),
    call(400, "POST", APPLICATIONS, {"name": "x"}, ("Idempotency-Key", "")),
    call(403, "POST", APPLICATIONS, {"name": "x"}, ("Host", "evil.example")),
    call(403, "GET", APPLICATIONS, None, ("Host", "evil.example")),
    call(405, "DELETE", APPLICATIONS),
    call(204, "OPTIONS", APPLICATIONS),
    call(400, "GET", f"{APPLICATIONS}?after=x"),
    call(422, "GET", f"{APPLICATIONS}?limit=0"),
    *reads("{base}"),
    *reads("{alias}"),
    *reads(NOBODY, 404),
    *changes(200, "{base}", {"name": "New"}, PAGE),
    *changes(422, "{base}", {"name": 7}),
    *changes(400, "{base}", b"null"),
    *changes(404, NOBODY, {"name": "New"}),
    call(404, "DELETE", NOBODY),
    call(405, "POST", "{base}", {}),
    call(204, "OPTIONS", "{base}"),
    call(204, "OPTIONS", "{base}", None, PAGE, ("Access-Control-Request-Method", "PATCH")),
]

CHATS = [
    *reads("{base}/chats"),
    *both(201, "{base}/chats"),
    *both(201, "{alias}/chats", {"title": "Support"}, PAGE),
    *both(201, "{base}/chats", {"title": "once"}, KEY),
    *both(422, "{base}/chats", {"title": "twice"}, KEY),
    *both(201, "{base}/chats", {}, WAIT),
    *both(422, "{base}/chats", {"title": "x" * 256}),
    *both(400, "{base}/chats", b"[]"),
    *both(404, f"{NOBODY}/chats"),
    *reads("{base}/chats"),
    *reads("{base}/chats?limit=2"),
    *reads("{base}/chats?after=2&limit=2"),
    *reads("{base}/chats?before=3&limit=1"),
    *reads("{base}/chats?after=99"),
    *reads("{base}/chats?limit=0", 422),
    *reads("{base}/chats?after=1&before=3", 422),
    *reads(f"{NOBODY}/chats", 404),
    *reads(CHAT),
    *reads("{base}/chats/99", 404),
    *reads("{base}/chats/0", 404),
    *reads("{base}/chats/9223372036854775808", 404),
    *changes(200, CHAT, {"title": "New"}, PAGE),
    *changes(200, CHAT, {"chat": {"title": None}}),
    *changes(422, CHAT, {}),
    *changes(422, CHAT, {"title": 7}),
    *changes(400, CHAT, b"{"),
    *changes(404, "{base}/chats/99", {"title": "New"}),
    *reads(CHAT),
    call(204, "DELETE", "{base}/chats/2", None, PAGE),
    call(404, "DELETE", "{base}/chats/2"),
    *reads("{base}/chats/2", 404),
    *both(404, "{base}/chats/2/messages", {"body": "hi"}),
    call(405, "POST", CHAT, {}),
    call(405, "BREW", "{base}/chats"),
    Step(200, "GET", "{base}", until=b'"chats_count":6'),
    *reads("{base}/chats"),
]

MESSAGE = [
    *reads(MESSAGES),
    *both(201, MESSAGES, {"body": " Hello, ПРИВЕТ 🍣 ", "sender": "ann", "metadata": {"b": 1, "a": [1e2]}}),
    *both(201, MESSAGES, {"message": {"body": "wrapped"}, "body": "flat"}, PAGE),
    *both(201, MESSAGES, {"body": "once"}, KEY),
    *both(422, MESSAGES, {"body": "twice"}, KEY),
    *both(201, MESSAGES, {"body": "waited for"}, WAIT),
    *both(201, f"{MESSAGES}/bulk", {"messages": [{"body": "hello again"}, {"body": "C++"}]}),
    *both(422, f"{MESSAGES}/bulk", {"messages": [{"body": "x"}, {"body": ""}]}),
    *both(422, f"{MESSAGES}/bulk", {"messages": []}),
    *both(422, MESSAGES, {"body": "\u200b"}),
    *both(400, MESSAGES, b'{"body":"\\ud800"}'),
    *both(413, MESSAGES, LARGE),
    *both(404, "{base}/chats/99/messages", {"body": "hi"}),
    *both(404, f"{NOBODY}/chats/1/messages", {"body": "hi"}),
    *reads(MESSAGES),
    *reads(f"{MESSAGES}?limit=3&after=2"),
    *reads(f"{MESSAGES}?limit=3&before=9"),
    *reads(f"{MESSAGES}?limit=abc", 422),
    *reads(f"{MESSAGES}?after=-1", 422),
    *reads(f"{MESSAGES}/1"),
    *reads(f"{MESSAGES}/9"),
    *reads(f"{MESSAGES}/99", 404),
    *reads(f"{MESSAGES}/abc", 404),
    *reads("{base}/chats/99/messages/1", 404),
    *changes(200, f"{MESSAGES}/2", {"body": "edited"}, PAGE),
    *changes(200, f"{MESSAGES}/2", {"message": {"body": "edited and waited for"}}, WAIT),
    *changes(422, f"{MESSAGES}/2", {"body": " "}),
    *changes(400, f"{MESSAGES}/2", b"["),
    *changes(404, f"{MESSAGES}/99", {"body": "x"}),
    *changes(415, f"{MESSAGES}/2", b"{}", ("Content-Encoding", "br")),
    *reads(f"{MESSAGES}/2"),
    call(204, "DELETE", f"{MESSAGES}/3", None, PAGE),
    call(204, "DELETE", f"{MESSAGES}/4", None, WAIT),
    call(404, "DELETE", f"{MESSAGES}/4"),
    *reads(f"{MESSAGES}/3", 404),
    *changes(404, f"{MESSAGES}/3", {"body": "x"}),
    *both(201, MESSAGES, {"body": "the last of the needles"}),
    *reads(MESSAGES),
    call(405, "DELETE", MESSAGES),
    call(405, "GET", f"{MESSAGES}/bulk"),
    call(405, "POST", f"{MESSAGES}/1", {}),
    call(204, "OPTIONS", f"{MESSAGES}/1", None, PAGE, ("Access-Control-Request-Method", "DELETE")),
    Step(200, "GET", CHAT, until=b'"messages_count":11'),
    *reads("{base}/chats"),
]

SEARCH = [
    Step(200, "GET", f"{MESSAGES}/search?q=needle", until=b'"number":13'),
    *[
        step
        for query in (
            "hel",
            "q%D0%A0",
            "%D0%BF%D1%80%D0%B8%D0%B2",
            "C%2B%2B",
            "%F0%9F%8D%A3",
            "h",
            "ed",
            "twice",
            "%25",
        )
        for step in reads(f"{MESSAGES}/search?q={query}")
    ],
    *reads(f"{MESSAGES}/search?query=hello&limit=1"),
    *reads(f"{MESSAGES}/search?q=hello&after=2&limit=1"),
    *reads(f"{MESSAGES}/search", 400),
    *reads(f"{MESSAGES}/search?q=%20", 400),
    *reads(f"{MESSAGES}/search?q={'x' * 201}", 422),
    *reads(f"{MESSAGES}/search?q=x&limit=0", 422),
    *reads("{base}/chats/99/messages/search?q=x", 404),
    call(405, "POST", f"{MESSAGES}/search?q=x", {}),
]

SERVICE = [
    *[
        step
        for port in ("api", "write")
        for step in (
            Step(200, "GET", "/ready", until=b'"degraded":[]', port=port),
            call(405, "POST", "/health", port=port),
            call(405, "DELETE", "/metrics", port=port),
            call(404, "GET", "/nowhere", port=port),
            call(404, "GET", "/api/v1", port=port),
            call(204, "OPTIONS", MESSAGES, None, PAGE, ("Access-Control-Request-Method", "POST"), port=port),
            call(400, "GET", "/ready", None, ("Host", "a"), ("Host", "b"), port=port),
        )
    ],
    *[call(200, method, page) for page in ("/openapi.json", "/docs", "/docs.css") for method in ("GET", "HEAD")],
    *[call(404, "GET", page, port="write") for page in (APPLICATIONS, "{base}", CHAT, f"{MESSAGES}/1", "/docs")],
    call(404, "PATCH", f"{MESSAGES}/1", {"body": "x"}, port="write"),
    call(404, "GET", f"{MESSAGES}/search?q=x", port="write"),
    call(405, "GET", MESSAGES, port="write"),
]

END = [
    call(204, "DELETE", "{base}", None, WAIT, PAGE),
    call(404, "DELETE", "{base}"),
    *reads("{base}", 404),
    *reads("{base}/chats", 404),
    *reads(f"{MESSAGES}/1", 404),
    *reads(f"{MESSAGES}/search?q=hello", 404),
    *both(404, "{base}/chats"),
    *both(404, MESSAGES, {"body": "once"}, KEY),
]

WALK = [*APPLICATION, *CHATS, *MESSAGE, *SEARCH, *SERVICE, *END]
