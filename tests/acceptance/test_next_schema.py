"""Today's code on the next release's schema: it works where that one expanded, and refuses where it contracted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.schemas.recorded import load_mysql, load_sqlite
from tests.support.client import Client
from tests.support.commands import check_is_clean, refusal, run_parley
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet
from tests.support.next_release import NEWEST, NextRelease
from tests.support.server import Server
from tests.support.tenant import Tenant, expect

NEXT = NEWEST + 1
STORED = {"Prefer": "wait=20"}
REFUSED = f"the database has schema {NEXT}, which needs newer code (this one knows {NEWEST}); install a newer Parley"
EMBEDDED = ["serve", "migrate", "migrate --dry-run", "check", "backup there", "reconcile", "status"]
SERVED = [
    "api", "write", "work", "migrate", "migrate --dry-run", "check", "backup there", "reconcile", "reindex",
    "dead-letters list", "rebuild-sequences --yes",
]  # fmt: skip


@pytest.fixture(scope="module")
def expanded(tmp_path_factory: pytest.TempPathFactory) -> NextRelease:
    """Give a next release on whose schema this code runs."""
    return NextRelease(tmp_path_factory.mktemp("expanded") / "next")


@pytest.fixture(scope="module")
def contracted(tmp_path_factory: pytest.TempPathFactory) -> NextRelease:
    """Give a next release on whose schema this code no longer runs."""
    return NextRelease(tmp_path_factory.mktemp("contracted") / "next", oldest_code=NEXT)


@pytest.fixture
def fleet(
    tmp_path: Path, redis_server: RedisServer, mariadb_server: MariaDbServer, opensearch_server: OpenSearchServer
) -> Iterator[Fleet]:
    """Give a fleet without processes."""
    with Fleet(tmp_path / "first", redis=redis_server, mariadb=mariadb_server, opensearch=opensearch_server) as made:
        yield made


def walk(reader: Client, writer: Client, tenant: Tenant) -> None:
    """Create, read, edit, delete and search, in a chat of its own."""
    chat = tenant.create_chat("a chat")
    bodies = [f"needle {n}" for n in range(1, 4)]
    for number, body in enumerate(bodies, 1):
        assert expect(writer.json("POST", f"{chat}/messages", {"body": body}, STORED), 201)["number"] == number
    expect(reader.json("PATCH", f"{chat}/messages/1", {"body": "edited needle"}), 200)
    assert reader.request("DELETE", f"{chat}/messages/2").status == 204
    tenant.wait_until_found(chat, "needle", [1, 3], timeout_s=60)
    found = expect(reader.get(f"{chat}/messages"), 200)
    assert [(row["number"], row["body"]) for row in found] == [(1, "edited needle"), (3, "needle 3")]
    gone = tenant.create_chat()
    assert reader.request("DELETE", gone).status == 204


def test_an_embedded_database_that_was_expanded_is_used(tmp_path: Path, expanded: NextRelease) -> None:
    """All that clients do, a clean check, and a backup that is restored: by code that knows nothing of what is new."""
    server, backup = Server(tmp_path / "first"), tmp_path / "backup"
    with server, Client(server.api_url) as api, Client(server.write_url) as write:
        tenant = Tenant(api)
        walk(api, write, tenant)
    migrated = run_parley("migrate", "--data-dir", server.data_dir, env=expanded.env)
    nothing = run_parley("migrate", "--data-dir", server.data_dir)
    with server, Client(server.api_url) as api, Client(server.write_url) as write:
        tenant.api = api
        walk(api, write, tenant)
        made = run_parley("backup", backup, "--data-dir", server.data_dir)
    check_is_clean(server.data_dir)
    restored = Server(tmp_path / "restored")
    done = run_parley("restore", backup, "--data-dir", restored.data_dir)
    with restored, Client(restored.api_url) as api, Client(restored.write_url) as write:
        walk(api, write, Tenant(api))
    check_is_clean(restored.data_dir)

    assert (migrated.returncode, made.returncode, done.returncode) == (0, 0, 0), migrated.stderr + done.stderr
    assert f"{NEXT:04} wider: code of schema 1 and later runs on it too\n" in migrated.stdout
    assert "nothing to do" in nothing.stdout


@pytest.mark.timeout(400)
def test_a_fleet_goes_on_while_its_database_is_expanded_and_beside_the_next_release(
    fleet: Fleet, expanded: NextRelease, tmp_path: Path
) -> None:
    """Old worker and new API, new worker and old API, then the old ones again, and their backup."""
    fleet.start("work")
    old, write = fleet.start("api"), fleet.start("write")
    with Client(old.url) as api, Client(write.url) as writer:
        tenant = Tenant(api)
        walk(api, writer, tenant)
        env, fleet.env = fleet.env, {**fleet.env, **expanded.env}
        migrated = fleet.run("migrate")
        new, new_write = fleet.start("api"), fleet.start("write")
        fleet.env = env
        walk(api, writer, tenant)
        with Client(new.url) as new_api, Client(new_write.url) as new_writer:
            walk(new_api, new_writer, Tenant(new_api))
            assert fleet.members[0].stop() == 0
            fleet.start("work", env=expanded.env)
            walk(api, writer, tenant)
            walk(new_api, new_writer, Tenant(new_api))
    assert [member.stop() for member in reversed(fleet.members) if member.is_running()] == [0] * 5
    fleet.mariadb.run("insert into reaction values (1, 1, 1, 'smile')", fleet.database)
    fleet.members[0].start()
    old.start()
    write.start()
    with Client(old.url) as api, Client(write.url) as writer:
        walk(api, writer, Tenant(api))
    made = fleet.run("backup", str(tmp_path / "backup"))
    assert [old.stop(), write.stop(), fleet.members[0].stop()] == [0, 0, 0]
    check = fleet.run("check")

    assert migrated.returncode == 0, migrated.stderr
    assert f"{NEXT:04}" in migrated.stdout
    assert made.returncode == 0, made.stderr
    assert check.returncode == 0, check.stdout + check.stderr
    restores_clean(fleet, tmp_path / "backup", expanded)


def restores_clean(fleet: Fleet, backup: Path, expanded: NextRelease) -> None:
    """Restore into a database of its own, by today's code; both releases use it, and nothing of the next is missing."""
    name = f"{fleet.database}_restored"
    fleet.env = {**fleet.env, "PARLEY_DATABASE_URL": fleet.mariadb.create_database(name)}
    done = fleet.run("restore", str(backup))
    assert done.returncode == 0, done.stderr
    assert fleet.mariadb.run("select reaction from reaction", name) == [["smile"]]
    with Client(fleet.start("api", env=expanded.env).url) as api:
        Tenant(api)
    assert fleet.members[-1].stop() == 0
    worker, reading, writing = fleet.start("work"), fleet.start("api"), fleet.start("write")
    with Client(reading.url) as api, Client(writing.url) as writer:
        walk(api, writer, Tenant(api))
    assert [writing.stop(), reading.stop(), worker.stop()] == [0, 0, 0]
    check = fleet.run("check")
    assert check.returncode == 0, check.stdout + check.stderr


