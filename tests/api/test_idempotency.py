"""Idempotency-Key: a repeat gives the first answer again, on either service, whatever happened since."""

from __future__ import annotations

import threading
from itertools import product

import pytest

from tests.api.recorded.cases import comparable
from tests.support.answers import check_problem
from tests.support.client import Answer, Client
from tests.support.tenant import ALIAS, APPLICATIONS, Tenant, expect

Services = dict[str, Client]
PORTS = ("api", "write")
PAIRS = list(product(PORTS, PORTS))
ROUTES = {
    "chats": ("{base}/chats", {"title": "Support"}, {"title": "Sales"}),
    "messages": ("{base}/chats/1/messages", {"body": "hi", "sender": "ann"}, {"body": "ho", "sender": "ann"}),
    "bulk": (
        "{base}/chats/1/messages/bulk",
        {"messages": [{"body": "a"}, {"body": "b"}]},
        {"messages": [{"body": "a"}]},
    ),
}


def _key(key: str = "key-1") -> dict[str, str]:
    return {"Idempotency-Key": key}


def _assert_replayed(first: Answer, repeat: Answer) -> None:
    assert first.status == repeat.status == 201, (first, repeat)
    assert first.header("Idempotent-Replayed") is None
    assert repeat.header("Idempotent-Replayed") == "true"
    assert repeat.body == first.body
    for name in ("Location", "Parley-Durability", "Content-Type"):
        assert repeat.header(name) == first.header(name)


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("route", ROUTES)
def test_a_repeat_gives_the_first_answer_again(
    route: str, first: str, second: str, services: Services, application: Tenant
) -> None:
    """Same number, same time, `Idempotent-Replayed: true`, on the same and on the other port."""
    target, value, _ = ROUTES[route]
    application.create_chat()
    target = target.replace("{base}", application.path)

    answers = [services[port].json("POST", target, value, _key()) for port in (first, second, first)]

    _assert_replayed(answers[0], answers[1])
    _assert_replayed(answers[0], answers[2])


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("route", ROUTES)
def test_another_payload_under_the_same_key_is_refused(
    route: str, first: str, second: str, services: Services, application: Tenant
) -> None:
    """422 `idempotency_key_reused`, and nothing new is there."""
    target, value, other = ROUTES[route]
    chat = application.create_chat()
    target = target.replace("{base}", application.path)
    answer = services[first].json("POST", target, value, _key())

    refused = services[second].json("POST", target, other, _key())

    assert refused.status == 422
    assert check_problem(refused, application.token)["code"] == "idempotency_key_reused"
    assert len(expect(application.api.get(f"{chat}/messages"), 200)) == {"chats": 0, "messages": 1, "bulk": 2}[route]
    _assert_replayed(answer, services[second].json("POST", target, value, _key()))


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_wrapped_and_flat_are_the_same_request(first: str, second: str, services: Services, chat: str) -> None:
    """The payload's identity is the validated value: wrapper, spelling and unknown members do not count."""
    flat = services[first].json("POST", f"{chat}/messages", {"body": "hi", "metadata": {"a": 1}}, _key())
    again = [
        services[second].json("POST", target, value, headers)
        for target, value, headers in (
            (f"{chat}/messages", {"message": {"body": "hi", "metadata": {"a": 1}}}, _key()),
            (f"{chat}/messages", {"metadata": {"a": 1}, "x": 7, "body": "hi"}, _key('"key-1"')),
            (f"{chat}/messages".replace(APPLICATIONS, ALIAS), {"body": "hi", "metadata": {"a": 1}}, _key()),
        )
    ]
    spaced = services[second].request(
        "POST",
        f"{chat}/messages",
        b'{ "body" : "\\u0068i", "metadata": { "a" : 1 } }',
        {"Content-Type": "application/json", **_key()},
    )

    assert flat.status == 201
    for repeat in (*again, spaced):
        assert repeat.status == 201, repeat
        assert repeat.header("Idempotent-Replayed") == "true"
        assert repeat.body == flat.body


