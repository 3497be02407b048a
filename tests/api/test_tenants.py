"""Two tenants: with the other's ids every route answers as for ids that nobody has."""

from __future__ import annotations

import pytest

from tests.api.recorded.cases import comparable
from tests.support.answers import check_problem
from tests.support.client import Answer, Client
from tests.support.tenant import APPLICATIONS, UNKNOWN_TOKEN, Tenant, expect

HI = {"body": "hi"}
BULK = {"messages": [HI]}
TITLE = {"title": "x"}

ROUTES: dict[str, object] = {
    "GET /chats/{c}": None,
    "HEAD /chats/{c}": None,
    "PATCH /chats/{c}": TITLE,
    "PUT /chats/{c}": TITLE,
    "DELETE /chats/{c}": None,
    "GET /chats/{c}/messages": None,
    "HEAD /chats/{c}/messages": None,
    "POST /chats/{c}/messages": HI,
    "POST /chats/{c}/messages/bulk": BULK,
    "GET /chats/{c}/messages/search?q=secret": None,
    "GET /chats/{c}/messages/search?q=s": None,
    "GET /chats/{c}/messages/{m}": None,
    "HEAD /chats/{c}/messages/{m}": None,
    "PATCH /chats/{c}/messages/{m}": HI,
    "PUT /chats/{c}/messages/{m}": HI,
    "DELETE /chats/{c}/messages/{m}": None,
}
OF_THE_APPLICATION: dict[str, object] = {
    "GET ": None,
    "HEAD ": None,
    "PATCH ": {"name": "x"},
    "PUT ": {"name": "x"},
    "DELETE ": None,
    "GET /chats": None,
    "HEAD /chats": None,
    "POST /chats": {},
}


@pytest.fixture(scope="module")
def mine(api: Client) -> Tenant:
    """Give an application with one chat, of one message."""
    tenant = Tenant(api, "mine")
    tenant.post(tenant.create_chat(), "mine")
    return tenant


@pytest.fixture(scope="module")
def theirs(api: Client) -> Tenant:
    """Give an application with three chats, of five messages each."""
    tenant = Tenant(api, "theirs")
    for _ in range(3):
        tenant.post_many(tenant.create_chat(), ["secret"] * 5)
    return tenant


EVERY = {**OF_THE_APPLICATION, **ROUTES}


def _ask(client: Client, base: str, route: str, chat: int = 1, message: int = 1) -> Answer:
    method, _, path = route.partition(" ")
    target = base + path.replace("{c}", str(chat)).replace("{m}", str(message))
    return client.json(method, target, EVERY[route])


def _ports(services: dict[str, Client], route: str) -> list[Client]:
    """Give both services for a create route, else the full API."""
    return list(services.values()) if route.startswith("POST") else [services["api"]]


def _assert_alike(strange: Answer, unknown: Answer, *tokens: str) -> None:
    assert strange.status == 404
    if strange.body:
        check_problem(strange, *tokens)
    assert comparable(strange, "-") == comparable(unknown, "-")


@pytest.mark.parametrize("route", ROUTES)
def test_a_chat_of_another_tenant_is_unknown(
    route: str, services: dict[str, Client], mine: Tenant, theirs: Tenant
) -> None:
    """A number that only the other has answers byte for byte as one that nobody has."""
    for client in _ports(services, route):
        strange = _ask(client, mine.path, route, chat=2)
        unknown = _ask(client, mine.path, route, chat=999_999)

        _assert_alike(strange, unknown, mine.token, theirs.token)


@pytest.mark.parametrize("route", [route for route in ROUTES if "{m}" in route])
def test_a_message_of_another_tenant_is_unknown(route: str, api: Client, mine: Tenant, theirs: Tenant) -> None:
    """In a chat number that both have, the other's message number means nothing."""
    strange = _ask(api, mine.path, route, message=4)
    unknown = _ask(api, mine.path, route, message=999_999)

    _assert_alike(strange, unknown, mine.token, theirs.token)


@pytest.mark.parametrize("route", EVERY)
def test_a_near_miss_of_a_token_is_unknown(route: str, services: dict[str, Client], theirs: Tenant) -> None:
    """One wrong digit, capitals, a prefix: as a token that nobody has."""
    token = theirs.token
    near = [token[:-1] + ("0" if token[-1] != "0" else "1"), token.swapcase(), token[:31], token + "0", "0" * 32]
    for client in _ports(services, route):
        unknown = _ask(client, f"{APPLICATIONS}/{UNKNOWN_TOKEN}", route)
        for strange in near if not token.isdigit() else near[2:]:
            answer = _ask(client, f"{APPLICATIONS}/{strange}", route)

            _assert_alike(answer, unknown, token, strange)


@pytest.mark.parametrize("route", EVERY)
def test_a_deleted_token_is_unknown(route: str, services: dict[str, Client], application: Tenant) -> None:
    """After DELETE nothing tells that there was an application."""
    application.post(application.create_chat(), "hi")
    expect(services["api"].request("DELETE", application.path), 204)
    for client in _ports(services, route):
        strange = _ask(client, application.path, route)
        unknown = _ask(client, f"{APPLICATIONS}/{UNKNOWN_TOKEN}", route)

        _assert_alike(strange, unknown, application.token)


def test_nothing_of_the_others_was_touched(api: Client, mine: Tenant, theirs: Tenant) -> None:
    """After all of the above both tenants hold what they held."""
    assert expect(api.get(mine.path), 200)["name"] == "mine"
    for chat in (1, 2, 3):
        rows = expect(api.get(f"{theirs.path}/chats/{chat}/messages"), 200)
        assert [(row["number"], row["body"]) for row in rows] == [(number, "secret") for number in range(1, 6)]
    rows = expect(api.get(f"{mine.path}/chats/1/messages"), 200)
    assert [row["body"] for row in rows] == ["mine"]


def test_lists_and_cursors_do_not_cross_tenants(api: Client, mine: Tenant, theirs: Tenant) -> None:
    """A list holds the own chats only."""
    assert [row["number"] for row in expect(api.get(f"{mine.path}/chats"), 200)] == [1]
    assert [row["number"] for row in expect(api.get(f"{theirs.path}/chats"), 200)] == [1, 2, 3]
    assert expect(api.get(f"{mine.path}/chats?after=1"), 200) == []
