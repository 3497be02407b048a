"""``parley import`` against the real server, as a process; what it stored is read back by ``parley export``."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.commands import refusal, run_parley
from tests.support.data import data_folder
from tests.support.polling import wait_for
from tests.support.replay import Stored, check_records, distinct, read_lines, stored_messages, walk
from tests.support.rooms import Rooms
from tests.support.server import Server, parley_command
from tests.support.tenant import UNKNOWN_TOKEN, Tenant

CHANNELS = ["general", "два слова", "🍣" * 85, 'quotes " and \\', "tab\there", " spaces "]
BODIES = [
    "hi",
    " lead and trail ",
    "line\nbreak\r\n",
    "\u2028 and \x85",
    "👩‍👩‍👧 e\u0301 é",
    "\x01\x7f",
    "x" * 65_535,
    "ü" * 32_767,
]


def generated(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Make records over all channels, hostile bodies among them."""
    random = Random(seed)
    return [
        {
            "channel": random.choice(CHANNELS),
            "sender": f"s{random.randrange(9)}",
            "sent_at": "2015-04-04T16:31:22.176Z",
            "body": f"{i} {random.choice(BODIES[:-2])}" if i >= len(BODIES) else BODIES[i],
            "source_id": f"id-{seed}-{i}",
        }
        for i in range(count)
    ]


@pytest.mark.parametrize("write_service", [False, True])
def test_file_comes_back_as_it_was(write_service: bool, rooms: Rooms, server: Server) -> None:  # noqa: FBT001
    """Bodies code point for code point, senders, times and ids, in file order, numbered from 1 per channel."""
    records = generated(300)
    rooms.write(*records)

    counts = rooms.run_import(*(("--write-url", server.write_url) if write_service else ()))
    exported = rooms.run_export()

    assert (counts["records"], counts["created"], counts["rejected"]) == (300, 300, 0)
    assert counts["chats"] == len({record["channel"] for record in records})
    for channel in CHANNELS:
        mine = [line for line in exported if line["title"] == channel]
        assert [line["number"] for line in mine] == list(range(1, len(mine) + 1))
        assert [
            {
                "channel": channel,
                "sender": line["sender"],
                "sent_at": line["metadata"]["sent_at"],
                "body": line["body"],
                "source_id": line["metadata"]["source_id"],
            }
            for line in mine
        ] == [record for record in records if record["channel"] == channel]


def test_second_import_changes_nothing(rooms: Rooms) -> None:
    """By the journal, and without the journal by the keys."""
    rooms.write(*generated(120), {"body": "", "channel": "general"}, b"oops")
    first = rooms.run_import()
    before, rejected = rooms.run_export(), rooms.rejected.read_bytes()

    by_journal = rooms.run_import()
    rooms.journal.unlink()
    by_keys = rooms.run_import()

    assert (first["created"], first["rejected"]) == (120, 2)
    assert (by_journal["skipped"], by_journal["created"], by_journal["replayed"]) == (122, 0, 0)
    assert (by_keys["replayed"], by_keys["created"], by_keys["rejected"]) == (120, 0, 2)
    assert rooms.rejected.read_bytes().count(b"\n") == rejected.count(b"\n") == 2
    assert rooms.run_export() == before


def test_repeats_in_the_file_are_stored_once(rooms: Rooms) -> None:
    """The same source id with the same record is a replay, with another body a rejection."""
    record = {"channel": "c", "body": "once", "source_id": "same"}
    rooms.write(record, record, {**record, "body": "twice"}, {"body": "a"}, {"body": "a"})

    counts = rooms.run_import()

    assert (counts["created"], counts["replayed"], counts["rejected"]) == (3, 1, 1)
    assert [(line["title"], line["body"]) for line in rooms.run_export()] == [("c", "once"), (None, "a"), (None, "a")]
    assert [line["line"] for line in read_lines(rooms.rejected)] == [3]


