"""Backup of the embedded database while it is written to, and what comes of it again."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from tests.support.client import Client
from tests.support.commands import check_is_clean, refusal, run_parley
from tests.support.polling import wait_for
from tests.support.replay import wait_until_indexed, walk
from tests.support.server import Server, parley_command
from tests.support.tenant import APPLICATIONS, Tenant, expect
from tests.support.workload import CreateLoad, Progress

CHATS = 8
BURN = 1_000_000
SEAL = "manifest.json.sha256"


async def back_up_under_load(server: Server, target: Path) -> tuple[str, dict[tuple[int, int], str], CreateLoad]:
    """Run the backup while 64 clients create; give the token, what was acknowledged before, and the load."""
    with Client(server.api_url) as client:
        tenant = Tenant(client)
        for _ in range(CHATS):
            tenant.create_chat()
    progress = Progress()
    load = CreateLoad([server.write_url, server.api_url], tenant.token, CHATS, Random(5), progress)
    async with load.running(64):
        await progress.reach(lambda: len(load.acknowledged) >= 3_000)
        before = dict(load.acknowledged)
        command = [*parley_command(), "backup", str(target), "--data-dir", str(server.data_dir)]
        backup = await asyncio.create_subprocess_exec(*command)
        await backup.wait()
        after = len(load.acknowledged)
    assert backup.returncode == 0
    assert after > len(before), "nothing was written while the backup ran"
    assert load.findings == []
    return tenant.token, before, load


async def test_operator_restores_a_backup_that_was_made_under_load(tmp_path: Path) -> None:
    """It checks clean, holds all that was acknowledged before it began, and no number is given again."""
    backup = tmp_path / "backup"
    with Server(tmp_path / "first") as server:
        token, before, load = await back_up_under_load(server, backup)
    check_is_clean(server.data_dir)
    restored = Server(tmp_path / "restored")
    done = run_parley("restore", backup, "--data-dir", restored.data_dir)
    assert done.returncode == 0, done.stderr

    check_is_clean(restored.data_dir)
    with restored, Client(restored.api_url) as client:
        for chat in range(1, CHATS + 1):
            path = f"{APPLICATIONS}/{token}/chats/{chat}/messages"
            found = {(chat, message["number"]): message["body"] for message in walk(client, path)}
            due = {place: body for place, body in before.items() if place[0] == chat}
            assert {place: found.get(place) for place in due} == due
            assert [number for _, number in found] == list(range(1, len(found) + 1))
            assert found.items() <= load.acknowledged.items(), "the copy holds what was never acknowledged"
            created = expect(client.json("POST", path, {"body": "after the restore"}), 201)
            assert created["number"] == len(found) + BURN + 1
        tenant_chats = list(walk(client, f"{APPLICATIONS}/{token}/chats"))
        assert [chat["number"] for chat in tenant_chats] == list(range(1, CHATS + 1))
        wait_until_indexed(client)
        found_by_search = [row["number"] for row in walk(client, f"{path}/search?q=after+the+rest")]
        assert found_by_search == [created["number"]]
        fresh = expect(client.json("POST", f"{APPLICATIONS}/{token}/chats"), 201)["number"]
        assert fresh == CHATS + BURN + 1
        first = expect(client.json("POST", f"{APPLICATIONS}/{token}/chats/{fresh}/messages", {"body": "x"}), 201)
        assert first["number"] == 1
    check_is_clean(restored.data_dir)


class Origin(NamedTuple):
    """What is backed up: a server that runs, and the path of a chat in it."""

    server: Server
    chat: str

    @property
    def data_dir(self) -> Path:
        """Where its database is."""
        return self.server.data_dir


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    """Give a server with a chat of two messages that have keys."""
    with Server(tmp_path / "origin") as server, Client(server.api_url) as client:
        chat = Tenant(client).create_chat()
        for number in (1, 2):
            client.json("POST", f"{chat}/messages", {"body": f"body {number}"}, [("Idempotency-Key", f"key-{number}")])
        yield Origin(server, chat)


@pytest.fixture
def backup(tmp_path: Path, origin: Origin) -> Path:
    """Give a backup of it."""
    done = run_parley("backup", tmp_path / "backup", "--data-dir", origin.data_dir)
    assert done.returncode == 0, done.stderr
    return tmp_path / "backup"


def restored(tmp_path: Path, backup: Path, name: str = "restored", *flags: str) -> Server:
    """Give a server, not started, over what the backup holds."""
    server = Server(tmp_path / name)
    done = run_parley("restore", backup, "--data-dir", server.data_dir, *flags)
    assert done.returncode == 0, done.stderr
    return server


def test_a_manifest_says_what_a_backup_holds(origin: Origin, backup: Path) -> None:
    """For people and programs, and nobody else on the machine may read any of it."""
    manifest = json.loads((backup / "manifest.json").read_text("utf-8"))
    summed = subprocess.run(["sha256sum", "--check", SEAL], cwd=backup, check=False)  # noqa: S607 - as a user does

    assert origin.server.is_running()
    assert summed.returncode == 0
    assert (manifest["format"], manifest["kind"]) == (1, "sqlite")
    assert manifest["holdings"]["counts"] == {
        "applications": 1, "chats": 1, "messages": 2, "keys": 2, "gaps": 0, "letters": 0,
    }  # fmt: skip
    assert (manifest["holdings"]["scopes"], manifest["holdings"]["highest"]) == (2, 2)
    assert {place["mode"] for place in manifest["holdings"]["partitions"]} == {"log"}
    assert manifest["files"][0]["bytes"] == (backup / "parley.db").stat().st_size
    assert {path.stat().st_mode & 0o077 for path in (backup, *backup.iterdir())} == {0}


def test_a_flipped_bit_is_named_before_anything_is_made(tmp_path: Path, backup: Path) -> None:
    """One bit in the middle of the copy: the file is named, and nothing is made of it."""
    whole = bytearray((backup / "parley.db").read_bytes())
    whole[len(whole) // 2] ^= 1
    (backup / "parley.db").write_bytes(whole)

    refused = refusal(run_parley("restore", backup, "--data-dir", tmp_path / "restored"))

    assert f"{backup}/parley.db is damaged" in refused
    assert not (tmp_path / "restored").exists()


def test_a_backup_of_a_newer_schema_is_refused(tmp_path: Path, backup: Path) -> None:
    """Before anything is made of it, with the version that it wants."""
    manifest = json.loads((backup / "manifest.json").read_text("utf-8"))
    manifest["holdings"] |= {"schema": 9, "oldest_code": 8}
    (backup / "manifest.json").write_text(json.dumps(manifest))
    with (backup / SEAL).open("wb") as sums:
        subprocess.run(["sha256sum", "manifest.json"], cwd=backup, stdout=sums, check=True)  # noqa: S607

    refused = refusal(run_parley("restore", backup, "--data-dir", tmp_path / "restored"))

    assert "has schema 9" in refused
    assert not (tmp_path / "restored").exists()


def test_a_restore_goes_into_an_empty_place_only(tmp_path: Path, origin: Origin, backup: Path) -> None:
    """A database that is there stays, in use or not; and so does a write-ahead file that was left alone."""
    used = refusal(run_parley("restore", backup, "--data-dir", origin.data_dir))
    origin.server.stop()
    stopped = refusal(run_parley("restore", backup, "--data-dir", origin.data_dir))
    left = tmp_path / "left"
    left.mkdir()
    (left / "parley.db-wal").write_bytes(b"")
    alone = refusal(run_parley("restore", backup, "--data-dir", left))
    taken = refusal(run_parley("backup", backup, "--data-dir", origin.data_dir))

    assert "is in use by process" in used
    assert f"{origin.data_dir}/parley.db is there already" in stopped
    assert f"{left}/parley.db-wal is there already" in alone
    assert f"{backup} is there already" in taken
    check_is_clean(origin.data_dir)


def test_keys_from_before_the_backup_have_expired(tmp_path: Path, origin: Origin, backup: Path) -> None:
    """A repeat is a new message, and says so by its number."""
    with restored(tmp_path, backup) as server, Client(server.api_url) as client:
        body, key = {"body": "body 1"}, [("Idempotency-Key", "key-1")]
        answers = [client.json("POST", f"{origin.chat}/messages", body, key) for _ in range(2)]

    assert [expect(answer, 201)["number"] for answer in answers] == [BURN + 3] * 2
    assert [answer.header("Idempotent-Replayed") for answer in answers] == [None, "true"]


def test_floors_rise_with_every_restore_and_once_for_each_scope(tmp_path: Path, origin: Origin, backup: Path) -> None:
    """A chat that was not used between two restores goes on above both; one that is younger begins with 1."""
    once = restored(tmp_path, backup, "once", "--burn", "100")
    with once, Client(once.api_url) as client:
        tenant = origin.chat.rpartition("/chats/")[0]
        young = expect(client.json("POST", f"{tenant}/chats"), 201)["number"]
        run_parley("backup", tmp_path / "second", "--data-dir", once.data_dir)
    twice = restored(tmp_path, tmp_path / "second", "twice", "--burn", "1000")

    with twice, Client(twice.api_url) as client:
        posts = [origin.chat, origin.chat, f"{tenant}/chats/{young}"]
        numbers = [expect(client.json("POST", f"{chat}/messages", {"body": "x"}), 201)["number"] for chat in posts]
        edited = client.json("PATCH", f"{origin.chat}/messages/2", {"body": "edited"})

    assert young == 102
    assert numbers == [1_103, 1_104, 1_001]
    assert edited.status == 200
    check_is_clean(twice.data_dir)


def test_a_database_that_was_copied_by_hand_goes_on_above_all_numbers(tmp_path: Path, origin: Origin) -> None:
    """With nobody at work on it, and only when somebody says so."""
    used = refusal(run_parley("restore", "--in-place", "--yes", "--data-dir", origin.data_dir))
    origin.server.stop()
    copy = Server(tmp_path / "copy")
    shutil.copytree(origin.data_dir, copy.data_dir)
    unsure = run_parley("restore", "--in-place", "--data-dir", copy.data_dir)
    done = run_parley("restore", "--in-place", "--yes", "--burn", "50", "--data-dir", copy.data_dir)

    with copy, Client(copy.api_url) as client:
        wait_until_indexed(client)
        number = expect(client.json("POST", f"{origin.chat}/messages", {"body": "x"}), 201)["number"]
        found = expect(client.get(f"{origin.chat}/messages/search?q=body"), 200)

    assert "in use" in used
    assert "--yes" in unsure.stderr
    assert done.returncode == 0, done.stderr
    assert number == 53
    assert [row["number"] for row in found] == [1, 2]
    check_is_clean(copy.data_dir)


@pytest.fixture
def large(tmp_path: Path) -> Server:
    """Give a stopped server whose database takes a moment to copy."""
    with Server(tmp_path / "large") as server, Client(server.api_url) as client:
        tenant = Tenant(client)
        chat = tenant.create_chat()
        for _ in range(30):
            tenant.post_many(chat, ["x" * 900] * 1_000)
    return server


def test_a_backup_that_was_killed_is_none(tmp_path: Path, large: Server) -> None:
    """Nothing has its name, what is left is no backup, and the next one clears it away."""
    target = tmp_path / "backups" / "one"
    target.parent.mkdir()
    command = ("backup", target, "--data-dir", large.data_dir)
    assert kill_when(lambda: any(target.parent.glob(".one.unfinished-backup/parley.db")), command) == -signal.SIGKILL

    left = [path.name for path in target.parent.iterdir()]
    refused = refusal(run_parley("restore", target.parent / left[0], "--data-dir", tmp_path / "restored"))
    again = run_parley(*command)

    assert left == [".one.unfinished-backup"]
    assert "is no backup" in refused
    assert again.returncode == 0, again.stderr
    assert [path.name for path in target.parent.iterdir()] == ["one"]


def test_a_restore_that_was_killed_is_refused_by_a_start_and_begun_anew(tmp_path: Path, large: Server) -> None:
    """A start would make an empty database of the place, and nobody would know."""
    assert run_parley("backup", tmp_path / "backup", "--data-dir", large.data_dir).returncode == 0
    folder = tmp_path / "restored"
    command = ("restore", tmp_path / "backup", "--data-dir", folder)
    assert kill_when((folder / "parley.db.restoring").exists, command) == -signal.SIGKILL

    refused = [refusal(run_parley(name, "--data-dir", folder)) for name in ("serve", "migrate")]
    again = run_parley(*command)

    assert ["did not come to its end: run parley restore again" in each for each in refused] == [True, True]
    assert again.returncode == 0, again.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["parley.db", "parley.db.lock"]
    check_is_clean(folder)


def test_a_backup_that_is_ended_leaves_nothing(tmp_path: Path, large: Server) -> None:
    """As when the machine is shut down."""
    target = tmp_path / "backups" / "one"
    target.parent.mkdir()
    started = lambda: any(target.parent.glob(".one.unfinished-backup/parley.db"))  # noqa: E731

    ended = kill_when(started, ("backup", target, "--data-dir", large.data_dir), signal.SIGTERM)

    assert ended == 130
    assert list(target.parent.iterdir()) == []


def kill_when(
    condition: Callable[[], bool], command: tuple[str | Path, ...], number: signal.Signals = signal.SIGKILL
) -> int:
    """Run a command and kill it once it is so far; give its exit code."""
    running = subprocess.Popen(
        [*parley_command(), *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(condition, f"{command[0]} is so far", every_s=0.001)
    running.send_signal(number)
    return running.wait()
