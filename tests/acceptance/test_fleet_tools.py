"""An operator's tools on a fleet that is in use: a new index under load, and what differs made right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import httpx
import pytest

from tests.acceptance.test_bench import leftovers
from tests.support.client import Client
from tests.support.commands import run_parley
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet
from tests.support.polling import wait_for
from tests.support.tenant import Tenant, expect

BODIES = [f"needle {number}" for number in range(1, 1_001)]


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory,
    redis_server: RedisServer,
    mariadb_server: MariaDbServer,
    opensearch_server: OpenSearchServer,
) -> Iterator[Fleet]:
    """Give a fleet that answers."""
    folder = tmp_path_factory.mktemp("fleet")
    env = {"PARLEY_SEARCH_BATCH_MESSAGES": "300"}  # some steps
    with Fleet(folder, redis=redis_server, mariadb=mariadb_server, opensearch=opensearch_server, env=env) as made:
        made.start("work")
        made.start("api")
        yield made


@pytest.fixture
def tenant(fleet: Fleet) -> Iterator[Tenant]:
    """Give an application whose chat 1 is indexed."""
    with Client(fleet.members[1].url) as client:
        made = Tenant(client)
        chat = made.create_chat()
        made.post_many(chat, BODIES)
        made.wait_until_indexed(chat, 60)
        yield made


class Index:
    """The fleet's index, behind its back."""

    def __init__(self, fleet: Fleet, server: OpenSearchServer) -> None:
        """Find it by its prefix."""
        self._url = f"{server.url}/{fleet.database}-messages-v1"

    def names(self) -> list[str]:
        """Name all that there is."""
        return sorted(self._ask("GET", "-*"))

    def remove(self, first: int, last: int) -> int:
        """Remove documents by their numbers in chats, and give how many there were."""
        within = [f"{chat}-{number}" for chat in range(1, 50) for number in range(first, last + 1)]
        self._ask("PUT", "/_settings", {"index": {"gc_deletes": "0s"}})  # or it remembers what it lost for a minute
        query = {"query": {"ids": {"values": within}}}
        removed: int = self._ask("POST", "/_delete_by_query?refresh=true", query)["deleted"]
        return removed

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, int]:
        answer = httpx.request(method, f"{self._url}{path}", json=body, timeout=60)
        assert answer.is_success, answer.text
        told: dict[str, int] = answer.json()
        return told


@contextmanager
def in_use(url: str, tenant: Tenant) -> Iterator[list[int]]:
    """Post and search all the time beside; give how many a search found, which must never fall."""
    stop, found = Event(), list[int]()

    def use() -> None:
        with Client(url) as client:
            while not stop.is_set():
                expect(client.json("POST", f"{tenant.path}/chats/1/messages", {"body": "a haystack's needle"}), 201)
                page = expect(client.get(f"{tenant.path}/chats/1/messages/search?q=needle%20&limit=100"), 200)
                found.append(len(page))

    with ThreadPoolExecutor() as pool:
        using = pool.submit(use)
        try:
            yield found
        finally:
            stop.set()
        using.result()


@pytest.fixture
def index(fleet: Fleet, opensearch_server: OpenSearchServer) -> Index:
    """Give the fleet's index."""
    return Index(fleet, opensearch_server)


def test_a_new_index_is_made_while_the_old_one_answers(fleet: Fleet, tenant: Tenant, index: Index) -> None:
    """No search fails or finds less; the new index lacks nothing, and the old one is gone."""
    before = index.names()

    with in_use(fleet.members[1].url, tenant) as found:
        done = fleet.run("reindex")

    assert (done.returncode, done.stdout[:20]) == (0, "a new index is searc"), done.stderr
    assert len(found) > 3
    assert set(found) == {100}
    assert len(index.names()) == 1
    assert index.names() != before
    tenant.wait_until_indexed(f"{tenant.path}/chats/1", 60)
    checked = fleet.run("check")
    assert checked.returncode == 0, checked.stdout


def test_a_new_index_is_made_where_no_worker_is(fleet: Fleet, tenant: Tenant, index: Index) -> None:
    """The command does a worker's job, also with what was stored but not indexed."""
    before = index.names()
    assert fleet.members[0].stop() == 0
    try:
        done = fleet.run("reindex")
    finally:
        fleet.members[0].start()

    assert done.returncode == 0, done.stderr
    assert len(index.names()) == 1
    assert index.names() != before
    assert tenant.search(f"{tenant.path}/chats/1", "needle 999") == [999]


