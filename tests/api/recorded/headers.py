"""Recorded answers: request headers. Content types, encodings, idempotency keys, Prefer."""

from __future__ import annotations

from tests.api.recorded.cases import (
    BAD_KEY,
    CHATS,
    MESSAGES,
    UNSUPPORTED,
    Alike,
    Case,
    Created,
    Problem,
    chat,
    message,
)
from tests.support.client import JSON_TYPE, HeaderValue

HI = b'{"body":"hi"}'
POSTED = message(body="hi")


def _typed(name: str, content_type: str, answer: Created | Problem | Alike) -> Case:
    return Case(f"content-type-{name}", MESSAGES, answer, HI, [("Content-Type", content_type)])


def _with(name: str, answer: Created | Problem | Alike, *headers: tuple[str, HeaderValue]) -> Case:
    return Case(name, MESSAGES, answer, HI, [JSON_TYPE, *headers])


def _key(name: str, key: HeaderValue, answer: Created | Problem | Alike) -> Case:
    return _with(f"key-{name}", answer, ("Idempotency-Key", key))


def _prefer(name: str, prefer: str, *, applied: bool) -> Case:
    answer = POSTED._replace(headers={"Preference-Applied": "wait" if applied else None})
    return _with(f"prefer-{name}", answer, ("Prefer", prefer))


CONTENT_TYPES = [
    _typed("upper-case", "APPLICATION/JSON", POSTED),
    _typed("charset-utf-8", "application/json; charset=utf-8", POSTED),
    _typed("charset-quoted", 'application/json;charset="UTF-8"', POSTED),
    _typed("spaces-around", "  application/json  ", POSTED),
    _typed("charset-utf-16", "application/json; charset=utf-16", Alike((201, 415))),
    _typed("unknown-parameter", "application/json; profile=x", Alike((201, 415))),
    _typed("problem-json", "application/problem+json", Alike((201, 415))),
    _typed("text-json", "text/json", Alike((201, 415))),
    _typed("text-plain", "text/plain", UNSUPPORTED),
    _typed("form", "application/x-www-form-urlencoded", UNSUPPORTED),
    _typed("multipart", "multipart/form-data; boundary=x", UNSUPPORTED),
    _typed("xml", "application/xml", UNSUPPORTED),
    _typed("jsonp", "application/jsonp", UNSUPPORTED),
    _typed("json-in-a-parameter", "text/plain; a=application/json", UNSUPPORTED),
    _typed("two-in-one", "text/plain, application/json", UNSUPPORTED),
    _typed("any", "*/*", UNSUPPORTED),
    _typed("nonsense", "json", UNSUPPORTED),
    _typed("empty", "", UNSUPPORTED),
    Case("content-type-absent", MESSAGES, UNSUPPORTED, HI, headers=()),
    _with("content-encoding-gzip", UNSUPPORTED, ("Content-Encoding", "gzip")),
    _with("content-encoding-br", UNSUPPORTED, ("Content-Encoding", "br")),
    _with("content-encoding-twice", UNSUPPORTED, ("Content-Encoding", "identity, gzip")),
    _with("content-encoding-identity", POSTED, ("Content-Encoding", "identity")),
    _with("content-encoding-identity-in-capitals", POSTED, ("Content-Encoding", "Identity")),
    _with("accept-xml-ignored", POSTED, ("Accept", "application/xml")),
    _with("traceparent", POSTED, ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")),
    _with("traceparent-nonsense", POSTED, ("traceparent", "nonsense")),
    _with("method-override-ignored", POSTED, ("X-HTTP-Method-Override", "DELETE")),
    _with("if-none-match-ignored", POSTED, ("If-None-Match", "*")),
    _with("range-ignored", POSTED, ("Range", "bytes=0-1")),
]

KEYS = [
    _key("bare", "abc", POSTED),
    _key("quoted", '"abc"', POSTED),
    _key("uuid", "9b2a3c0e-6f0e-4b76-8a2e-0d6d5a0a7c11", POSTED),
    _key("of-255-characters", "k" * 255, POSTED),
    _key("of-255-characters-quoted", f'"{"k" * 255}"', POSTED),
    _key("punctuation", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", POSTED),
    _key("space-inside", "a b", Alike((201, 400))),
    _key("quote-inside", 'a"b', Alike((201, 400))),
    _key("quote-unbalanced", '"abc', Alike((201, 400))),
    _key("one-quote", '"', Alike((201, 400))),
    _key("empty", "", BAD_KEY),
    _key("white-space", "  ", BAD_KEY),
    _key("quoted-empty", '""', BAD_KEY),
    _key("of-256-characters", "k" * 256, BAD_KEY),
    _key("of-256-characters-quoted", f'"{"k" * 256}"', BAD_KEY),
    _key("of-5000-characters", "k" * 5_000, BAD_KEY),
    _key("non-ascii", "schlüssel", BAD_KEY),
    _key("non-ascii-quoted", '"ключ"', BAD_KEY),
    _key("latin-1", b"\xe9", BAD_KEY),
    _key("tab", "a\tb", BAD_KEY),
    Case("key-bad-on-chats", CHATS, BAD_KEY, None, [("Idempotency-Key", "k" * 256)]),
    Case("key-good-on-chats", CHATS, chat(2), None, [("Idempotency-Key", "k")]),
]

PREFER = [
    _with("prefer-absent", POSTED._replace(headers={"Preference-Applied": None, "Idempotent-Replayed": None})),
    _prefer("wait", "wait", applied=True),
    _prefer("wait-1", "wait=1", applied=True),
    _prefer("wait-0-clamped", "wait=0", applied=True),
    _prefer("wait-999-clamped", "wait=999", applied=True),
    _prefer("wait-of-400-digits-clamped", f"wait={'9' * 400}", applied=True),
    _prefer("wait-in-capitals", "Wait=5", applied=True),
    _prefer("wait-behind-others", "return=minimal, wait=5", applied=True),
    _prefer("wait-in-front-of-others", "wait=5, return=minimal; foo=bar", applied=True),
    _prefer("wait-spaced", "  wait = 5 ", applied=True),
    _prefer("wait-quoted", 'wait="5"', applied=True),
    _prefer("wait-abc", "wait=abc", applied=False),
    _prefer("wait-minus-1", "wait=-1", applied=False),
    _prefer("wait-1.5", "wait=1.5", applied=False),
    _prefer("wait-arabic", "wait=١", applied=False),
    _prefer("waiting", "waiting", applied=False),
    _prefer("respond-async", "respond-async", applied=False),
    _prefer("empty", "", applied=False),
    Case(
        "prefer-on-chats", CHATS, chat(2)._replace(headers={"Preference-Applied": "wait"}), None, [("Prefer", "wait")]
    ),
]

CASES = CONTENT_TYPES + KEYS + PREFER
