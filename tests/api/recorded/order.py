"""Recorded answers: two faults at once. The earlier check of the contract's order speaks."""

from __future__ import annotations

from tests.api.recorded.cases import (
    ANY,
    BAD_KEY,
    BULK,
    CHATS,
    MESSAGES,
    NO_APPLICATION,
    NO_CHAT,
    NO_ROUTE,
    NOT_JSON,
    TOO_LARGE,
    UNSUPPORTED,
    Case,
    Problem,
    blank,
)
from tests.support.client import JSON_TYPE, HeaderValue
from tests.support.tenant import ALIAS, UNKNOWN_TOKEN

NOWHERE = "/api/v1/nothing"
UNKNOWN_CHAT = MESSAGES.replace("chats/1", "chats/9")
UNKNOWN_APPLICATION = f"{ALIAS}/{UNKNOWN_TOKEN}/chats/1/messages"
HI = b'{"body":"hi"}'
BROKEN = b'{"body":'
BLANK_BODY = b'{"body":" "}'
LARGE = b'{"body":"' + b"a" * (1024 * 1024) + b'"}'
TEXT = ("Content-Type", "text/plain")
WRONG_KEY = ("Idempotency-Key", "k" * 256)
WRONG_METHOD = Problem(405)


def _pair(
    name: str, target: str, answer: Problem, body: bytes, *headers: tuple[str, HeaderValue], method: str = "POST"
) -> Case:
    return Case(name, target, answer, body, headers or (JSON_TYPE,), method)


CASES = [
    _pair("route-before-method", NOWHERE, NO_ROUTE, HI, method="BREW"),
    _pair("route-before-content-type", NOWHERE, NO_ROUTE, HI, TEXT),
    _pair("route-before-key", NOWHERE, NO_ROUTE, HI, JSON_TYPE, WRONG_KEY),
    _pair("route-before-size", NOWHERE, NO_ROUTE, LARGE),
    _pair("route-before-json", NOWHERE, NO_ROUTE, BROKEN),
    _pair("method-before-content-type", MESSAGES, WRONG_METHOD, HI, TEXT, method="PUT"),
    _pair("method-before-key", MESSAGES, WRONG_METHOD, HI, JSON_TYPE, WRONG_KEY, method="DELETE"),
    _pair("method-before-size", MESSAGES, WRONG_METHOD, LARGE, method="PATCH"),
    _pair("method-before-parents", UNKNOWN_APPLICATION, WRONG_METHOD, HI, method="PATCH"),
    _pair("method-before-json", MESSAGES, WRONG_METHOD, BROKEN, method="PUT"),
    _pair("content-type-before-key", MESSAGES, UNSUPPORTED, HI, TEXT, WRONG_KEY),
    _pair("content-type-before-size", MESSAGES, UNSUPPORTED, LARGE, TEXT),
    _pair("content-type-before-application", UNKNOWN_APPLICATION, UNSUPPORTED, HI, TEXT),
    _pair("content-type-before-chat", UNKNOWN_CHAT, UNSUPPORTED, HI, TEXT),
    _pair("content-type-before-json", MESSAGES, UNSUPPORTED, BROKEN, TEXT),
    _pair("content-encoding-before-chat", UNKNOWN_CHAT, UNSUPPORTED, HI, JSON_TYPE, ("Content-Encoding", "gzip")),
    _pair("key-before-size", MESSAGES, BAD_KEY, LARGE, JSON_TYPE, WRONG_KEY),
    _pair("key-before-application", UNKNOWN_APPLICATION, BAD_KEY, HI, JSON_TYPE, WRONG_KEY),
    _pair("key-before-chat", UNKNOWN_CHAT, BAD_KEY, HI, JSON_TYPE, WRONG_KEY),
    _pair("key-before-json", MESSAGES, BAD_KEY, BROKEN, JSON_TYPE, WRONG_KEY),
    _pair("key-before-fields", MESSAGES, BAD_KEY, BLANK_BODY, JSON_TYPE, WRONG_KEY),
    _pair("size-before-application", UNKNOWN_APPLICATION, TOO_LARGE, LARGE),
    _pair("size-before-chat", UNKNOWN_CHAT, TOO_LARGE, LARGE),
    _pair("size-before-json", MESSAGES, TOO_LARGE, LARGE[:-1]),
    _pair("size-before-fields", MESSAGES, TOO_LARGE, LARGE),
    _pair("size-on-bulk", BULK, TOO_LARGE, LARGE),
    _pair("size-on-chats", CHATS, TOO_LARGE, LARGE),
    _pair("application-before-chat", f"{ALIAS}/{UNKNOWN_TOKEN}/chats/9/messages", NO_APPLICATION, HI),
    _pair("application-before-json", UNKNOWN_APPLICATION, NO_APPLICATION, BROKEN),
    _pair("application-before-fields", UNKNOWN_APPLICATION, NO_APPLICATION, BLANK_BODY),
    _pair("application-before-json-on-chats", f"{ALIAS}/{UNKNOWN_TOKEN}/chats", NO_APPLICATION, b"["),
    _pair("chat-before-json", UNKNOWN_CHAT, NO_CHAT, BROKEN),
    _pair("chat-before-fields", UNKNOWN_CHAT, NO_CHAT, BLANK_BODY),
    _pair("chat-before-json-on-bulk", f"{UNKNOWN_CHAT}/bulk", NO_CHAT, b"[1"),
    _pair("json-before-fields", MESSAGES, NOT_JSON, b'{"body":" ","x":"\\ud800"}'),
    _pair("json-before-fields-in-a-bulk", BULK, NOT_JSON, b'{"messages":[{"body":" "},{"body":"\xff"}]}'),
    _pair("bytes-before-wrong-type", MESSAGES, NOT_JSON, b'{"body":7,"x":"\xff"}'),
    _pair("fields-with-a-good-key", MESSAGES, blank(), BLANK_BODY, JSON_TYPE, ("Idempotency-Key", "k")),
    _pair("size-without-good-json", MESSAGES, Problem(413, error=ANY), b"[" * (1024 * 1024 + 1)),
]
