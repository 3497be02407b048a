"""Dead letters as clients see them: every process lists what it gives one by one, whatever became of a letter."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from parley.database.mysql.address import parse_address
from parley.database.mysql.session import connect
from tests.support.client import Client
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.polling import wait_for
from tests.support.server import free_ports
from tests.support.tenant import Tenant, expect

FITS = 100
"""Characters that a body may have, until a test allows more."""
TOO_LONG = "x" * 200
HEARD_S = 5.0
"""A process hears of it within a second; the rest is for a busy machine."""


class Readers(NamedTuple):
    """Two API processes at the same servers, a worker, and a chat."""

    fleet: Fleet
    worker: Member
    clients: list[Client]
    tenant: Tenant
    chat: str

    @property
    def ours(self) -> str:
        """Say in SQL which rows are of the chat."""
        return f"application_id = (select id from application where token = '{self.tenant.token}')"  # noqa: S608 - our own

    def rows(self) -> int:
        """Count the messages that are stored."""
        ((count,),) = self.fleet.mariadb.run(f"select count(*) from message where {self.ours}", self.fleet.database)  # noqa: S608 - our own
        return int(count)

    def edit(self, number: int, body: str) -> None:
        """Give a message another body."""
        expect(self.clients[0].json("PATCH", f"{self.chat}/messages/{number}", {"body": body}), 200)

    @contextmanager
    def setting_aside(self, count: int) -> Iterator[None]:
        """Store what is written within only when every process has it in memory; then so many are letters."""
        assert self.worker.stop() == 0
        yield
        self.keep_the_end()
        self.worker.start()
        wait_for(lambda: len(self.letters()) == count, f"{count} are letters")

    def letters(self) -> list[str]:
        """Give the ids of all letters."""
        rows = self.fleet.mariadb.run("select id from dead_letter order by id", self.fleet.database)
        return [id_ for (id_,) in rows]

    def decide(self, *command: str) -> None:
        """Run a command about a letter."""
        done = self.fleet.run("dead-letters", *command)
        assert done.returncode == 0, (done.stdout, done.stderr)

    def listed(self, client: Client) -> dict[int, str]:
        """Give the bodies that a process lists."""
        return {row["number"]: row["body"] for row in expect(client.get(f"{self.chat}/messages"), 200)}

    def keep_the_end(self) -> None:
        """Read until each process has the end of the chat in memory."""
        for client in self.clients:
            before = kept_pages(client)
            wait_for(lambda c=client, b=before: self.listed(c) and kept_pages(c) > b, "kept")  # type: ignore[misc]

    def all_see(self, bodies: dict[int, str]) -> None:
        """Wait until every process gives these messages, listed and one by one, and no others."""
        for client in self.clients:
            what = f"{sorted(bodies)} are listed"
            wait_for(lambda c=client: self.listed(c) == bodies, what, HEARD_S)  # type: ignore[misc]
            for number in range(1, max(bodies) + 2):
                single = client.get(f"{self.chat}/messages/{number}")
                assert (single.json()["body"] if single.status == 200 else None) == bodies.get(number)

    def put_another(self, number: int) -> None:
        """Put a message into the database under a number that it did not give."""
        row = f"application_id, chat_id, {number}, epoch, position, 'another', null, null, unhex(repeat('ab', 16))"
        statement = (
            f"insert into message select {row}, created_at, updated_at, null"  # noqa: S608 - our own
            f" from message where number = 1 and {self.ours}"
        )
        self.fleet.mariadb.run(statement, self.fleet.database)

    def fit(self, characters: int) -> None:
        """Let bodies be no longer than this."""
        self.fleet.mariadb.run(f"alter table message modify body varchar({characters})", self.fleet.database)


def measured(client: Client, name: str) -> float:
    """Give a metric of a process."""
    lines = client.get("/metrics").body.decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def kept_pages(client: Client) -> float:
    """Count the pages that a process answered from memory."""
    return measured(client, "parley_tail_pages_total")


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer, mariadb_server: MariaDbServer
) -> Iterator[Fleet]:
    """Give a fleet with a worker and two API processes; nobody searches, so no engine is there."""
    folder, (closed,) = tmp_path_factory.mktemp("letters"), free_ports(1)
    env = {"PARLEY_SEARCH_URL": f"http://127.0.0.1:{closed}/parley"}
    with Fleet(folder, redis=redis_server, mariadb=mariadb_server, opensearch=None, env=env) as made:
        for role in ("work", "api", "api"):
            made.start(role)
        yield made


@pytest.fixture
def readers(fleet: Fleet) -> Iterator[Readers]:
    """Give the readers of a chat with three messages, in a database that takes short bodies alone."""
    worker, *apis = fleet.members
    with Client(apis[0].url) as one, Client(apis[1].url) as other:
        tenant = Tenant(one)
        made = Readers(fleet, worker, [one, other], tenant, tenant.create_chat())
        tenant.post_many(made.chat, ["a", "b", "c"])
        wait_for(lambda: made.rows() == 3, "stored")
        made.fit(FITS)
        yield made
        fleet.mariadb.run("delete from dead_letter; update message set body = 'short'", fleet.database)


def test_what_is_set_aside_leaves_every_list(readers: Readers) -> None:
    """A message, and the new body of another: both were acknowledged and listed before. What follows is there."""
    with readers.setting_aside(2):
        readers.tenant.post(readers.chat, TOO_LONG)
        readers.edit(2, TOO_LONG)
        readers.tenant.post(readers.chat, "after")

    readers.all_see({1: "a", 2: "b", 3: "c", 5: "after"})


def test_what_is_replayed_is_in_every_list(readers: Readers) -> None:
    """In its place, though the end of the chat was in memory without it."""
    with readers.setting_aside(1):
        readers.tenant.post(readers.chat, TOO_LONG)
        readers.tenant.post(readers.chat, "after")
    readers.all_see({1: "a", 2: "b", 3: "c", 5: "after"})
    readers.keep_the_end()

    readers.fit(2 * len(TOO_LONG))
    readers.decide("replay", *readers.letters())

    readers.all_see({1: "a", 2: "b", 3: "c", 4: TOO_LONG, 5: "after"})


def test_what_waited_behind_one_that_is_given_up_is_in_every_list(readers: Readers) -> None:
    """An edit behind an edit. What is given up itself stays out."""
    with readers.setting_aside(3):
        readers.edit(2, TOO_LONG)
        readers.edit(2, "fits")
        readers.tenant.post(readers.chat, TOO_LONG)
    readers.all_see({1: "a", 2: "b", 3: "c"})
    readers.keep_the_end()
    edit, _, message = readers.letters()

    readers.decide("discard", "--yes", edit)
    readers.all_see({1: "a", 2: "fits", 3: "c"})
    readers.keep_the_end()
    readers.decide("discard", "--yes", message)

    readers.all_see({1: "a", 2: "fits", 3: "c"})


def test_every_process_tells_how_many_wait(readers: Readers) -> None:
    """On ``/ready``, which stays 200, and as a metric; a worker, too; nothing once they are decided."""
    members = readers.fleet.members
    with Client(readers.worker.url) as worker:

        def told() -> list[float]:
            return [measured(client, "parley_dead_letters_waiting") for client in (*readers.clients, worker)]

        before = told()
        with readers.setting_aside(2):
            readers.tenant.post(readers.chat, TOO_LONG)
            readers.edit(1, TOO_LONG)
        waiting, ready = told(), [member.ready() for member in members]
        for letter in readers.letters():
            readers.decide("discard", "--yes", letter)
        after = told()

    assert (before, waiting, after) == ([0] * 3, [2] * 3, [0] * 3)
    assert [status for status, _ in ready] == [200] * 3
    assert all("dead letters wait for a decision: 2" in body["degraded"] for _, body in ready)
    assert not [each for member in members for each in member.ready()[1]["degraded"] if "dead letters" in each]


def test_what_clashes_is_posted_under_a_new_number_when_somebody_says_so(readers: Readers) -> None:
    """Never by itself. Cut off between posting and discarding, it goes on when repeated, and posts nothing twice."""
    with readers.setting_aside(1):
        number = readers.tenant.post(readers.chat, "mine")
        readers.put_another(number)
    (letter,) = readers.letters()
    replay = ("dead-letters", "replay", letter)

    plain, unasked = readers.fleet.run(*replay), readers.fleet.run(*replay, "--as-new")
    assert readers.worker.stop() == 0
    begun = readers.fleet.run(*replay, "--as-new", "--yes")
    readers.worker.start()
    readers.all_see({1: "a", 2: "b", 3: "c", 4: "another", 5: "mine"})
    ended = readers.fleet.run(*replay, "--as-new", "--yes")

    assert (plain.returncode, unasked.returncode, begun.returncode, ended.returncode) == (1, 1, 1, 0)
    assert "collision" in plain.stdout
    assert "--yes" in unasked.stderr
    assert begun.stdout.endswith(f"letter {letter} was posted as message 5, not stored yet: repeat this\n")
    assert ended.stdout.endswith(f"letter {letter} was posted as message 5\n")
    assert readers.letters() == []
    readers.all_see({1: "a", 2: "b", 3: "c", 4: "another", 5: "mine"})


def test_what_cannot_be_stored_under_a_new_number_either_is_kept(readers: Readers) -> None:
    """As its text does not fit: the letter stays, and repeating it makes no more of them."""
    with readers.setting_aside(1):
        readers.tenant.post(readers.chat, TOO_LONG)
    (letter,) = readers.letters()

    done = [readers.fleet.run("dead-letters", "replay", letter, "--as-new", "--yes") for _ in range(2)]

    assert [each.returncode for each in done] == [1, 1]
    assert all(each.stdout.endswith("as message 5, which could not be stored either\n") for each in done)
    assert len(readers.letters()) == 2


@pytest.mark.parametrize("command", [("replay",), ("discard", "--yes")])
async def test_a_command_that_comes_too_late_says_so(readers: Readers, command: tuple[str, ...]) -> None:
    """Somebody else decides the letter when it is found, and not yet held: nothing is claimed that was not done."""
    with readers.setting_aside(1):
        readers.tenant.post(readers.chat, TOO_LONG)
    (letter,) = readers.letters()
    assert readers.worker.stop() == 0
    other = await connect(parse_address(readers.fleet.env["PARLEY_DATABASE_URL"]), {})
    pool = ThreadPoolExecutor(1)
    try:
        await other.execute("start transaction", ())
        await other.execute("select id from `partition` for update", ())
        late = pool.submit(readers.fleet.run, "dead-letters", *command, letter)
        asks = "select 1 from information_schema.processlist where info like 'select epoch, position_epoch%'"
        wait_for(lambda: readers.fleet.mariadb.run(asks), "it waits for the partition", 30)
        await other.execute("delete from dead_letter where id = %s", (letter,))
        await other.execute("commit", ())
    finally:
        await other.close()
        readers.worker.start()
        pool.shutdown()
    done = late.result()

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith(f"letter {letter} is gone: somebody else")