def test_an_embedded_database_that_was_contracted_is_refused(tmp_path: Path, contracted: NextRelease) -> None:
    """By every command with one line and 1, and so is a backup of it; the file stays as it is."""
    folder = tmp_path / "data"
    file = folder / "parley.db"
    load_sqlite(NEWEST, file)
    plan = run_parley("migrate", "--dry-run", "--data-dir", folder, env=contracted.env)
    for command in ("migrate", "backup"):
        where = [tmp_path / "backup"] if command == "backup" else []
        done = run_parley(command, *where, "--data-dir", folder, env=contracted.env)
        assert done.returncode == 0, done.stderr
    before = file.read_bytes()

    for command in EMBEDDED:
        done = run_parley(*command.split(), "--data-dir", folder)
        assert (REFUSED in refusal(done), done.returncode) == (True, 1), f"{command}: {done}"
    restored = run_parley("restore", tmp_path / "backup", "--data-dir", tmp_path / "empty")
    doctor = run_parley("doctor", "--data-dir", folder)

    assert (
        f"code that knows no schema {NEXT} no longer runs; the way back is a backup\nnothing was changed" in plan.stdout
    )
    assert f"has schema {NEXT}, and this code knows {NEWEST}" in refusal(restored)
    assert doctor.returncode == 1
    assert REFUSED in doctor.stdout
    assert file.read_bytes() == before


def test_a_database_on_a_server_that_was_contracted_is_refused(fleet: Fleet, contracted: NextRelease) -> None:
    """By every command and process with one line and 1."""
    load_mysql(NEWEST, fleet.env["PARLEY_DATABASE_URL"])
    env, fleet.env = fleet.env, {**fleet.env, **contracted.env}
    assert fleet.run("migrate").returncode == 0
    fleet.env = env

    for command in SERVED:
        done = fleet.run(*command.split())
        assert (REFUSED in refusal(done), done.returncode) == (True, 1), f"{command}: {done}"
    shown = {command: fleet.run(command) for command in ("doctor", "status")}

    assert {done.returncode for done in shown.values()} == {1}, shown
    assert all("Traceback" not in done.stderr and "needs newer code" in done.stdout for done in shown.values()), shown