def test_rejected_lines_are_kept_with_reason_and_record(rooms: Rooms) -> None:
    """Whatever is wrong with a line, the others are stored."""
    good = {"channel": "c", "body": "good"}
    bad: list[object] = [
        b"not json",
        b"[1]",
        rb'{"channel":"c","body":"\ud800"}',
        {"channel": "c"},
        {"channel": "c", "body": " \u200b\n"},
        {"channel": "c", "body": 7},
        {"channel": "c", "body": "nul \0"},
        {"channel": "c", "body": "x" * 65_536},
        {"channel": "c", "body": "b", "sender": "s" * 256},
        {"channel": "c", "body": "b", "other": "m" * 4_096},
        {"channel": "t" * 256, "body": "b"},
        {"channel": 1, "body": "b"},
    ]
    rooms.write(good, *bad, b"", {**good, "extra": {"n": 1}})

    counts = rooms.run_import()

    assert (counts["records"], counts["created"], counts["rejected"]) == (14, 2, 12)
    rejected = {line["line"]: line for line in read_lines(rooms.rejected)}
    assert sorted(rejected) == list(range(2, 14))
    assert all(line["reason"] for line in rejected.values())
    assert [line for line in rejected if "text" in rejected[line]] == [2, 4]
    assert [rejected[line]["record"] for line in range(5, 14)] == bad[3:]
    assert rejected[6]["reason"] == "body can't be blank"
    assert [(line["body"], line["metadata"]) for line in rooms.run_export()] == [
        ("good", None),
        ("good", {"extra": {"n": 1}}),
    ]


@pytest.mark.parametrize("stroke", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_import_is_resumed(stroke: signal.Signals, rooms: Rooms, api: Client, application: Tenant) -> None:
    """Ctrl-C ends with 130 and says how to go on; after either, the same command stores the rest, each once."""
    records = generated(3000)
    rooms.write(*records, b"oops", {"channel": "general", "body": " "})
    command = rooms.command("import", rooms.file, "--concurrency", "2")

    importer = subprocess.Popen(
        [*parley_command(), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: b"acknowledged" in read(rooms.journal), "the journal has acknowledgements", timeout_s=30)
    importer.send_signal(stroke)
    output = importer.communicate(timeout=30)[1]
    unfinished = message_count(api, application) < 3000
    counts = rooms.run_import()

    assert unfinished
    assert "Traceback" not in output
    if stroke == signal.SIGINT:
        assert importer.returncode == 130
        assert f"call the same command again to resume from {rooms.journal}" in output
    assert counts["records"] == 3002
    assert counts["skipped"] > 0
    check_records(stored_messages(api, application.path), distinct(records))
    assert sorted(line["line"] for line in read_lines(rooms.rejected)) == [3001, 3002]


def read(path: Path) -> bytes:
    """Read a file that may not be there yet."""
    return path.read_bytes() if path.exists() else b""


def message_count(api: Client, application: Tenant) -> int:
    """Count the application's messages by the chats' own counts."""
    return sum(chat["messages_count"] for chat in walk(api, f"{application.path}/chats"))


def test_journal_of_another_file_is_refused(rooms: Rooms) -> None:
    """Nothing is sent, nothing is rejected."""
    rooms.write({"body": "a"})
    rooms.run_import()
    rooms.write({"body": "b"})

    done = rooms.run("import", rooms.file)

    assert re.fullmatch(r"parley: the journal .* belongs to another file .*", refusal(done))
    assert [line["body"] for line in rooms.run_export()] == ["a"]


def test_unknown_application_ends_the_import(rooms: Rooms, server: Server) -> None:
    """Before any line of the file is rejected for it."""
    rooms.write({"body": "a"})
    done = run_parley("import", rooms.file, "--url", server.api_url, "--application", UNKNOWN_TOKEN)

    assert done.returncode == 1
    assert done.stderr.endswith("parley: ChatApplication not found\n")
    assert not rooms.rejected.exists()


@pytest.mark.timeout(180)
def test_real_rooms_come_back_as_they_were(rooms: Rooms, server: Server) -> None:
    """26,625 records of 226 rooms through the write service: each distinct one once, in order."""
    rooms.file = data_folder() / "gitter-rooms" / "messages.jsonl"

    counts = rooms.run_import("--write-url", server.write_url, "--journal", rooms.journal, "--rejected", rooms.rejected)
    exported = rooms.run_export()

    lines = read_lines(rooms.file)
    due = distinct(lines)
    blank = sum(not line["body"].strip() for line in lines)
    assert (counts["records"], counts["created"], counts["rejected"]) == (len(lines), len(due), blank)
    stored: Stored = {}
    for line in exported:
        stored.setdefault(line["title"], []).append(line)
    check_records(stored, due)
