"""Recorded answers: POST messages, by the fields of a message."""

from __future__ import annotations

import re

from tests.api.recorded.cases import (
    ANY,
    MESSAGES,
    NOT_JSON,
    Alike,
    Case,
    blank,
    dumps,
    json_case,
    message,
    wrong,
)

BODY_LIMIT = re.compile(r"65,?535")
LIMIT_OF_255 = re.compile(r"255")
SUSHI = "🍣"
INVISIBLE = [
    "", " ", "\t\r\n", "\u00a0", "\u3000", "\u2028", "\u200b", "\u200c\u200d", "\ufeff", "\u2060", " \u200b \ufeff\n"
]  # fmt: skip


def post(name: str, value: object, answer: object) -> Case:
    """Make a case that posts a JSON value as a message."""
    return json_case(name, MESSAGES, value, answer)  # type: ignore[arg-type]


def _echo(name: str, **fields: object) -> Case:
    return post(name, fields, message()._replace(body={"number": 1, **fields, "created_at": "{time}"}))


def _metadata(name: str, raw: bytes, compact: bytes, parsed: object) -> Case:
    body = b'{"body":"hi","metadata":' + raw + b"}"
    return Case(name, MESSAGES, message(body="hi", metadata=parsed, contains=b'"metadata":' + compact), body)


BODIES = [
    _echo("flat", body="hi"),
    post("wrapped", {"message": {"body": "hi"}}, message(body="hi")),
    post("wrapped-wins", {"body": "flat", "message": {"body": "wrapped"}}, message(body="wrapped")),
    post("wrapper-empty-wins", {"body": "flat", "message": {}}, blank()),
    post("wrapper-of-a-chat-ignored", {"chat": {"body": "hi"}}, blank()),
    post("chat-application-wrapper-ignored", {"body": "hi", "chat_application": 3, "chat": "x"}, message(body="hi")),
    Case("alias", MESSAGES.replace("{base}", "{alias}"), message(body="hi"), b'{"body":"hi"}'),
    _echo("spaces-around-stay", body="  hi \n"),
    _echo("emoji", body="👩‍👩‍👧‍👦 🏳️‍🌈"),
    _echo("composed-and-decomposed-stay", body="\u00e9 e\u0301"),
    _echo("c0-c1-and-bidi-stay", body="\x01\x1b[31m\x7f\x85\u202e\u2028\ufffe\ufdd0"),
    _echo("last-code-point", body="\U0010ffff"),
    _echo("html", body="<script>alert(1)</script>"),
    post("escaped-pair", {}, message(body=SUSHI))._replace(body=b'{"body":"\\ud83c\\uDF63"}'),
    post("escaped-backslash-before-u", {}, message(body="\\ud800"))._replace(body=b'{"body":"\\\\ud800"}'),
    post("escaped-solidus", {}, message(body="a/b"))._replace(body=b'{"body":"a\\/b"}'),
    post("member-name-in-escapes", {}, message(body="hi"))._replace(body=b'{"\\u0062ody":"hi"}'),
    post("body-twice-the-last-wins", {}, message(body="last"))._replace(body=b'{"body":"first","body":"last"}'),
    post("wrapper-twice-the-last-wins", {}, message(body="last"))._replace(
        body=b'{"message":{"body":"first"},"message":{"body":"last"}}'
    ),
    _echo("of-65535-bytes", body="a" * 65_535),
    _echo("of-65535-bytes-in-4-byte-characters", body=SUSHI * 16_383 + "abc"),
    post("of-65535-bytes-all-escaped", {}, message(body="A" * 65_535))._replace(
        body=b'{"body":"' + b"\\u0041" * 65_535 + b'"}'
    ),
    post("of-65536-bytes", {"body": "a" * 65_536}, wrong("body", BODY_LIMIT)),
    post("of-65536-bytes-in-4-byte-characters", {"body": SUSHI * 16_384}, wrong("body", BODY_LIMIT)),
    post("of-65536-bytes-escaped", {}, wrong("body", BODY_LIMIT))._replace(
        body=b'{"body":"' + b"\\u0041" * 65_536 + b'"}'
    ),
    *[post(f"blank-{n}", {"body": text}, blank()) for n, text in enumerate(INVISIBLE)],
    post("blank-of-70000-spaces", {"body": " " * 70_000}, wrong("body", ANY)),
    _echo("zero-width-inside", body="a\u200bb"),
    post("missing", {}, blank()),
    post("missing-but-sender", {"sender": "ann"}, blank()),
    post("null", {"body": None}, wrong("body")),
    post("a-number", {"body": 1}, wrong("body")),
    post("a-float", {"body": 1.5}, wrong("body")),
    post("true", {"body": True}, wrong("body")),
    post("a-list", {"body": ["hi"]}, wrong("body")),
    post("an-object", {"body": {"body": "hi"}}, wrong("body")),
    post("with-nul", {"body": "a\0b"}, wrong("body")),
    post("only-nul", {"body": "\0"}, wrong("body")),
    post("nul-in-unknown-member", {"body": "hi", "x": "\0"}, Alike((201, 422))),
    Case("no-body-at-all", MESSAGES, NOT_JSON, None, headers=()),
    Case("empty-body", MESSAGES, NOT_JSON, b""),
]

