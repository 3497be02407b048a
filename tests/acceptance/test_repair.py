"""``parley check --repair`` on an embedded database: what the rows say is made right, the rest is named."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import apsw
import pytest

from tests.support.client import Client
from tests.support.commands import check_is_clean, run_parley
from tests.support.server import Server
from tests.support.tenant import Tenant, expect


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """Give a stopped server with a chat of nine messages."""
    with Server(tmp_path) as server, Client(server.api_url) as client:
        tenant = Tenant(client)
        chat = tenant.create_chat()
        tenant.post_many(chat, [f"body {number}" for number in range(1, 10)])
        tenant.wait_until_found(chat, "body 9", [9])
    return server


def tamper(server: Server, *statements: str) -> None:
    """Change the database behind the product's back."""
    connection = apsw.Connection(str(server.data_dir / "parley.db"))
    for statement in statements:
        connection.execute(statement).fetchall()
    connection.close()


def repair(server: Server, *flags: str) -> subprocess.CompletedProcess[str]:
    """Repair what a stopped server has."""
    return run_parley("check", "--repair", "--data-dir", server.data_dir, *flags)


LOST = "delete from message where id & 4294967295 in (3, 4, 7)"
COUNT = "update chat set messages_count = 99"
GRANT = "update chat set granted_until = 5"


def test_counts_index_and_numbers_are_made_right(server: Server) -> None:
    """First it says what it does, then it does that; what is lost is given up only where that is said, too."""
    tamper(server, LOST, COUNT, GRANT)

    unsure = repair(server)
    first = repair(server, "--yes")
    told = json.loads(repair(server, "--yes", "--json").stdout)
    second = repair(server, "--yes", "--explain-gaps")

    assert unsure.returncode == 1
    for plan in ("counts: 1 are set", "index: 3 messages", "is set to go on above what was used", "numbers 3 to 4 are"):
        assert plan in unsure.stderr
    assert "nobody can be asked here: say --yes" in unsure.stderr
    assert first.returncode == 1, "the lost numbers are left"
    assert "numbers 3 to 4 are missing" in first.stdout
    assert told["checks"] | {"numbers": 0} == dict.fromkeys(told["checks"], 0)
    assert told["checks"]["numbers"] == 2
    assert second.returncode == 0, second.stdout + second.stderr
    check_is_clean(server.data_dir)
    with server, Client(server.api_url) as client:
        chat = _chat(client)
        assert expect(client.json("POST", f"{chat}/messages", {"body": "next"}), 201)["number"] == 10
        assert expect(client.get(chat), 200)["messages_count"] == 7


def test_what_nothing_repairs_is_named_with_where_to_read(server: Server) -> None:
    """And stays; the command says so at its end."""
    tamper(server, "update message set created_at = 0 where id & 4294967295 = 5")

    done = repair(server, "--yes")

    assert done.returncode == 1
    assert "--repair can do nothing here" in done.stderr
    assert "not repaired: times, 1: docs/runbook.md" in done.stderr


def test_a_repair_of_a_database_in_use_is_refused(server: Server) -> None:
    """After what it would do was shown."""
    tamper(server, COUNT)
    with server:
        done = repair(server, "--yes")

    assert "counts: 1 are set" in done.stderr
    assert "is in use by process" in done.stderr
    assert done.returncode == 1


def test_a_repair_of_what_agrees_changes_nothing(server: Server) -> None:
    """Nothing is asked either."""
    assert repair(server).returncode == 0


def _chat(client: Client) -> str:
    token = expect(client.get("/api/v1/applications"), 200)[0]["token"]
    return f"/api/v1/applications/{token}/chats/1"