@pytest.mark.parametrize("field", ["sender", "metadata", "body"])
def test_each_field_belongs_to_the_payload(field: str, services: Services, chat: str) -> None:
    """A repeat with one other field is another payload."""
    value = {"body": "hi", "sender": "ann", "metadata": {"a": 1}}
    other = {**value, field: {"body": "ho", "sender": "bob", "metadata": {"a": 2}}[field]}
    expect(services["api"].json("POST", f"{chat}/messages", value, _key()), 201)

    refused = services["write"].json("POST", f"{chat}/messages", other, _key())

    assert check_problem(refused)["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("second", PORTS)
def test_a_repeat_gives_the_first_answer_after_an_edit(second: str, services: Services, chat: str) -> None:
    """The answer is rebuilt from the request, not read from the edited message."""
    first = services["write"].json("POST", f"{chat}/messages", {"body": "hi"}, _key())
    expect(services["api"].json("PATCH", f"{chat}/messages/1", {"body": "edited"}), 200)

    repeat = services[second].json("POST", f"{chat}/messages", {"body": "hi"}, _key())

    _assert_replayed(first, repeat)
    assert expect(services["api"].get(f"{chat}/messages/1"), 200)["body"] == "edited"


@pytest.mark.parametrize("second", PORTS)
def test_a_repeat_gives_the_first_answer_after_a_delete(second: str, services: Services, chat: str) -> None:
    """A deleted message stays deleted, and its creation is still answered as before."""
    first = services["api"].json("POST", f"{chat}/messages", {"body": "hi"}, _key())
    expect(services["api"].request("DELETE", f"{chat}/messages/1"), 204)

    repeat = services[second].json("POST", f"{chat}/messages", {"body": "hi"}, _key())

    _assert_replayed(first, repeat)
    assert services["api"].get(f"{chat}/messages/1").status == 404
    assert expect(services["api"].get(f"{chat}/messages"), 200) == []


@pytest.mark.parametrize("second", PORTS)
def test_a_repeat_is_404_when_the_chat_is_deleted(second: str, services: Services, chat: str) -> None:
    """The parent is checked before the key."""
    expect(services["write"].json("POST", f"{chat}/messages", {"body": "hi"}, _key()), 201)
    expect(services["api"].request("DELETE", chat), 204)

    repeat = services[second].json("POST", f"{chat}/messages", {"body": "hi"}, _key())

    assert repeat.status == 404
    assert check_problem(repeat)["error"] == "Chat not found"


@pytest.mark.parametrize("second", PORTS)
@pytest.mark.parametrize("route", ROUTES)
def test_a_repeat_is_404_when_the_application_is_deleted(
    route: str, second: str, services: Services, application: Tenant
) -> None:
    """Nothing under a deleted application answers, keys included."""
    target, value, _ = ROUTES[route]
    application.create_chat()
    target = target.replace("{base}", application.path)
    expect(services["write"].json("POST", target, value, _key()), 201)
    expect(services["api"].request("DELETE", application.path), 204)

    repeat = services[second].json("POST", target, value, _key())

    assert repeat.status == 404
    assert check_problem(repeat, application.token)["error"] == "ChatApplication not found"


def test_a_repeat_of_a_deleted_chats_creation_is_a_replay(services: Services, application: Tenant) -> None:
    """A chat's parent is the application: its creation replays although the chat is gone."""
    first = services["write"].json("POST", f"{application.path}/chats", {"title": "x"}, _key())
    expect(services["api"].request("DELETE", f"{application.path}/chats/1"), 204)

    repeat = services["api"].json("POST", f"{application.path}/chats", {"title": "x"}, _key())

    _assert_replayed(first, repeat)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_rejected_request_does_not_use_the_key_up(first: str, second: str, services: Services, chat: str) -> None:
    """400 and 422 leave the key free for the corrected request."""
    headers = {"Content-Type": "application/json", **_key()}
    for body in (b'{"body":', b'{"body":" "}', b'{"body":7}'):
        assert services[first].request("POST", f"{chat}/messages", body, headers).status in {400, 422}

    answer = services[second].json("POST", f"{chat}/messages", {"body": "hi"}, _key())

    assert expect(answer, 201)["number"] == 1
    assert answer.header("Idempotent-Replayed") is None


def test_a_key_belongs_to_one_application(services: Services, chat: str) -> None:
    """The same key of another tenant is another key."""
    other = Tenant(services["api"]).create_chat()
    expect(services["api"].json("POST", f"{chat}/messages", {"body": "hi"}, _key()), 201)

    answer = services["write"].json("POST", f"{other}/messages", {"body": "ho"}, _key())

    assert answer.status == 201
    assert answer.header("Idempotent-Replayed") is None


def test_a_key_belongs_to_one_route(services: Services, application: Tenant) -> None:
    """Chats, messages and bulk each know their own keys."""
    application.create_chat()

    for target, value, _ in ROUTES.values():
        answer = services["api"].json("POST", target.replace("{base}", application.path), value, _key())

        assert answer.status == 201, answer
        assert answer.header("Idempotent-Replayed") is None


def test_a_key_of_one_chat_is_no_key_for_another(services: Services, application: Tenant) -> None:
    """The path's numbers belong to the payload: the other chat's request is another one, not a replay."""
    chats = [application.create_chat(), application.create_chat()]
    expect(services["api"].json("POST", f"{chats[0]}/messages", {"body": "hi"}, _key()), 201)

    refused = services["write"].json("POST", f"{chats[1]}/messages", {"body": "hi"}, _key())

    assert check_problem(refused)["code"] == "idempotency_key_reused"
    assert application.post(chats[1], "next") == 1


def test_keys_differ_in_case(services: Services, chat: str) -> None:
    """A key is compared as it is."""
    for key in ("key", "KEY", "Key"):
        answer = services["write"].json("POST", f"{chat}/messages", {"body": key}, _key(key))

        assert answer.status == 201
        assert answer.header("Idempotent-Replayed") is None


@pytest.mark.parametrize("route", ROUTES)
def test_a_replay_is_alike_on_both_services(route: str, services: Services, application: Tenant) -> None:
    """Status, headers and body of a replay do not tell the ports apart."""
    target, value, _ = ROUTES[route]
    application.create_chat()
    target = target.replace("{base}", application.path)
    expect(services["api"].json("POST", target, value, _key()), 201)

    replays = [services[port].json("POST", target, value, _key()) for port in PORTS]

    assert comparable(replays[0], application.token) == comparable(replays[1], application.token)


def test_a_replayed_creation_of_an_application_has_the_same_token(services: Services) -> None:
    """For `POST A` a key counts per deployment; the repeat gives the same application."""
    api = services["api"]
    key = _key(Tenant(api).token)
    first = api.json("POST", APPLICATIONS, {"name": "once"}, key)
    repeat = api.json("POST", APPLICATIONS, {"chat_application": {"name": "once"}}, key)
    other = api.json("POST", APPLICATIONS, {"name": "other"}, key)

    _assert_replayed(first, repeat)
    assert check_problem(other)["code"] == "idempotency_key_reused"


def test_concurrent_repeats_make_one_message(services: Services, chat: str, server_urls: tuple[str, str]) -> None:
    """Twenty at once over both ports: one is the first, the others are replays of it."""
    answers: list[Answer] = []
    gate = threading.Barrier(20)

    def post(url: str) -> None:
        with Client(url) as client:
            client.get("/health")
            gate.wait()
            answers.append(client.json("POST", f"{chat}/messages", {"body": "hi"}, _key()))

    threads = [threading.Thread(target=post, args=(server_urls[n % 2],)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert sum(answer.header("Idempotent-Replayed") is None for answer in answers) == 1
    assert len(expect(services["api"].get(f"{chat}/messages"), 200)) == 1
