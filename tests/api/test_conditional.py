"""ETag, If-None-Match and HEAD on everything that GET reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests.support.answers import check_answer
from tests.support.client import Answer, Client
from tests.support.polling import wait_for
from tests.support.tenant import APPLICATIONS, Tenant, expect

READS = {
    "application": "{base}",
    "chats": "{base}/chats",
    "chat": "{base}/chats/1",
    "messages": "{base}/chats/1/messages",
    "page": "{base}/chats/1/messages?limit=2&after=1",
    "message": "{base}/chats/1/messages/1",
    "empty-page": "{base}/chats/2/messages",
}
ALSO = {
    "applications": f"{APPLICATIONS}?limit=2",
    "search": "{base}/chats/1/messages/search?q=m",
    "health": "/health",
    "ready": "/ready",
    "metrics": "/metrics",
    "openapi": "/openapi.json",
    "docs": "/docs",
    "gone": "{base}/chats/1/messages/99",
    "nowhere": "/nowhere",
    "wrong": "{base}/chats/1/messages?limit=0",
}
ANY_READ = pytest.mark.parametrize("name", READS)
_MOVING = {"x-request-id", "date", "server-timing"}


@pytest.fixture(scope="module")
def tenant(api: Client) -> Tenant:
    """Give an application with a chat of four messages and an empty chat, its counts no longer moving."""
    tenant = Tenant(api)
    chat = tenant.create_chat("Support")
    tenant.create_chat()
    tenant.post_many(chat, ["m1", "m2", "m3", "m4"])
    wait_for(lambda: expect(api.get(tenant.path), 200)["chats_count"] == 2, "its chats are counted")
    wait_for(lambda: expect(api.get(chat), 200)["messages_count"] == 4, "its messages are counted")
    return tenant


def _target(tenant: Tenant, name: str) -> str:
    return {**READS, **ALSO}[name].replace("{base}", tenant.path)


def _etag(answer: Answer) -> str:
    tag = answer.header("ETag")
    assert tag is not None
    return tag


@ANY_READ
def test_an_etag_is_the_digest_of_the_body(name: str, api: Client, tenant: Tenant) -> None:
    """Strong, BLAKE2b-128 of the body's bytes, the same every time."""
    answer = api.get(_target(tenant, name))

    assert answer.status == 200
    assert _etag(answer) == f'"{hashlib.blake2b(answer.body, digest_size=16).hexdigest()}"'
    assert _etag(api.get(_target(tenant, name))) == _etag(answer)


@ANY_READ
@pytest.mark.parametrize("form", ["{tag}", "W/{tag}", "*", '"x", {tag}', '{tag}, "y"', '"a" , W/{tag},"b"', " {tag} "])
def test_a_known_etag_is_not_modified(name: str, form: str, api: Client, tenant: Tenant) -> None:
    """304 without a body, with the ETag; for GET and HEAD; weak and strong compare alike."""
    first = api.get(_target(tenant, name))
    condition = {"If-None-Match": form.replace("{tag}", _etag(first))}

    for method in ("GET", "HEAD"):
        answer = api.request(method, _target(tenant, name), None, condition)

        check_answer(answer)
        assert (answer.status, answer.body) == (304, b"")
        assert _etag(answer) == _etag(first)
        assert answer.every("Link") == first.every("Link")


@ANY_READ
@pytest.mark.parametrize("form", ['"x"', 'W/"x"', "{bare}", '"{bare}x"', "", '"', "{tag}x", '"*"'])
def test_another_etag_is_answered_in_full(name: str, form: str, api: Client, tenant: Tenant) -> None:
    """200 for anything that is not the tag."""
    first = api.get(_target(tenant, name))
    condition = form.replace("{tag}", _etag(first)).replace("{bare}", _etag(first).strip('"'))

    answer = api.get(_target(tenant, name), {"If-None-Match": condition})

    assert (answer.status, answer.body) == (200, first.body)


def test_an_etag_follows_every_change(api: Client, write: Client, application: Tenant) -> None:
    """Post, edit, delete and retitle each make the page or object new."""
    chat = application.create_chat("a")
    application.post(chat, "m1")
    changes: list[tuple[str, Callable[[], Answer]]] = [
        (f"{chat}/messages", lambda: write.json("POST", f"{chat}/messages", {"body": "m2"})),
        (f"{chat}/messages", lambda: api.json("PATCH", f"{chat}/messages/1", {"body": "new"})),
        (f"{chat}/messages/1", lambda: api.json("PATCH", f"{chat}/messages/1", {"body": "newer"})),
        (f"{chat}/messages", lambda: api.request("DELETE", f"{chat}/messages/2")),
        (chat, lambda: api.json("PATCH", chat, {"title": "b"})),
        (f"{application.path}/chats", lambda: api.request("POST", f"{application.path}/chats")),
        (application.path, lambda: api.json("PUT", application.path, {"name": "new"})),
    ]
    for target, change in changes:
        before = _etag(api.get(target))
        assert change().status in {200, 201, 204}

        answer = api.get(target, {"If-None-Match": before})

        assert answer.status == 200, target
        assert _etag(answer) != before


def test_a_condition_finds_no_deleted_message(api: Client, chat: str, application: Tenant) -> None:
    """404 comes before the condition, `*` included."""
    application.post(chat, "m1")
    tag = _etag(api.get(f"{chat}/messages/1"))
    expect(api.request("DELETE", f"{chat}/messages/1"), 204)

    for condition in ("*", tag):
        assert api.get(f"{chat}/messages/1", {"If-None-Match": condition}).status == 404


@pytest.mark.parametrize("name", [*READS, *ALSO])
def test_head_is_get_without_the_body(name: str, api: Client, tenant: Tenant) -> None:
    """Same status and headers, Content-Length included."""
    got = api.get(_target(tenant, name))

    head = api.request("HEAD", _target(tenant, name))

    assert (head.status, head.body) == (got.status, b"")
    check_answer(head)
    lengths = {"content-length"} if name in {"health", "ready", "metrics"} else set()
    unlike = _MOVING | lengths
    headers = [sorted((k.lower(), v) for k, v in each.headers if k.lower() not in unlike) for each in (got, head)]
    assert headers[0] == headers[1]


def test_a_read_carries_no_durability(api: Client, tenant: Tenant) -> None:
    """`Parley-Durability` belongs to writes."""
    for name in READS:
        assert api.get(_target(tenant, name)).header("Parley-Durability") is None
