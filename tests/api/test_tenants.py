"""Two tenants: with the other's ids every route answers as for ids that nobody has."""

from __future__ import annotations

import uuid

import pytest

from parley.http.operations import OPERATIONS
from tests.api.crossings import CHATS, CROSSINGS, KEYED, MESSAGES, OF_NOBODY, READS, Ids
from tests.api.recorded.cases import comparable
from tests.support.answers import check_problem
from tests.support.client import Answer, Client
from tests.support.polling import wait_for
from tests.support.tenant import UNKNOWN_TOKEN, Tenant, expect

SECRET = "secret"  # noqa: S105 - a word that only the other tenant's rows hold
NOBODYS = 999_999


@pytest.fixture(scope="module")
def mine(api: Client) -> Tenant:
    """Give an application with one chat, of one message."""
    tenant = Tenant(api, "mine")
    chat = tenant.create_chat()
    tenant.post(chat, "mine")
    wait_for(lambda: api.get(tenant.path).json()["chats_count"] == 1, "the application's count is right")
    wait_for(lambda: api.get(chat).json()["messages_count"] == 1, "the chat's count is right")
    return tenant


@pytest.fixture(scope="module")
def theirs(api: Client) -> Tenant:
    """Give an application with three chats, of five messages each; all of it holds a word."""
    tenant = Tenant(api, SECRET)
    for _ in range(3):
        tenant.post_many(tenant.create_chat(SECRET), [SECRET] * 5)
    return tenant


def _assert_alike(strange: Answer, unknown: Answer, *tokens: str) -> None:
    assert strange.status in {404, 405}, strange
    if strange.body:
        check_problem(strange, SECRET, *tokens)
    assert comparable(strange, "-") == comparable(unknown, "-")


def test_no_operation_is_left_out() -> None:
    """What has no token in its path has a reason; what has one is called in both spellings by every method."""
    called = {call.operation.name for call in CROSSINGS.values()}

    assert called | OF_NOBODY.keys() == {operation.name for operation in OPERATIONS}
    assert not [
        operation.name for operation in OPERATIONS if "{token}" in operation.path and operation.name in OF_NOBODY
    ]
    for operation in OPERATIONS:
        for method in operation.methods if operation.name in called else ():
            for path in operation.paths:
                assert any(name.partition("?")[0] == f"{method} {path}" for name in CROSSINGS), (method, path)
    assert not [name for name, call in CROSSINGS.items() if call.operation.body and call.body is None]


@pytest.mark.parametrize("name", CHATS)
def test_a_chat_of_another_tenant_is_unknown(
    name: str, services: dict[str, Client], mine: Tenant, theirs: Tenant
) -> None:
    """A number that only the other has answers byte for byte as one that nobody has."""
    for client in services.values():
        strange = CROSSINGS[name].send(client, Ids(mine.token, chat=2))
        unknown = CROSSINGS[name].send(client, Ids(mine.token, chat=NOBODYS))

        _assert_alike(strange, unknown, mine.token, theirs.token)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_of_another_tenant_is_unknown(
    name: str, services: dict[str, Client], mine: Tenant, theirs: Tenant
) -> None:
    """In a chat number that both have, the other's message number means nothing."""
    for client in services.values():
        strange = CROSSINGS[name].send(client, Ids(mine.token, number=4))
        unknown = CROSSINGS[name].send(client, Ids(mine.token, number=NOBODYS))

        _assert_alike(strange, unknown, mine.token, theirs.token)


@pytest.mark.parametrize("name", CROSSINGS)
def test_a_near_miss_of_a_token_is_unknown(name: str, services: dict[str, Client], theirs: Tenant) -> None:
    """One wrong digit, capitals, a prefix, something behind it: as a token that nobody has."""
    token = theirs.token
    near = [token[:-1] + ("0" if token[-1] != "0" else "1"), token[:31], token + "0", "0" * 32, f"{token}%20"]
    near += [f"{token}%00", f"%20{token}", f"{token}%e2%80%8b", token.upper() if token.upper() != token else "A" * 32]
    for client in services.values():
        unknown = CROSSINGS[name].send(client, Ids(UNKNOWN_TOKEN))
        for strange in near:
            _assert_alike(CROSSINGS[name].send(client, Ids(strange)), unknown, token)


