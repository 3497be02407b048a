"""Recorded answers: POST chats."""

from __future__ import annotations

from tests.api.recorded.cases import (
    ANY,
    CHATS,
    NOT_JSON,
    UNSUPPORTED,
    Alike,
    Case,
    chat,
    json_case,
    wrong,
)

LONG = "🍣" * 255

CASES = [
    Case("no-body", CHATS, chat(2), headers=()),
    Case("no-body-but-a-content-type", CHATS, chat(2)),
    Case("no-body-and-text-plain", CHATS, chat(2), headers=[("Content-Type", "text/plain")]),
    Case("empty-body", CHATS, chat(2), b""),
    Case("empty-body-without-content-type", CHATS, chat(2), b"", headers=()),
    Case("empty-object", CHATS, chat(2), b"{}"),
    Case("empty-object-in-white-space", CHATS, chat(2), b" \r\n\t{ } \n"),
    Case("query-ignored", CHATS + "?number=9&x=%00", chat(2), headers=()),
    json_case("title", CHATS, {"title": "Support"}, chat(2, "Support")),
    json_case("title-null", CHATS, {"title": None}, chat(2)),
    json_case("title-wrapped", CHATS, {"chat": {"title": "Support"}}, chat(2, "Support")),
    json_case("title-wrapped-wins", CHATS, {"title": "flat", "chat": {"title": "wrapped"}}, chat(2, "wrapped")),
    json_case("wrapper-empty-wins", CHATS, {"title": "flat", "chat": {}}, chat(2)),
    json_case("wrapper-of-others-ignored", CHATS, {"message": {"title": "x"}}, chat(2)),
    json_case("title-of-255-characters", CHATS, {"title": LONG}, chat(2, LONG)),
    json_case("title-of-256-characters", CHATS, {"title": "a" * 256}, wrong("title", ANY)),
    json_case("title-a-number", CHATS, {"title": 7}, wrong("title")),
    json_case("title-a-list", CHATS, {"title": ["x"]}, wrong("title")),
    json_case("title-an-object", CHATS, {"title": {"a": 1}}, wrong("title")),
    json_case("title-true", CHATS, {"title": True}, wrong("title")),
    json_case("title-with-nul", CHATS, {"title": "a\0b"}, wrong("title")),
    json_case("title-empty", CHATS, {"title": ""}, Alike((201, 422))),
    json_case("title-white-space", CHATS, {"title": " \t"}, Alike((201, 422))),
    json_case("title-with-white-space-around", CHATS, {"title": "  x  "}, Alike((201,))),
    json_case("title-twice-the-last-wins", CHATS, {"title": "x"}, chat(2, "last"))._replace(
        body=b'{"title":"first","title":"last"}'
    ),
    json_case("unknown-members-ignored", CHATS, {"color": "red", "a": [1, {"b": None}]}, chat(2)),
    json_case(
        "number-counts-times-not-settable",
        CHATS,
        {"number": 99, "messages_count": 7, "token": "x", "created_at": "2001-01-01T00:00:00.000Z", "updated_at": 1},
        chat(2),
    ),
    Case("wrapper-a-string", CHATS, NOT_JSON, b'{"chat":"x"}'),
    Case("wrapper-a-list", CHATS, NOT_JSON, b'{"chat":[]}'),
    Case("wrapper-null", CHATS, NOT_JSON, b'{"chat":null}'),
    Case("top-level-list", CHATS, NOT_JSON, b"[]"),
    Case("top-level-null", CHATS, NOT_JSON, b"null"),
    Case("white-space-only", CHATS, Alike((201, 400)), b"  \n"),
    Case("broken-json", CHATS, NOT_JSON, b'{"title":'),
    Case("text-plain", CHATS, UNSUPPORTED, b"{}", [("Content-Type", "text/plain")]),
    Case("alias", CHATS.replace("{base}", "{alias}"), chat(2), headers=()),
]
