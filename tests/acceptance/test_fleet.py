"""Several processes on real servers: what one acknowledges, all of them know at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.client import Client
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.tenant import Tenant, expect


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory,
    redis_server: RedisServer,
    mariadb_server: MariaDbServer,
    opensearch_server: OpenSearchServer,
) -> Iterator[Fleet]:
    """Give a fleet of its own, without processes."""
    folder = tmp_path_factory.mktemp("fleet")
    with Fleet(folder, redis=redis_server, mariadb=mariadb_server, opensearch=opensearch_server) as made:
        yield made


@pytest.fixture(scope="module")
def worker(fleet: Fleet) -> Member:
    """Give a worker that has opened the log."""
    return fleet.start("work")


@pytest.fixture(scope="module")
def api(fleet: Fleet, worker: Member) -> Iterator[Client]:
    """Give a client of the full API."""
    assert worker.is_running()
    with Client(fleet.start("api").url) as client:
        yield client


@pytest.fixture(scope="module")
def write(fleet: Fleet, worker: Member) -> Iterator[Client]:
    """Give a client of the write service."""
    assert worker.is_running()
    with Client(fleet.start("write").url) as client:
        yield client


@pytest.fixture
def stopped_worker(worker: Member) -> Iterator[None]:
    """Stop the only worker for the length of a test."""
    assert worker.stop() == 0
    yield
    worker.start()


@pytest.mark.usefixtures("stopped_worker")
def test_a_reader_sees_what_was_acknowledged_elsewhere_when_no_worker_runs(api: Client, write: Client) -> None:
    """A chat and its messages made on the write service: single, list, pages, before and after edits and deletes."""
    tenant = Tenant(api)

    chat = expect(write.json("POST", f"{tenant.path}/chats", {"title": "made elsewhere"}), 201)
    path = f"{tenant.path}/chats/{chat['number']}"
    numbers = [
        expect(write.json("POST", f"{path}/messages", {"body": f"message {index}"}), 201)["number"]
        for index in range(1, 8)
    ]
    listed = expect(api.get(f"{path}/messages?limit=3&after=2"), 200)
    single = expect(api.get(f"{path}/messages/5"), 200)
    expect(api.json("PATCH", f"{path}/messages/3", {"body": "edited"}), 200)
    assert api.request("DELETE", f"{path}/messages/4").status == 204
    changed = expect(api.get(f"{path}/messages"), 200)

    assert numbers == list(range(1, 8))
    assert expect(api.get(path), 200)["title"] == "made elsewhere"
    assert [message["number"] for message in listed] == [3, 4, 5]
    assert single["body"] == "message 5"
    assert [(m["number"], m["body"]) for m in changed if m["number"] in {2, 3, 5}] == [
        (2, "message 2"), (3, "edited"), (5, "message 5"),
    ]  # fmt: skip
    assert [message["number"] for message in changed] == [1, 2, 3, 5, 6, 7]
    assert api.get(f"{path}/messages/4").status == 404
    assert api.get(f"{path}/messages/8").status == 404
    assert api.request("DELETE", f"{path}/messages/4").status == 404


@pytest.mark.usefixtures("stopped_worker")
def test_nothing_is_taken_into_a_deleted_parent_when_no_worker_runs(api: Client, write: Client) -> None:
    """A chat deleted on the API is gone on the write service with the answer, and so is an application."""
    tenant, other = Tenant(api), Tenant(api)
    chat, left = tenant.create_chat(), tenant.create_chat()
    elsewhere = other.create_chat()
    for path in (chat, left, elsewhere):
        expect(write.json("POST", f"{path}/messages", {"body": "before"}), 201)

    assert api.request("DELETE", chat).status == 204
    assert api.request("DELETE", other.path).status == 204

    assert write.json("POST", f"{chat}/messages", {"body": "after"}).status == 404
    assert expect(write.json("POST", f"{left}/messages", {"body": "after"}), 201)["number"] == 2
    assert write.json("POST", f"{elsewhere}/messages", {"body": "after"}).status == 404
    assert write.json("POST", f"{other.path}/chats", {}).status == 404
    assert api.get(f"{chat}/messages").status == 404
    assert api.get(f"{elsewhere}/messages").status == 404


def test_writes_are_queued_and_stored_when_asked_to_wait(api: Client, write: Client) -> None:
    """Each answer says how durable it is; with a worker running, who prefers to wait gets it stored."""
    chat = Tenant(api).create_chat()

    queued = write.json("POST", f"{chat}/messages", {"body": "queued"})
    stored = write.json("POST", f"{chat}/messages", {"body": "stored"}, [("Prefer", "wait=5")])

    assert (queued.status, queued.header("Parley-Durability"), queued.header("Preference-Applied")) == (
        201, "queued", None,
    )  # fmt: skip
    assert (stored.status, stored.header("Parley-Durability"), stored.header("Preference-Applied")) == (
        201, "stored", "wait",
    )  # fmt: skip


def test_a_message_is_found_soon_after_its_answer(api: Client, write: Client) -> None:
    """Posted on one process, indexed by another, searched on a third."""
    tenant = Tenant(api)
    chat = tenant.create_chat()

    expect(write.json("POST", f"{chat}/messages", {"body": "a NEEDLE in the hay"}), 201)

    tenant.wait_until_found(chat, "needle", [1])
    tenant.wait_until_found(chat, "ne", [1])


def test_a_key_is_replayed_by_another_process(api: Client, write: Client) -> None:
    """The same key and payload on the other service: the first number again."""
    chat = Tenant(api).create_chat()
    key = [("Idempotency-Key", "once")]

    first = write.json("POST", f"{chat}/messages", {"body": "once"}, key)
    again = api.json("POST", f"{chat}/messages", {"message": {"body": "once"}}, key)
    other = write.json("POST", f"{chat}/messages", {"body": "other"}, key)

    assert (first.status, again.status, other.status) == (201, 201, 422)
    assert again.json() == first.json()
    assert again.header("Idempotent-Replayed") == "true"