def test_what_differs_from_the_rows_is_named_and_mended(
    fleet: Fleet, tenant: Tenant, index: Index, mariadb_server: MariaDbServer
) -> None:
    """Documents that the engine lost, and counts that somebody changed; while messages go on."""
    lost = index.remove(10, 19)
    mariadb_server.run("update chat set messages_count = messages_count + 5 order by id desc limit 1", fleet.database)
    clean = fleet.run("check")

    with in_use(fleet.members[1].url, tenant):
        told = fleet.run("reconcile")
        mended = fleet.run("reconcile", "--repair", "--limit", "3")

    assert lost >= 10
    assert (clean.returncode, told.returncode, mended.returncode) == (1, 1, 0), mended.stdout + mended.stderr
    assert "messages_count is" in told.stdout
    assert f"differs | {lost}" in " ".join(told.stdout.replace("│", "|").split())
    assert tenant.search(f"{tenant.path}/chats/1", "needle 15")[:2] == [15, 150]
    wait_for(lambda: fleet.run("check").returncode == 0, "everything agrees")


def test_an_index_that_cannot_be_read_is_not_called_right(fleet: Fleet, tenant: Tenant) -> None:
    """Nobody answers where it should be: that is said, and is no success, with and without a repair."""
    nowhere = ("--search-url", "http://127.0.0.1:1")

    done = [fleet.run("reconcile", *nowhere), fleet.run("reconcile", "--repair", *nowhere)]

    assert tenant.token
    assert [each.returncode for each in done] == [1, 1]
    assert all("cannot read the search index: The search engine does not answer" in each.stdout for each in done)


def test_a_second_command_shows_the_first_ones_index_or_gives_it_up(fleet: Fleet, index: Index) -> None:
    """It is asked for, nobody fills it, and it can be let go."""
    assert fleet.members[0].stop() == 0
    try:
        before = index.names()
        nothing = fleet.run("reindex", "--cancel")
    finally:
        fleet.members[0].start()

    assert (nothing.returncode, nothing.stdout) == (0, "no new index was being made\n")
    assert index.names() == before


def test_an_embedded_index_is_made_anew_by_a_start(tmp_path: Path, fleet: Fleet) -> None:
    """The command says how."""
    refused = fleet.run("reindex", "--search-url", f"sqlite://{tmp_path}/search.db")

    assert refused.returncode == 1
    assert f"remove {tmp_path}/search.db" in refused.stderr


def test_bench_finds_all_that_was_answered_before_it_was_stored(fleet: Fleet) -> None:
    """Creates are answered from the log and reads from whatever holds them by then; the counts follow."""
    write = fleet.start("write")
    where = ("--url", fleet.members[1].url, "--write-url", write.url)

    done = run_parley("bench", *where, "--seconds", "2", "--reads", "30", "--keys", "50", "--json", timeout_s=120)

    assert done.returncode == 0, done
    report = json.loads(done.stdout)
    assert report["messages"]["counted"] == report["messages"]["acknowledged"] > 10_000
    assert [loop["errors"] for loop in report["loops"]] == [0, 0]


def test_bench_calls_no_loss_what_a_new_epoch_leaves_out(fleet: Fleet) -> None:
    """Numbers go on above all that was given away; those in between were never answered, and nothing is missing."""
    api, write = fleet.members[1].url, fleet.start("write").url
    where = ("--url", api, "--write-url", write, "--connections", "2", "--chats", "2", "--json")

    with ThreadPoolExecutor() as pool, Client(api) as client:
        running = pool.submit(run_parley, "bench", *where, "--seconds", "12", timeout_s=120)
        path = wait_for(lambda: leftovers(client), "an application", timeout_s=30)[0]
        chat = f"{path}/chats/1/messages"
        wait_for(lambda: client.get(f"{chat}/100").status == 200, "messages", timeout_s=30)
        rebuilt = fleet.run("rebuild-sequences", "--yes")
        last = _last(client, chat)
        wait_for(lambda: _last(client, chat) > last, "a message of the new epoch", timeout_s=30)
        done = running.result()

    assert rebuilt.returncode == 0, rebuilt
    messages = json.loads(done.stdout)["messages"]
    assert (messages["complete"], messages["findings"]) == (True, [])
    assert messages["acknowledged"] <= messages["counted"] <= messages["acknowledged"] + messages["unsettled"]


def _last(client: Client, chat: str) -> int:
    """Give the highest number there is."""
    page = expect(client.get(f"{chat}?before={2**63 - 1}&limit=1"), 200)
    return int(page[0]["number"])
