"""Recorded answers: POST messages/bulk."""

from __future__ import annotations

import re

from tests.api.recorded.cases import ANY, BULK, NOT_JSON, Alike, Case, Created, Problem, blank, json_case, wrong


def _numbers(count: int) -> Created:
    return Created({"numbers": list(range(1, count + 1))})


def _bulk(name: str, messages: object, answer: Created | Problem | Alike) -> Case:
    return json_case(name, BULK, {"messages": messages}, answer)


def _good(count: int) -> list[object]:
    return [{"body": f"m{n}"} for n in range(count)]


THIRD_BLANK = [*_good(3), {"body": " "}, *_good(2)]

CASES = [
    _bulk("of-1", _good(1), _numbers(1)),
    _bulk("of-2", _good(2), _numbers(2)),
    _bulk("of-1000", _good(1_000), _numbers(1_000)),
    _bulk("of-0", [], wrong("messages")),
    _bulk("of-1001", _good(1_001), wrong("messages", re.compile(r"1,?000"))),
    _bulk("with-fields", [{"body": "a", "sender": "ann", "metadata": {"b": 1}}, {"body": "c"}], _numbers(2)),
    _bulk("unknown-members-ignored", [{"body": "a", "number": 9, "x": [1]}], _numbers(1)),
    Case("alias", BULK.replace("{base}", "{alias}"), _numbers(1), b'{"messages":[{"body":"a"}]}'),
    _bulk("bad-one-named", THIRD_BLANK, blank("messages[3].body")),
    _bulk("first-bad-one-named", [*THIRD_BLANK, {"body": 1}], blank("messages[3].body")),
    _bulk("bad-first-one", [{"body": ""}], blank("messages[0].body")),
    _bulk("bad-last-one", [*_good(999), {}], blank("messages[999].body")),
    _bulk("bad-sender", [*_good(1), {"body": "a", "sender": 1}], wrong("messages[1].sender")),
    _bulk("long-sender", [*_good(1), {"body": "a", "sender": "a" * 256}], wrong("messages[1].sender")),
    _bulk("bad-metadata", [{"body": "a", "metadata": []}], wrong("messages[0].metadata")),
    _bulk("long-body", [*_good(1), {"body": "a" * 65_536}], wrong("messages[1].body", re.compile(r"65,?535"))),
    _bulk("nul", [*_good(2), {"body": "a\0"}], wrong("messages[2].body")),
    _bulk("wrong-type-of-body", [{"body": None}], wrong("messages[0].body")),
    _bulk("element-a-string", [*_good(1), "hi"], wrong("messages[1]")),
    _bulk("element-null", [None], wrong("messages[0]")),
    _bulk("element-a-list", [[]], wrong("messages[0]")),
    _bulk("messages-an-object", {"body": "a"}, wrong("messages")),
    _bulk("messages-a-string", "hi", wrong("messages")),
    _bulk("messages-null", None, wrong("messages")),
    json_case("messages-missing", BULK, {}, wrong("messages")),
    json_case("a-single-message", BULK, {"body": "hi"}, wrong("messages")),
    Case("top-level-list", BULK, NOT_JSON, b'[{"body":"a"}]'),
    Case("broken-json", BULK, NOT_JSON, b'{"messages":[{"body":"a"}'),
    Case("bad-utf-8-in-one", BULK, NOT_JSON, b'{"messages":[{"body":"a"},{"body":"\xff"}]}'),
    Case("lone-surrogate-in-one", BULK, NOT_JSON, b'{"messages":[{"body":"a"},{"body":"\\ud800"}]}'),
    Case("no-body", BULK, Problem(400, error=ANY), None, headers=()),
]
