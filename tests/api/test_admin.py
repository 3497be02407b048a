"""A deployment with an admin token and configured origins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.answers import check_problem
from tests.support.client import JSON_TYPE, Client
from tests.support.deployment import Deployment
from tests.support.tenant import ALIAS, APPLICATIONS, expect

ADMIN = "s3cret-admin-of-this-test"
ORIGINS = ["https://chat.example", "https://other.example:8443"]
GOOD = ("Authorization", f"Bearer {ADMIN}")
WRONG = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer wrong",
    f"Bearer {ADMIN}x",
    f"Bearer {ADMIN[:-1]}",
    f"Basic {ADMIN}",
    ADMIN,
    "Bearer é",
]
BOTH_SPELLINGS = pytest.mark.parametrize("path", [APPLICATIONS, ALIAS])


@pytest.fixture(scope="module")
def guarded(server: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Give a deployment with an admin token and two origins."""
    env = {"PARLEY_ADMIN_TOKEN": ADMIN, "PARLEY_CORS_ORIGINS": ", ".join(ORIGINS)}
    with server.beside(tmp_path_factory.mktemp("guarded"), env) as guarded:
        yield guarded
        assert ADMIN not in guarded.log_text()


@pytest.fixture(scope="module")
def ports(guarded: Deployment) -> Iterator[dict[str, Client]]:
    """Give both services by name."""
    with Client(guarded.api_url) as api, Client(guarded.write_url) as write:
        yield {"api": api, "write": write}


@BOTH_SPELLINGS
@pytest.mark.parametrize("given", WRONG)
def test_a_caller_without_the_admin_token_is_refused(given: str, path: str, ports: dict[str, Client]) -> None:
    """401 on list and create, before the headers and the body are looked at."""
    headers = [("Authorization", given)] if given else []

    answers = [
        ports["api"].request("GET", path, None, headers),
        ports["api"].request("POST", path, b'{"name":"x"}', [JSON_TYPE, *headers]),
        ports["api"].request("POST", path, b"{", [("Content-Type", "text/plain"), *headers]),
    ]

    for answer in answers:
        assert answer.status == 401
        check_problem(answer, ADMIN)


@BOTH_SPELLINGS
@pytest.mark.parametrize("given", [f"Bearer {ADMIN}", f"bearer {ADMIN}", f"BEARER  {ADMIN}"])
def test_a_caller_with_the_admin_token_is_served(given: str, path: str, ports: dict[str, Client]) -> None:
    """The scheme's case does not count; the host is that of the proxy."""
    host = "chat.example"

    created = ports["api"].request("POST", path, b'{"name":"x"}', [JSON_TYPE, ("Authorization", given)], host=host)
    listed = ports["api"].request("GET", path, None, [("Authorization", given)], host=host)

    assert (created.status, listed.status) == (201, 200)


def test_a_wrong_method_comes_before_the_admin_token(ports: dict[str, Client]) -> None:
    """Route and method are checked first."""
    assert ports["api"].request("DELETE", APPLICATIONS).status == 405


def test_the_application_token_is_enough_below(ports: dict[str, Client]) -> None:
    """No admin token on either port for what lies under an application."""
    token = expect(ports["api"].json("POST", APPLICATIONS, {"name": "x"}, [GOOD]), 201)["token"]

    for client in ports.values():
        expect(client.request("POST", f"{APPLICATIONS}/{token}/chats"), 201)
        expect(client.json("POST", f"{ALIAS}/{token}/chats/1/messages", {"body": "hi"}), 201)
    expect(ports["api"].json("PATCH", f"{APPLICATIONS}/{token}", {"name": "y"}), 200)


@pytest.mark.parametrize("port", ["api", "write"])
def test_configured_origins_replace_those_of_this_machine(port: str, ports: dict[str, Client]) -> None:
    """Exactly the configured ones may read; localhost is foreign then."""
    path = f"{APPLICATIONS}/{'0' * 32}/chats"
    foreign = [
        "http://localhost:5173",
        "http://chat.example",
        "https://chat.example:444",
        "https://CHAT.example.evil",
        "null",
    ]

    for origin in ORIGINS:
        answer = ports[port].request("POST", path, None, {"Origin": origin})
        assert answer.header("Access-Control-Allow-Origin") == origin
    for origin in foreign:
        answer = ports[port].request("POST", path, None, {"Origin": origin})
        assert answer.header("Access-Control-Allow-Origin") is None, origin
