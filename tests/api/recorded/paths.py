"""Recorded answers: who is not found, which method is not allowed."""

from __future__ import annotations

from tests.api.recorded.cases import (
    BULK,
    CHATS,
    MESSAGES,
    NO_APPLICATION,
    NO_CHAT,
    NO_ROUTE,
    Alike,
    Case,
    Problem,
    message,
)
from tests.support.tenant import ALIAS, APPLICATIONS, UNKNOWN_TOKEN

HI = b'{"body":"hi"}'
BULK_OF_1 = b'{"messages":[{"body":"hi"}]}'
NOT_FOUND = Alike((404,))

_TOKENS = {
    "unknown-token": UNKNOWN_TOKEN,
    "upper-case-token": "{upper}",
    "near-miss-token": "{near}",
    "short-token": "abc",
    "token-with-one-more-digit": "{token}0",
    "token-without-its-last-digit": "{short}",
    "token-with-a-quote": "'%20or%20'1'='1",
    "token-of-4000-characters": "a" * 4_000,
    "token-not-utf-8": "%ff",
    "token-with-nul": "{token}%00",
    "token-in-full-width": "%ef%bc%91" * 32,
}

NO_NUMBERS = [
    "0", "-1", "abc", "1abc", "1.0", "+1", "%2B1", "%d9%a1", "01", "00", "1_0", "1e0", "0x1", "-0", "NaN", "null",
    "9223372036854775808", "1" * 20, "1" + "0" * 400, "%201", "1%20", "1%00", "%00", "1%2f", "%2531", "%ef%bc%91",
    "1,2", "1;a=1", "%ff", "*", "'", "1%0a", "%0a1", "{", "%7B1%7D", "%C2%B2",
]  # fmt: skip

_ROUTES = [("chats", CHATS, None), ("messages", MESSAGES, HI), ("bulk", BULK, BULK_OF_1)]

TOKENS = [
    Case(f"{route}-{name}", target.replace("{base}", f"{APPLICATIONS}/{token}"), NO_APPLICATION, body)
    for name, token in _TOKENS.items()
    for route, target, body in _ROUTES
]

UNKNOWN_CHATS = [
    Case(f"{route}-chat-{number}", target.replace("chats/1", f"chats/{number}"), NO_CHAT, body)
    for number in ("2", "999", "9223372036854775807", "999999999999999999", "4294967297")
    for route, target, body in _ROUTES[1:]
]

BAD_NUMBERS = [
    Case(f"{route}-bad-number-{n}-{number[:20]}", target.replace("chats/1", f"chats/{number}"), NOT_FOUND, body)
    for n, number in enumerate(NO_NUMBERS)
    for route, target, body in _ROUTES[1:]
]

_CHANGES = [
    ("double-slash-inside", "/chats", "//chats"),
    ("double-slash-in-front", "{base}", "//api/v1/applications/{token}"),
    ("dot-segment", "/chats", "/./chats"),
    ("upper-case", "/chats", "/Chats"),
    ("encoded-slash", "/chats", "%2fchats"),
    ("other-version", "{base}", "/api/v2/applications/{token}"),
    ("without-version", "{base}", "/applications/{token}"),
]

SHAPES = [
    Case("percent-encoded-digit", MESSAGES.replace("chats/1", "chats/%31"), Alike((201, 404)), HI),
    Case("percent-encoded-letter", MESSAGES.replace("chats", "%63hats"), Alike((201, 404)), HI),
    *[
        Case(f"{route}-{name}", target.replace(part, by), NO_ROUTE, body)
        for route, target, body in _ROUTES
        for name, part, by in _CHANGES
    ],
    *[
        Case(f"{route}-{name}", f"{target}{more}", NO_ROUTE, body)
        for route, target, body in _ROUTES
        for name, more in (("trailing-slash", "/"), ("semicolon", ";a=1"), ("extra-segments", "/extra/one"))
    ],
    *[
        Case(f"unknown-{path}", path, NO_ROUTE, b"{}")
        for path in (
            "/",
            "/api",
            "/api/v1",
            "/api/v1/chats",
            "/index.php",
            "/api/v1/messages",
            "/%00",
            "/%ff",
            "/favicon.ico",
        )
    ],
    Case("token-missing", f"{ALIAS}//chats", NO_ROUTE, b"{}"),
    Case("query-that-looks-like-a-path", f"{MESSAGES}?/../../x", message(body="hi"), HI),
]

OTHER_METHODS = ["PUT", "PATCH", "DELETE", "TRACE", "BREW", "post", "PROPFIND", "M-SEARCH", "POSTX"]

METHODS = [
    Case(f"{route}-{method}", target, Problem(405), None, method=method, headers=())
    for route, target, _ in _ROUTES
    for method in OTHER_METHODS
] + [
    Case(f"unknown-path-{method}", "/api/v1/nothing", NO_ROUTE, None, method=method, headers=())
    for method in ("GET", "DELETE", "BREW", "get", "PROPFIND")
]

CASES = TOKENS + UNKNOWN_CHATS + BAD_NUMBERS + SHAPES + METHODS
