"""What all writes share: Prefer, durability, keys on POST only; and many writers at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.api.recorded.malformed import DEPTH
from tests.support.answers import check_answer, check_problem
from tests.support.client import JSON_TYPE, Client
from tests.support.tenant import APPLICATIONS, Tenant, expect

WAIT = ("Prefer", "wait")


def _every_write(tenant: Tenant) -> Iterator[tuple[str, str, dict[str, object] | None]]:
    """Give each call that changes something, in an order in which all of them can."""
    base, chat = tenant.path, tenant.create_chat()
    tenant.post_many(chat, ["a", "b"])
    yield "POST", APPLICATIONS, {"name": "x"}
    yield "PATCH", base, {"name": "x"}
    yield "PUT", base, {"name": "y"}
    yield "POST", f"{base}/chats", {}
    yield "PATCH", chat, {"title": "x"}
    yield "PUT", chat, {"title": "y"}
    yield "POST", f"{chat}/messages", {"body": "x"}
    yield "POST", f"{chat}/messages/bulk", {"messages": [{"body": "x"}]}
    yield "PATCH", f"{chat}/messages/1", {"body": "x"}
    yield "PUT", f"{chat}/messages/1", {"body": "y"}
    yield "DELETE", f"{chat}/messages/1", None
    yield "DELETE", chat, None
    yield "DELETE", base, None


def test_every_write_can_wait(api: Client, application: Tenant) -> None:
    """`Prefer: wait` and `Parley-Durability` belong to every 2xx of POST, PATCH, PUT and DELETE."""
    for method, target, value in _every_write(application):
        answer = api.json(method, target, value, [WAIT])

        assert answer.status in {200, 201, 204}, (method, target, answer)
        check_answer(answer)
        assert answer.header("Parley-Durability") == "stored", (method, target)
        assert answer.header("Preference-Applied") == "wait", (method, target)


def test_every_write_says_how_durable_it_is(api: Client, application: Tenant, durability: str) -> None:
    """What nobody waits for is as durable as the log makes it; applications are always stored."""
    of_applications = {APPLICATIONS, application.path}
    for method, target, value in _every_write(application):
        answer = api.json(method, target, value)

        assert answer.status in {200, 201, 204}, (method, target, answer)
        expected = "stored" if target in of_applications else durability
        assert answer.header("Parley-Durability") == expected, (method, target)
        assert answer.header("Preference-Applied") is None, (method, target)


def test_a_refused_write_claims_nothing(api: Client, write: Client, chat: str) -> None:
    """Neither durability nor an applied preference on an error."""
    for client in (api, write):
        answer = client.json("POST", f"{chat}/messages", {"body": ""}, [WAIT])

        assert answer.status == 422
        assert answer.header("Parley-Durability") is None
        assert answer.header("Preference-Applied") is None
        assert answer.header("Location") is None


def test_a_key_counts_on_post_only(api: Client, chat: str, application: Tenant) -> None:
    """Other methods do not look at it, not even at its syntax."""
    application.post(chat, "old")
    bad = [("Idempotency-Key", "k" * 256)]

    assert api.get(f"{chat}/messages/1", bad).status == 200
    assert api.json("PATCH", f"{chat}/messages/1", {"body": "new"}, bad).status == 200
    assert api.request("DELETE", f"{chat}/messages/1", None, bad).status == 204


@pytest.mark.parametrize("port", ["api", "write"])
def test_two_keys_on_one_request_are_not_the_first(port: str, services: dict[str, Client], chat: str) -> None:
    """Refused, or one key of both; a later request with the first key alone is another one."""
    keys = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    both = services[port].json("POST", f"{chat}/messages", {"body": "hi"}, keys)

    alone = services[port].json("POST", f"{chat}/messages", {"body": "hi"}, keys[:1])

    assert both.status in {201, 400}
    assert alone.status == 201
    assert alone.header("Idempotent-Replayed") is None


def test_writers_on_both_ports_get_every_number_once(api: Client, chat: str, server_urls: tuple[str, str]) -> None:
    """No number twice and none left out; for one writer they rise."""
    taken: list[list[int]] = [[] for _ in range(8)]

    def post(writer: int) -> None:
        with Client(server_urls[writer % 2]) as client:
            for n in range(25):
                answer = client.json("POST", f"{chat}/messages", {"body": f"{writer} {n}"})
                taken[writer].append(expect(answer, 201)["number"])

    threads = [threading.Thread(target=post, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(number for numbers in taken for number in numbers) == list(range(1, 201))
    assert all(one < other for numbers in taken for one, other in pairwise(numbers))
    rows = expect(api.get(f"{chat}/messages?limit=100"), 200) + expect(
        api.get(f"{chat}/messages?limit=100&after=100"), 200
    )
    bodies = {row["number"]: row["body"] for row in rows}
    assert all(
        bodies[number] == f"{writer} {n}" for writer, numbers in enumerate(taken) for n, number in enumerate(numbers)
    )


def test_writers_of_chats_get_every_number_once(application: Tenant, server_urls: tuple[str, str]) -> None:
    """The same holds for the chats of an application."""
    taken: list[int] = []

    def create(writer: int) -> None:
        with Client(server_urls[writer % 2]) as client:
            for _ in range(10):
                taken.append(expect(client.request("POST", f"{application.path}/chats"), 201)["number"])  # noqa: PERF401

    threads = [threading.Thread(target=create, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == list(range(1, 61))


@pytest.mark.parametrize("port", ["api", "write"])
@pytest.mark.parametrize("name", [case.name for case in DEPTH if "100000" in case.name])
def test_nested_brackets_are_refused_at_once(name: str, port: str, services: dict[str, Client], chat: str) -> None:
    """400 after less than 50 ms inside; the best of five counts, for the machine is shared."""
    body = next(case.body for case in DEPTH if case.name == name)
    spent = []
    for _ in range(5):
        answer = services[port].request("POST", f"{chat}/messages", body, [JSON_TYPE])
        assert answer.status == 400
        check_problem(answer)
        spent.append(float((answer.header("Server-Timing") or "").split("dur=")[1]))

    assert min(spent) < 50
