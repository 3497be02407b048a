"""Messages on the full API: reading back, editing, deleting; numbers in paths."""

from __future__ import annotations

import pytest

from tests.api.recorded import paths
from tests.support.answers import TIME, check_problem
from tests.support.client import JSON_TYPE, Client
from tests.support.polling import now, wait_for
from tests.support.tenant import Tenant, expect

BOTH_METHODS = pytest.mark.parametrize("method", ["PATCH", "PUT"])


@pytest.mark.parametrize("port", ["api", "write"])
def test_a_message_is_there_at_once(port: str, services: dict[str, Client]) -> None:
    """An application, a chat, a message in one breath; the message is in GET and in the list."""
    api = services["api"]
    chat = Tenant(api).create_chat()
    answer = services[port].json(
        "POST", f"{chat}/messages", {"body": " hi ", "sender": "ann", "metadata": {"b": 1, "a": 2}}
    )

    created = expect(answer, 201)
    message = expect(api.get(answer.header("Location") or ""), 200)
    assert list(created) == ["number", "body", "sender", "metadata", "created_at"]
    assert message == {**created, "updated_at": created["created_at"]}
    assert list(message["metadata"]) == ["b", "a"]
    assert expect(api.get(f"{chat}/messages"), 200) == [message]


def test_a_plain_message_has_exactly_its_members(api: Client, chat: str, application: Tenant) -> None:
    """Six members; sender and metadata are null when they were not given; not `edited` before the first edit."""
    application.post(chat, "hi")

    message = expect(api.get(f"{chat}/messages/1"), 200)

    assert sorted(message) == ["body", "created_at", "metadata", "number", "sender", "updated_at"]
    assert (message["number"], message["body"], message["sender"], message["metadata"]) == (1, "hi", None, None)
    assert TIME.fullmatch(message["created_at"])


def test_metadata_comes_back_as_it_was_admitted(api: Client, write: Client, chat: str) -> None:
    """Compact, in its order, numbers as they were written; in the object and in the list."""
    body = b'{"body":"hi","metadata":{ "z": 1e2, "a": -0, "m": [1.0, 12345678901234567890123] }}'
    expect(write.request("POST", f"{chat}/messages", body, [JSON_TYPE]), 201)

    for answer in (api.get(f"{chat}/messages/1"), api.get(f"{chat}/messages")):
        assert b'"metadata":{"z":1e2,"a":-0,"m":[1.0,12345678901234567890123]}' in answer.body


@pytest.mark.parametrize("count", [1, 2, 1_000])
def test_a_bulk_is_stored_in_order(count: int, api: Client, write: Client, chat: str, application: Tenant) -> None:
    """Consecutive numbers, whichever port is asked."""
    bodies = [f"message {n}" for n in range(count)]
    value = {"messages": [{"body": body} for body in bodies]}
    application.post(chat, "before")

    numbers = expect(write.json("POST", f"{chat}/messages/bulk", value), 201)["numbers"]

    assert numbers == list(range(2, count + 2))
    rows = expect(api.get(f"{chat}/messages?after={count + 1 - min(count, 100)}&limit=100"), 200)
    assert [row["body"] for row in rows] == bodies[-100:]


@pytest.mark.parametrize("port", ["api", "write"])
def test_a_refused_bulk_leaves_nothing(port: str, services: dict[str, Client], chat: str) -> None:
    """All or nothing."""
    refused = services[port].json("POST", f"{chat}/messages/bulk", {"messages": [{"body": "a"}, {"body": ""}]})

    assert refused.status == 422
    assert expect(services["api"].get(f"{chat}/messages"), 200) == []


@BOTH_METHODS
@pytest.mark.parametrize("value", [{"body": " new 🍣 "}, {"message": {"body": " new 🍣 "}, "body": "flat"}])
def test_a_client_edits_a_message(method: str, value: object, api: Client, chat: str, application: Tenant) -> None:
    """200 with the new state and `edited: true`; number, time, sender and metadata stay."""
    application.post(chat, "old", sender="ann", metadata={"a": 1})
    before = expect(api.get(f"{chat}/messages/1"), 200)
    wait_for(lambda: now() > before["created_at"], "the clock goes on")

    answer = api.json(method, f"{chat}/messages/1", value)

    after = expect(answer, 200)
    assert after["updated_at"] > before["updated_at"]
    assert after == {**before, "body": " new 🍣 ", "updated_at": after["updated_at"], "edited": True}
    assert expect(api.get(f"{chat}/messages/1"), 200) == after
    assert expect(api.get(f"{chat}/messages"), 200) == [after]


@BOTH_METHODS
@pytest.mark.parametrize(
    "body", ["", " ", "\u200b", "a" * 65_536, "a\0", None, 7, True, ["x"]], ids=lambda b: repr(b)[:9]
)
def test_a_wrong_edit_changes_nothing(method: str, body: object, api: Client, chat: str, application: Tenant) -> None:
    """422 naming the body; the message is neither changed nor `edited`."""
    application.post(chat, "old")
    before = api.get(f"{chat}/messages/1")

    answer = api.json(method, f"{chat}/messages/1", {"body": body})

    assert answer.status == 422
    assert list(check_problem(answer)["errors"]) == ["body"]
    assert api.get(f"{chat}/messages/1").body == before.body


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"body":"\xff"}', b'{"body":"\\ud800"}', b'{"message":[]}', b"[" * 100_000]
)
def test_an_edit_that_is_not_a_json_object_is_refused(body: bytes, api: Client, chat: str, application: Tenant) -> None:
    """400, at once."""
    application.post(chat, "old")

    answer = api.request("PATCH", f"{chat}/messages/1", body, [JSON_TYPE])

    assert answer.status == 400
    check_problem(answer)