SENDERS = [
    _echo("sender", body="hi", sender="ann"),
    post("sender-wrapped", {"message": {"body": "hi", "sender": "ann"}}, message(body="hi", sender="ann")),
    post("sender-beside-the-wrapper-ignored", {"message": {"body": "hi"}, "sender": "ann"}, message(body="hi")),
    _echo("sender-of-255-characters", body="hi", sender=SUSHI * 255),
    post("sender-of-256-characters", {"body": "hi", "sender": "a" * 256}, wrong("sender", LIMIT_OF_255)),
    post("sender-a-number", {"body": "hi", "sender": 7}, wrong("sender")),
    post("sender-a-list", {"body": "hi", "sender": []}, wrong("sender")),
    post("sender-with-nul", {"body": "hi", "sender": "a\0"}, wrong("sender")),
    post("sender-null", {"body": "hi", "sender": None}, Alike((201,))),
    post("sender-empty", {"body": "hi", "sender": ""}, Alike((201, 422))),
    post("sender-white-space", {"body": "hi", "sender": " "}, Alike((201, 422))),
    post("unknown-members-ignored", {"body": "hi", "color": "red", "n": [1, {"b": None}]}, message(body="hi")),
    post(
        "number-times-edited-not-settable",
        {"body": "hi", "number": 99, "id": 7, "token": "x", "edited": True, "created_at": "2001-01-01T00:00:00.000Z"},
        message(body="hi"),
    ),
    post("wrong-body-and-sender", {"body": "", "sender": 7}, Alike((422,))),
]

_EDGE = 4_096 - len(b'{"k":""}')

METADATA = [
    _metadata("metadata-empty", b"{ }", b"{}", {}),
    _metadata(
        "metadata-compact", b'{ "a" : [ 1 , 2 ] ,\n"b": "x y" }', b'{"a":[1,2],"b":"x y"}', {"a": [1, 2], "b": "x y"}
    ),
    _metadata("metadata-order-stays", b'{"z":1,"a":2,"m":3}', b'{"z":1,"a":2,"m":3}', {"z": 1, "a": 2, "m": 3}),
    _metadata("metadata-1e2-stays", b'{"n": 1e2}', b'{"n":1e2}', {"n": 100.0}),
    _metadata("metadata-minus-0-stays", b'{"n": -0}', b'{"n":-0}', {"n": 0}),
    _metadata("metadata-1.0-stays", b'{"n":1.0,"m":1.50}', b'{"n":1.0,"m":1.50}', {"n": 1.0, "m": 1.5}),
    _metadata("metadata-big-number-stays", b'{"n":%s}' % (b"9" * 50), b'{"n":%s}' % (b"9" * 50), {"n": int("9" * 50)}),
    _metadata("metadata-17-digits-stay", b'{"n":0.10000000000000001}', b'{"n":0.10000000000000001}', {"n": 0.1}),
    _metadata("metadata-2-to-64-stays", b'{"n":18446744073709551616}', b'{"n":18446744073709551616}', {"n": 2**64}),
    _metadata("metadata-1e400-stays", b'{"n":1e400}', b'{"n":1e400}', {"n": float("inf")}),
    _metadata("metadata-text", '{"ключ":"世界 🍣"}'.encode(), '{"ключ":"世界 🍣"}'.encode(), {"ключ": "世界 🍣"}),
    _metadata("metadata-space-in-a-string-stays", b'{"a":" , : "}', b'{"a":" , : "}', {"a": " , : "}),
    _metadata("metadata-quotes", b'{"a\\"b":"\\\\\\" , "}', b'{"a\\"b":"\\\\\\" , "}', {'a"b': '\\" , '}),
    _metadata("metadata-nested", b'{"a":{"b":{"c":[null,true,false]}}}', b"", {"a": {"b": {"c": [None, True, False]}}}),
    _echo("metadata-of-4096-bytes", body="hi", metadata={"k": "a" * _EDGE}),
    post(
        "metadata-of-4097-bytes",
        {"body": "hi", "metadata": {"k": "a" * (_EDGE + 1)}},
        wrong("metadata", re.compile("4")),
    ),
    post(
        "metadata-of-4098-bytes-in-4-byte-characters",
        {"body": "hi", "metadata": {"k": SUSHI * 1_023}},
        wrong("metadata"),
    ),
    Case(
        "metadata-large-before-it-is-compact",
        MESSAGES,
        Alike((201, 422)),
        b'{"body":"hi","metadata":{%s}}' % (b" " * 9_000),
    ),
    *[
        post(f"metadata-{name}", {"body": "hi", "metadata": value}, wrong("metadata"))
        for name, value in {"list": [], "string": "{}", "number": 1, "true": True}.items()
    ],
    post("metadata-null", {"body": "hi", "metadata": None}, Alike((201, 422))),
    post("metadata-with-nul", {"body": "hi", "metadata": {"a": "\0"}}, wrong("metadata")),
    post("metadata-with-nul-in-a-name", {"body": "hi", "metadata": {"\0": 1}}, wrong("metadata")),
    Case("metadata-member-twice", MESSAGES, Alike((201,)), b'{"body":"hi","metadata":{"a":1,"a":2}}'),
    Case(
        "metadata-twice-the-last-wins",
        MESSAGES,
        message(body="hi", metadata={"a": 2}),
        b'{"metadata":{"a":1},"body":"hi","metadata":{"a":2}}',
    ),
    Case("trailing-white-space", MESSAGES, message(body="hi"), dumps({"body": "hi"}) + b" \r\n\t "),
]

CASES = BODIES + SENDERS + METADATA