@pytest.mark.parametrize("name", CROSSINGS)
def test_a_deleted_token_is_unknown(name: str, services: dict[str, Client], application: Tenant) -> None:
    """After DELETE nothing tells that there was an application."""
    application.post(application.create_chat(), SECRET)
    expect(services["api"].request("DELETE", application.path), 204)
    for client in services.values():
        strange = CROSSINGS[name].send(client, Ids(application.token))
        unknown = CROSSINGS[name].send(client, Ids(UNKNOWN_TOKEN))

        _assert_alike(strange, unknown, application.token)


@pytest.mark.parametrize("name", READS)
def test_a_read_shows_nothing_of_another_tenant(
    name: str, services: dict[str, Client], mine: Tenant, theirs: Tenant
) -> None:
    """Whatever of theirs is named beside the path: a number to go on from, an entity tag, the token itself."""
    call, token = CROSSINGS[name], theirs.token
    tag = call.send(services["api"], Ids(token)).header("ETag") or '"none"'
    beside = "&" if "?" in call.path else "?"
    for client in services.values():
        own = call.send(client, Ids(mine.token))
        answers = [
            call.send(client, Ids(mine.token), more=f"{beside}token={token}&application={token}&cursor={token}"),
            call.send(
                client, Ids(mine.token), headers=[("Authorization", f"Bearer {token}"), ("Cookie", f"token={token}")]
            ),
            call.send(client, Ids(mine.token), headers=[("If-None-Match", tag)]),
        ]
        paged = call.send(client, Ids(mine.token), more=f"{beside}after=1")

        for answer in answers:
            assert _shown(answer) == _shown(own)
        for answer in (*answers, paged):
            assert SECRET.encode() not in answer.body.replace(b"q=secret", b"")
            assert token not in repr(answer)


def _shown(answer: Answer) -> tuple[int, str, bytes]:
    """Leave out what differs by the question: links repeat its parameters, a problem has its request's id."""
    return answer.status, answer.header("ETag") or "", answer.body if answer.status < 400 else b""


@pytest.mark.parametrize("name", KEYED)
def test_a_key_of_another_tenant_is_a_new_one(name: str, services: dict[str, Client], theirs: Tenant) -> None:
    """Neither replayed nor refused: the same request and another one under their key are done."""
    call = CROSSINGS[name]
    for client in services.values():
        key = [("Idempotency-Key", uuid.uuid4().hex)]
        expect(call.send(client, Ids(theirs.token, chat=3), headers=key), 201)
        for other in (call, call._replace(body={**dict(call.body or {}), "title": "x", "sender": "x"})):  # type: ignore[call-overload]
            own = Tenant(services["api"])
            own.create_chat()

            answer = other.send(client, Ids(own.token), headers=key)

            assert answer.status == 201, answer
            assert answer.header("Idempotent-Replayed") is None


def test_nothing_of_the_others_was_touched(api: Client, mine: Tenant, theirs: Tenant) -> None:
    """After all of the above both tenants hold what they held."""
    assert expect(api.get(mine.path), 200)["name"] == "mine"
    assert expect(api.get(theirs.path), 200)["name"] == SECRET
    for chat in (1, 2):
        rows = expect(api.get(f"{theirs.path}/chats/{chat}/messages"), 200)
        assert [(row["number"], row["body"]) for row in rows] == [(number, SECRET) for number in range(1, 6)]
    rows = expect(api.get(f"{mine.path}/chats/1/messages"), 200)
    assert [row["body"] for row in rows] == ["mine"]
    assert [row["number"] for row in expect(api.get(f"{mine.path}/chats"), 200)] == [1]
    assert expect(api.get(f"{mine.path}/chats?after=1"), 200) == []