def test_an_edit_of_another_type_is_refused(api: Client, chat: str, application: Tenant) -> None:
    """415 before the message is looked for; 413 too."""
    application.post(chat, "old")
    text = [("Content-Type", "text/plain")]

    assert api.request("PATCH", f"{chat}/messages/1", b'{"body":"x"}', text).status == 415
    assert api.request("PATCH", f"{chat}/messages/9", b'{"body":"x"}', text).status == 415
    assert api.request("PATCH", f"{chat}/messages/9", b" " * (1024 * 1024 + 1), [JSON_TYPE]).status == 413
    assert api.request("PATCH", f"{chat}/messages/9", b"{", [JSON_TYPE]).status == 404


def test_a_deleted_message_is_gone(api: Client, chat: str, application: Tenant) -> None:
    """204, then 404 and in no list; its number is never given again, also when it was the last."""
    for body in ("a", "b", "c"):
        application.post(chat, body)
    for number in (1, 3):
        answer = api.request("DELETE", f"{chat}/messages/{number}")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.header("Content-Type") is None

    gone = [api.json(method, f"{chat}/messages/{number}", {"body": "x"} if method in {"PATCH", "PUT"} else None)
            for method in ("GET", "PATCH", "PUT", "DELETE") for number in (1, 3)]  # fmt: skip

    for answer in gone:
        assert answer.status == 404
        assert check_problem(answer)["error"] == "Message not found"
    assert [row["number"] for row in expect(api.get(f"{chat}/messages"), 200)] == [2]
    assert application.post(chat, "d") == 4


@pytest.mark.parametrize("number", ["1", "2", "999", "9223372036854775807"])
def test_an_unknown_message_is_not_found(number: str, api: Client, chat: str) -> None:
    """404 with the sentence that older clients know."""
    for method in ("GET", "PATCH", "DELETE"):
        answer = api.json(method, f"{chat}/messages/{number}", {"body": "x"} if method == "PATCH" else None)

        assert answer.status == 404
        assert check_problem(answer)["error"] == "Message not found"


@pytest.mark.parametrize("number", paths.NO_NUMBERS, ids=lambda number: number[:12])
def test_a_bad_number_is_not_found(number: str, api: Client, chat: str, application: Tenant) -> None:
    """On every route with a number, of a chat or of a message, with every method."""
    application.post(chat, "hi")
    targets = [f"{application.path}/chats/{number}", f"{chat}/messages/{number}"]
    below = f"{application.path}/chats/{number}/messages"

    answers = [
        api.json(method, target, {"body": "x", "title": "x"} if method in {"PATCH", "PUT"} else None)
        for target in targets
        for method in ("GET", "PATCH", "PUT", "DELETE")
    ]
    answers += [api.get(target) for target in (below, f"{below}/1", f"{below}/search?q=x")]

    for answer in answers:
        assert answer.status == 404, answer
        check_problem(answer, application.token)


@pytest.mark.parametrize("bits", [62, 63])
def test_a_number_of_63_bits_is_a_number(bits: int, api: Client, chat: str) -> None:
    """The largest is only unknown, never an error of the server."""
    answer = api.get(f"{chat}/messages/{2**bits - 1}")

    assert check_problem(answer)["error"] == "Message not found"


ROUTES = {
    "": {"GET", "HEAD", "POST"},
    "/{t}": {"GET", "HEAD", "PATCH", "PUT", "DELETE"},
    "/{t}/chats": {"GET", "HEAD", "POST"},
    "/{t}/chats/1": {"GET", "HEAD", "PATCH", "PUT", "DELETE"},
    "/{t}/chats/1/messages": {"GET", "HEAD", "POST"},
    "/{t}/chats/1/messages/bulk": {"POST"},
    "/{t}/chats/1/messages/search": {"GET", "HEAD"},
    "/{t}/chats/1/messages/1": {"GET", "HEAD", "PATCH", "PUT", "DELETE"},
}


@pytest.mark.parametrize("route", ROUTES)
def test_a_wrong_method_names_the_right_ones(route: str, api: Client, chat: str, application: Tenant) -> None:
    """405 with `Allow` for every method that the path does not have, known to HTTP or not."""
    application.post(chat, "hi")
    target = application.path.rsplit("/", 1)[0] + route.replace("{t}", application.token)
    methods = {"POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get", "Post", "PROPFIND"} - ROUTES[route]

    for method in sorted(methods):
        answer = api.request(method, target)

        assert answer.status == 405, (method, answer)
        check_problem(answer, application.token)
        allowed = {name.strip() for name in (answer.header("Allow") or "").split(",")}
        assert allowed - {"OPTIONS"} == ROUTES[route], method
