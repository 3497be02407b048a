"""Chats: numbers, titles, counts, deletion."""

from __future__ import annotations

import re

import pytest

from tests.support.answers import TIME, check_problem
from tests.support.client import JSON_TYPE, Client
from tests.support.polling import now, wait_for
from tests.support.tenant import Tenant, expect

MEMBERS = ["number", "messages_count", "title", "created_at", "updated_at"]
BOTH_METHODS = pytest.mark.parametrize("method", ["PATCH", "PUT"])


def test_chats_are_numbered_from_1(api: Client, write: Client, application: Tenant) -> None:
    """1, 2, 3 per application, whichever port is asked."""
    created = [expect(client.request("POST", f"{application.path}/chats"), 201) for client in (api, write, write, api)]

    assert [chat["number"] for chat in created] == [1, 2, 3, 4]
    assert expect(Tenant(api).api.json("POST", f"{Tenant(api).path}/chats"), 201)["number"] == 1


def test_a_location_leads_to_the_chat(write: Client, api: Client, application: Tenant) -> None:
    """`Location` of either port is a path of the full API."""
    answer = write.json("POST", f"{application.path}/chats", {"title": "Support"})

    chat = expect(api.get(answer.header("Location") or ""), 200)
    assert (chat["number"], chat["title"]) == (1, "Support")


def test_a_chat_has_exactly_its_members(api: Client, application: Tenant) -> None:
    """Five members, no database id; a new chat was not updated since its creation."""
    chat = expect(api.get(application.create_chat("Support")), 200)

    assert sorted(chat) == sorted(MEMBERS)
    assert (chat["number"], chat["messages_count"], chat["title"]) == (1, 0, "Support")
    assert TIME.fullmatch(chat["created_at"])
    assert chat["updated_at"] == chat["created_at"]
    assert expect(api.get(f"{application.path}/chats"), 200) == [chat]


@BOTH_METHODS
@pytest.mark.parametrize(
    ("value", "title"),
    [
        ({"title": "New"}, "New"),
        ({"chat": {"title": "New"}}, "New"),
        ({"chat": {"title": "New"}, "title": "flat"}, "New"),
        ({"title": "🍣" * 255}, "🍣" * 255),
        ({"title": None}, None),
        ({"title": "New", "number": 7, "messages_count": 3, "created_at": "x"}, "New"),
    ],
    ids=["flat", "wrapped", "wrapped-wins", "longest", "null", "others-ignored"],
)
def test_a_client_retitles_a_chat(
    method: str, value: object, title: str | None, api: Client, application: Tenant
) -> None:
    """200 with the new state; everything else stays."""
    chat = application.create_chat("Old")
    before = expect(api.get(chat), 200)
    wait_for(lambda: now() > before["created_at"], "the clock goes on")

    answer = api.json(method, chat, value)

    after = expect(answer, 200)
    assert after["title"] == title
    assert after["updated_at"] > before["updated_at"]
    assert {**after, "title": "Old", "updated_at": before["updated_at"]} == before
    assert expect(api.get(chat), 200) == after


@BOTH_METHODS
@pytest.mark.parametrize(
    "value", [{}, {"number": 7}, {"chat": {}}, {"chat": {}, "title": "x"}, {"message": {"title": "x"}}]
)
def test_a_change_of_nothing_is_refused(method: str, value: object, api: Client, chat: str) -> None:
    """422 with the sentence that older clients know."""
    answer = api.json(method, chat, value)

    assert answer.status == 422
    assert check_problem(answer)["error"] == "No attributes to update"


@BOTH_METHODS
@pytest.mark.parametrize("title", ["x" * 256, 7, True, ["x"], {"a": 1}, "a\0b"], ids=lambda title: repr(title)[:12])
def test_a_wrong_title_is_refused(method: str, title: object, api: Client, chat: str) -> None:
    """422 naming the member."""
    answer = api.json(method, chat, {"title": title})

    assert answer.status == 422
    assert list(check_problem(answer)["errors"]) == ["title"]
    assert expect(api.get(chat), 200)["title"] is None


@BOTH_METHODS
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"title":', b'{"title":"\xff"}', b'{"chat":1}', b'{"x":"\\udc00"}']
)
def test_what_is_not_a_json_object_is_refused(method: str, body: bytes, api: Client, chat: str) -> None:
    """400 before anything is looked at."""
    answer = api.request(method, chat, body, [JSON_TYPE])

    assert answer.status == 400
    check_problem(answer)


def test_a_deleted_chat_is_gone(api: Client, write: Client, application: Tenant) -> None:
    """204, then 404 for it and all below on both ports; its number is never given again."""
    chats = [application.create_chat() for _ in range(3)]
    application.post(chats[2], "hi")
    answer = api.request("DELETE", chats[2])
    assert (answer.status, answer.body) == (204, b"")

    message = f"{chats[2]}/messages/1"
    asked = [
        ("GET", chats[2]), ("PATCH", chats[2]), ("DELETE", chats[2]), ("GET", f"{chats[2]}/messages"),
        ("POST", f"{chats[2]}/messages"), ("POST", f"{chats[2]}/messages/bulk"), ("GET", message),
        ("PATCH", message), ("DELETE", message), ("GET", f"{chats[2]}/messages/search?q=hi"),
    ]  # fmt: skip
    answers = [api.json(method, path, {"x": 1} if method in {"POST", "PATCH"} else None) for method, path in asked]
    answers += [write.json("POST", path, {"x": 1}) for method, path in asked if method == "POST"]

    for gone in answers:
        assert gone.status == 404
        assert check_problem(gone, application.token)["error"] == "Chat not found"
    assert [chat["number"] for chat in expect(api.get(f"{application.path}/chats"), 200)] == [1, 2]
    assert application.create_chat().endswith("/4")


def test_messages_are_counted(api: Client, write: Client, chat: str, application: Tenant) -> None:
    """Live messages, within 5 s of the last write; edits do not count."""
    application.post_many(chat, ["a"] * 10)
    expect(write.json("POST", f"{chat}/messages", {"body": "b"}), 201)
    expect(api.json("PATCH", f"{chat}/messages/1", {"body": "c"}), 200)
    expect(api.request("DELETE", f"{chat}/messages/2"), 204)

    wait_for(lambda: expect(api.get(chat), 200)["messages_count"] == 10, "messages_count is 10", timeout_s=5)


def test_a_problem_shows_no_token(api: Client, application: Tenant) -> None:
    """`instance` is the request's name and never a path."""
    answer = api.get(f"{application.path}/chats/9")

    problem = check_problem(answer, application.token)
    assert problem["error"] == "Chat not found"
    assert re.fullmatch(r"urn:parley:request:[A-Za-z0-9._-]+", problem["instance"])
