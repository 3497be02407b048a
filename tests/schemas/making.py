"""Uses the product until every table has rows, and keeps the database and what the API says of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from redis import Redis

from tests.schemas.recorded import ask, file_of, save_mysql, save_sqlite
from tests.support.client import Client
from tests.support.commands import check_is_clean, run_parley
from tests.support.engines import Engines
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet
from tests.support.next_release import NEWEST
from tests.support.polling import wait_for
from tests.support.server import Server
from tests.support.tenant import Tenant, expect

_BURN: Final = "3"
_OF_THE_FUTURE: Final = b"of a version to come"
_STORED: Final = {"Prefer": "wait=20"}
_ERASED: Final = "select count(*) from application where erased_at is not null"
_LONG_AGO: Final = "update lease set until = 1000; update worker set until = 1000"
_CHAT_SLASHES: Final = 6
"""In the path of a chat; that of its messages has one more."""


def make_sqlite(folder: Path) -> None:
    """Make the embedded database of this code's schema."""
    server = Server(folder)
    file = server.data_dir / "parley.db"

    def is_erased() -> bool:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            return bool(database.execute(_ERASED).fetchone() == (1,))

    with server, Client(server.api_url) as client:
        paths = begin(client)
        wait_for(is_erased, "the deleted application is erased", 60)
    begun = run_parley("restore", "--in-place", "--yes", "--burn", _BURN, "--data-dir", server.data_dir)
    assert begun.returncode == 0, begun.stderr
    with server, Client(server.api_url) as client:
        paths += go_on(client, paths[0])
        keep_answers("sqlite", client, paths)
    check_is_clean(server.data_dir)
    save_sqlite(NEWEST, file)


def make_mysql(folder: Path, engines: Engines) -> None:
    """Make the servers' database of this code's schema; leases and workers are in it, as after a crash long ago."""
    redis, mariadb = engines.redis, engines.mariadb
    with Fleet(folder, redis=redis, mariadb=mariadb, opensearch=engines.opensearch) as fleet:
        worker, api = fleet.start("work"), fleet.start("api")
        with Client(api.url) as client:
            paths = begin(client)
            wait_for(lambda: mariadb.run(_ERASED, fleet.database) == [["1"]], "the application is erased", 60)
        assert [api.stop(), worker.stop()] == [0, 0]
        begun = fleet.run("restore", "--in-place", "--yes", "--burn", _BURN)
        assert begun.returncode == 0, begun.stderr
        worker.start()
        api.start()
        with Client(api.url) as client:
            paths += go_on(client, paths[0])
            _put_poison(redis, fleet.database)
            wait_for(lambda: mariadb.run("select id from dead_letter", fleet.database), "it is set aside")
            keep_answers("mysql", client, paths)
        worker.kill()
        api.kill()
        mariadb.run(_LONG_AGO, fleet.database)
        save_mysql(NEWEST, fleet.env["PARLEY_DATABASE_URL"])


def begin(client: Client) -> list[str]:
    """Make what a restore will have been before; give the paths of what is there, the first chat's first."""
    kept, deleted = Tenant(client, "kept"), Tenant(client, "deleted")
    first, second, third = kept.create_chat("first"), kept.create_chat(), kept.create_chat("deleted")
    expect(
        client.json("POST", f"{deleted.create_chat()}/messages", {"body": "goes with its application"}, _STORED), 201
    )
    for body in ("one", "two, deleted", "three, edited", "💬 ß 'quoted' \\ Ελλάς", "x" * 300):
        expect(client.json("POST", f"{first}/messages", {"body": body}, _STORED), 201)
    who = {"body": "from somebody", "sender": "somebody", "metadata": {"n": 12345678901234567890, "list": [None, 0.1]}}
    expect(client.json("POST", f"{second}/messages", who, _STORED), 201)
    expect(client.json("POST", f"{third}/messages", {"body": "goes with its chat"}, _STORED), 201)
    expect(client.json("PATCH", first, {"title": "first, renamed"}, _STORED), 200)
    expect(client.json("PATCH", f"{first}/messages/3", {"body": "three, as edited"}, _STORED), 200)
    for path in (f"{first}/messages/2", third, deleted.path):
        answer = client.request("DELETE", path, headers=_STORED)
        assert answer.status == 204, answer
    return [first, f"{first}/messages", second, f"{second}/messages", kept.path, f"{kept.path}/chats"]


def go_on(client: Client, first: str) -> list[str]:
    """Write above the gaps that a restore leaves, and with keys, which it forgets; give the paths of what is new."""
    chats = first.rpartition("/")[0]
    key = {**_STORED, "Idempotency-Key": "a-key-of-the-fixture"}
    expect(client.json("POST", f"{first}/messages", {"body": "after the gap"}, key), 201)
    number = expect(client.json("POST", chats, {"title": "after the gap"}, _STORED), 201)["number"]
    path = f"{chats}/{number}"
    messages = [{"body": "many"}, {"body": "at once"}]
    expect(client.json("POST", f"{path}/messages/bulk", {"messages": messages}, _STORED), 201)
    return [path, f"{path}/messages"]


def keep_answers(dialect: str, client: Client, paths: list[str]) -> None:
    """Keep what the API says, once all is counted."""

    def counted() -> dict[str, Any] | None:
        answers = ask(client, paths)
        counts = [answers[path]["messages_count"] for path in paths if path.count("/") == _CHAT_SLASHES]
        return answers if all(counts) else None

    answers = wait_for(counted, "the counts are there")
    text = json.dumps(answers, indent=1, ensure_ascii=False, sort_keys=True)
    file_of(NEWEST, dialect, "json").write_text(text + "\n", "utf-8")


def _put_poison(redis: RedisServer, database: str) -> None:
    with Redis(port=redis.port) as client:
        log = max(client.scan_iter(f"{{{database}:*}}:*:log"))
        client.xadd(log, {"99": _OF_THE_FUTURE})
