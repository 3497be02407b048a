"""The embedded deployment and the one of several processes on real servers give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.recorded import ALL
from tests.api.recorded.cases import ask, comparable
from tests.api.recorded.walk import WALK, Step
from tests.support.answers import TOKEN
from tests.support.client import Answer, Client
from tests.support.deployment import Deployment, Spread
from tests.support.polling import wait_for
from tests.support.server import Server
from tests.support.tenant import ALIAS, APPLICATIONS, Tenant

Comparable = tuple[int, list[str], list[tuple[str, str]], str]


@pytest.fixture(scope="module")
def apis(embedded: Server, fleet: Spread) -> Iterator[list[Client]]:
    """Give a client of the full API of each profile."""
    with Client(embedded.api_url) as one, Client(fleet.api_url) as other:
        yield [one, other]


@pytest.fixture(scope="module")
def walks(embedded: Server, fleet: Spread) -> list[list[Comparable]]:
    """Give the answers to the whole walk, of each profile."""
    return [_walk(deployment) for deployment in (embedded, fleet)]


def _walk(deployment: Deployment) -> list[Comparable]:
    answers = []
    with Client(deployment.api_url) as api, Client(deployment.write_url) as write:
        tenant, clients = Tenant(api), {"api": api, "write": write}
        names = {"{base}": tenant.path, "{alias}": tenant.path.replace(APPLICATIONS, ALIAS), "{etag}": ""}
        for step in WALK:
            answer = _take(clients[step.port], step, names)
            names["{etag}"] = answer.header("ETag") or ""
            named = answer._replace(body=answer.body.replace(b"port %d" % api.port, b"port {api}"))
            answers.append(_comparable(named, tenant.token))
    return answers


def _take(client: Client, step: Step, names: dict[str, str]) -> Answer:
    target, headers = step.target, list(step.headers)
    for name, value in names.items():
        target = target.replace(name, value)
        headers = [(key, value if given == name else given) for key, given in headers]

    def ask_once() -> list[Answer]:
        answer = client.request(step.method, target, step.body, headers)
        return [answer] if step.until in answer.body else []

    return wait_for(ask_once, f"{step.method} {step.target} shows {step.until!r}")[0]


def _comparable(answer: Answer, token: str) -> Comparable:
    """Take out what is of one deployment alone: any token or ETag (both 32 digits), and how durable a write is."""
    status, headers, body = comparable(answer, token)
    values = [(name, "" if name == "parley-durability" else TOKEN.sub("{digits}", value)) for name, value in headers]
    return status, [name for name, _ in answer.headers], values, TOKEN.sub("{digits}", body)


IDS = [f"{number}-{step.method} {step.target[:60]}" for number, step in enumerate(WALK)]


@pytest.mark.parametrize("number", range(len(WALK)), ids=IDS)
def test_both_profiles_answer_a_call_alike(number: int, walks: list[list[Comparable]]) -> None:
    """Status, headers in their order, and body; along a walk through every call of the contract."""
    embedded, fleet = (answers[number] for answers in walks)

    assert embedded[0] == WALK[number].status, embedded
    assert fleet == embedded


@pytest.mark.parametrize("name", ALL)
def test_both_profiles_answer_a_recorded_case_alike(name: str, apis: list[Client]) -> None:
    """So do their write services, for in each profile both services answer these cases alike."""
    tenants = [Tenant(api) for api in apis]
    for tenant in tenants:
        tenant.create_chat()

    embedded, fleet = (_comparable(ask(tenant.api, ALL[name], tenant), tenant.token) for tenant in tenants)

    assert fleet == embedded
