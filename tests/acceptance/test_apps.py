"""``parley apps`` against the real server, as a process."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.client import Client
from tests.support.commands import refusal, run_parley
from tests.support.rooms import succeed
from tests.support.server import Server
from tests.support.tenant import ALIAS, expect

ADMIN_TOKEN = "s3cret-admin-of-this-test"  # noqa: S105 - of this test's own server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server with an admin token."""
    with Server(tmp_path_factory.mktemp("guarded"), env={"PARLEY_ADMIN_TOKEN": ADMIN_TOKEN}) as server:
        yield server


def test_created_application_is_listed_and_its_curl_line_works(server: Server) -> None:
    """The token comes first, alone on its line; the printed command opens a chat when it is pasted."""
    created = succeed(run_parley("apps", "create", "demo [bold]x[/]", "--url", server.api_url))
    listed = succeed(run_parley("apps", "list", "--url", server.api_url))

    token = created.stdout.splitlines()[0]
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert re.search(rf"demo \[bold\]x\[/\] +│ {token} │ +0 │ \d{{4}}-", listed.stdout)
    pasted = f"{created.stdout.splitlines()[-1].strip()} --silent"
    opened = succeed(subprocess.run(["/bin/bash", "-c", pasted], capture_output=True, text=True, check=False))
    assert json.loads(opened.stdout)["number"] == 1


def test_applications_are_listed_beyond_one_page(guarded: Server) -> None:
    """All of them in creation order, as JSON, with the admin token from flag or environment."""
    authorization = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    with Client(guarded.api_url) as client:
        for number in range(130):
            expect(client.json("POST", ALIAS, {"name": f"a{number}"}, authorization), 201)

    command = ("apps", "create", "last", "--json", "--url", guarded.api_url)
    created = succeed(run_parley(*command, "--admin-token", ADMIN_TOKEN))
    listed = succeed(
        run_parley("apps", "list", "--json", "--url", guarded.api_url, env={"PARLEY_ADMIN_TOKEN": ADMIN_TOKEN})
    )

    rows = json.loads(listed.stdout)
    assert [row["name"] for row in rows] == [*(f"a{number}" for number in range(130)), "last"]
    assert rows[-1]["token"] == json.loads(created.stdout)["token"]


@pytest.mark.parametrize("token", [None, "wrong-secret"])
def test_missing_or_wrong_admin_token_is_one_line(token: str | None, guarded: Server) -> None:
    """The token itself is never printed."""
    done = run_parley(
        "apps", "list", "--url", guarded.api_url, env={} if token is None else {"PARLEY_ADMIN_TOKEN": token}
    )

    assert refusal(done).startswith("parley: ")
    assert done.stdout == ""
    assert "wrong-secret" not in done.stderr


def test_name_that_the_server_refuses_is_one_line(server: Server) -> None:
    """With the server's own sentence."""
    done = run_parley("apps", "create", " ", "--url", server.api_url)

    assert refusal(done) == "parley: name can't be blank"
