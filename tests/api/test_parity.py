"""Every create case goes to both services: alike, and as recorded by hand from the contract."""

from __future__ import annotations

import pytest

from tests.api.recorded import ALL, paths
from tests.api.recorded.cases import NO_ROUTE, Case, Problem, ask, check, comparable
from tests.support.client import Answer, Client
from tests.support.tenant import Tenant


@pytest.mark.parametrize("name", ALL)
def test_both_services_answer_as_recorded(name: str, api: Client, write: Client, durability: str) -> None:
    """Status, body and headers are those of the contract, and equal on both ports."""
    case = ALL[name]
    tenants = [Tenant(api), Tenant(api)]
    for tenant in tenants:
        tenant.create_chat()

    answers = [ask(client, case, tenant) for client, tenant in zip((api, write), tenants, strict=True)]

    for answer, tenant in zip(answers, tenants, strict=True):
        check(answer, case.answer, tenant.token, durability)
    alike = [_comparable(answer, tenant, case) for answer, tenant in zip(answers, tenants, strict=True)]
    assert alike[0] == alike[1]


def _comparable(answer: Answer, tenant: Tenant, case: Case) -> tuple[int, list[tuple[str, str]], str]:
    """Leave out what may differ: the routes behind Allow, and that the write port names the other one."""
    status, headers, body = comparable(answer, tenant.token)
    if status == 405:
        headers = [header for header in headers if header[0] != "allow"]
    if case.answer is NO_ROUTE:
        headers = [header for header in headers if header[0] != "content-length"]
        body = answer.json()["code"]
    return status, headers, body


@pytest.mark.parametrize("name", [name for name, case in ALL.items() if case in paths.METHODS])
def test_both_services_name_the_allowed_methods(name: str, api: Client, write: Client, application: Tenant) -> None:
    """A 405 lists what the path does allow: POST on both, GET and HEAD where the full API has them."""
    case = ALL[name]
    application.create_chat()

    for client in (api, write):
        answer = ask(client, case, application)

        if answer.status == 405:
            allowed = {method.strip() for method in (answer.header("Allow") or "").split(",")}
            assert "POST" in allowed
            assert ({"GET", "HEAD"} <= allowed) == (client is api and "bulk" not in case.target)
            assert case.method not in allowed


REFUSED = [name for name, case in ALL.items() if isinstance(case.answer, Problem) and "{base}/chats/1/" in case.target]


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_request_takes_no_number(name: str, api: Client, write: Client, application: Tenant) -> None:
    """After a refusal on either port the next message of the chat has number 1."""
    chat = application.create_chat()

    for client in (api, write):
        ask(client, ALL[name], application)

    assert application.post(chat, "next") == 1
