"""Databases of released schemas, as the releases left them: today's code migrates, answers and checks each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.schemas.recorded import VERSIONS, Answers, ask, load_mysql, load_sqlite, read_answers
from tests.support.client import Client
from tests.support.commands import check_is_clean, run_parley
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet
from tests.support.next_release import NEWEST
from tests.support.server import Server
from tests.support.tenant import expect


def messages_path(answers: Answers) -> str:
    """Give the path of the first chat's messages."""
    return min(path for path in answers if path.endswith("/messages"))


def write_on(client: Client, answers: Answers) -> None:
    """Create, edit and delete in the first chat; numbers go on from those that were given."""
    path = messages_path(answers)
    last = answers[path][-1]["number"]
    number = expect(client.json("POST", path, {"body": "today's"}, {"Prefer": "wait=20"}), 201)["number"]
    assert number > last
    assert expect(client.json("PATCH", f"{path}/{number}", {"body": "today's, edited"}), 200)["number"] == number
    assert client.request("DELETE", f"{path}/{number}").status == 204
    assert expect(client.get(path), 200) == answers[path]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_embedded_database_of_a_released_schema_is_served(tmp_path: Path, version: int) -> None:
    """Every answer is what it was then, numbers go on, and the check is clean."""
    answers = read_answers(version, "sqlite")
    server = Server(tmp_path)
    load_sqlite(version, server.data_dir / "parley.db")

    plan = run_parley("migrate", "--dry-run", "--data-dir", server.data_dir)
    with server, Client(server.api_url) as client:
        now = ask(client, list(answers))
        write_on(client, answers)
    check_is_clean(server.data_dir)

    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.count("\n  0") == NEWEST - version
    assert now == answers


@pytest.mark.parametrize("version", VERSIONS)
def test_a_fleet_serves_a_database_of_a_released_schema(
    tmp_path: Path,
    version: int,
    redis_server: RedisServer,
    mariadb_server: MariaDbServer,
    opensearch_server: OpenSearchServer,
) -> None:
    """Over a log that knows nothing: every answer is what it was then, letters are kept, and the check is clean."""
    answers = read_answers(version, "mysql")
    with Fleet(tmp_path, redis=redis_server, mariadb=mariadb_server, opensearch=opensearch_server) as fleet:
        load_mysql(version, fleet.env["PARLEY_DATABASE_URL"])
        migrated = fleet.run("migrate")
        fleet.start("work")
        with Client(fleet.start("api").url) as client:
            now = ask(client, list(answers))
            write_on(client, answers)
        letters = fleet.run("dead-letters", "list")
        for member in reversed(fleet.members):
            assert member.stop() == 0
        check = fleet.run("check")

    assert migrated.returncode == 0, migrated.stderr
    assert now == answers
    assert "unreadable" in letters.stdout
    assert check.returncode == 0, check.stdout + check.stderr
