"""``parley export`` against the real server, as a process."""

from __future__ import annotations

import json
import shlex
import subprocess

from tests.support.commands import refusal
from tests.support.rooms import Rooms
from tests.support.server import parley_command
from tests.support.tenant import Tenant, expect


def test_export_shows_edits_gaps_and_empty_chats(rooms: Rooms, application: Tenant) -> None:
    """Numbers of deleted messages stay away; a chat without messages is one line; one chat can be had alone."""
    chat = application.create_chat("first")
    application.create_chat("empty")
    for body in ("one", "two", "three"):
        application.post(chat, body)
    expect(application.api.json("PATCH", f"{chat}/messages/1", {"body": "ONE"}), 200)
    expect(application.api.request("DELETE", f"{chat}/messages/2"), 204)

    lines = rooms.run_export()
    alone = rooms.run_export("--chat", "2")

    assert [(line["chat"], line["title"], line["number"], line["body"], line["edited"]) for line in lines] == [
        (1, "first", 1, "ONE", True),
        (1, "first", 3, "three", False),
        (2, "empty", None, None, False),
    ]
    assert alone == lines[2:]
    members = ["chat", "title", "number", "body", "sender", "metadata", "created_at", "updated_at", "edited"]
    assert [list(line) for line in lines] == [members] * 3


def test_export_walks_all_pages(rooms: Rooms, application: Tenant) -> None:
    """Beyond one page of chats and of messages, metadata byte for byte."""
    chats = [application.create_chat(str(number)) for number in range(1, 131)]
    application.post_many(chats[7], [f"m{number}" for number in range(1, 251)])
    application.post(chats[0], "x", metadata={"n": 1, "é": [None, True]})

    lines = rooms.run_export()

    assert [line["chat"] for line in lines] == sorted([*range(1, 131), *[8] * 249])
    assert [line["body"] for line in lines if line["chat"] == 8] == [f"m{number}" for number in range(1, 251)]
    assert '"metadata":{"n":1,"é":[null,true]}'.encode() in rooms.exported.read_bytes()


def test_export_to_a_closed_pipe_is_quiet(rooms: Rooms, application: Tenant) -> None:
    """``parley export | head -1`` ends without a complaint."""
    application.post_many(application.create_chat(), [f"{number} " + "x" * 500 for number in range(2000)])
    command = shlex.join([*parley_command(), *rooms.command("export")])

    piped = subprocess.run(
        ["/bin/bash", "-c", f"{command} | head -1"], capture_output=True, text=True, timeout=60, check=True
    )

    assert json.loads(piped.stdout)["number"] == 1
    assert piped.stderr == ""


def test_export_that_fails_leaves_the_old_file(rooms: Rooms) -> None:
    """The output is complete or not there; no temporary file stays behind."""
    rooms.exported.write_text("precious")

    done = rooms.run("export", "--chat", "99", "--output", rooms.exported)

    assert refusal(done) == "parley: Chat not found"
    assert list(rooms.exported.parent.iterdir()) == [rooms.exported]
    assert rooms.exported.read_text() == "precious"
