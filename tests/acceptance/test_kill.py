"""Real chats imported while ``kill -9`` strikes the server again and again: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.support.client import Client
from tests.support.commands import check_is_clean
from tests.support.data import NEEDLES, data_folder
from tests.support.oracle import matches
from tests.support.pace import hold_async
from tests.support.replay import (
    Stored,
    check_counts,
    check_records,
    check_search,
    distinct,
    read_lines,
    stored_messages,
    wait_until_indexed,
    walk,
)
from tests.support.server import Server, parley_command
from tests.support.tap import Tap
from tests.support.tenant import Tenant
from tests.support.workload import CreateLoad, Progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Coroutine

KILLS = 10
ACKNOWLEDGED_BETWEEN_KILLS = 500
IN_FLIGHT = 32
IMPORTED_BETWEEN_KILLS = 40
LOAD_CLIENTS = 48
LOAD_CHATS = 4
LONGEST_PAUSE_S = 0.02


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "service"), [("gitter-rooms", "write_url"), ("ubuntu-irc", "api_url")])
async def test_importer_stores_each_record_once_when_the_server_is_killed_ten_times(
    name: str, service: str, tmp_path: Path
) -> None:
    """Beside the import other clients create; whatever had an unknown outcome is there once in the end."""
    file = data_folder() / name / "messages.jsonl"
    lines = read_lines(file)
    check_oracle(name, lines)
    with Server(tmp_path) as server, Client(server.api_url) as client:
        imported, loaded = Tenant(client, "imported"), Tenant(client, "loaded")
        for _ in range(LOAD_CHATS):
            loaded.create_chat()
        progress = Progress()
        tap = Tap(getattr(server, service), progress)
        rng = Random(7)
        load = CreateLoad([server.api_url, server.write_url], loaded.token, LOAD_CHATS, rng, progress)

        async with tap.open(), importing(file, imported.token, server.api_url, tap.url, tmp_path) as importer:
            killer = Killer(server, importer, tap, load, progress)
            async with load.running(LOAD_CLIENTS):
                unknown = [await killer.strike(rng.uniform(0, LONGEST_PAUSE_S)) for _ in range(KILLS)]
            output = (await importer.communicate())[0].decode()

        print(f"unknown outcomes per kill: {unknown}, of the clients' {load.replayed} were done\n{output}")  # noqa: T201 - what the kills met
        assert importer.returncode == 0, output
        assert min(unknown) > 0, unknown
        assert rejected_lines(tmp_path) == [i for i, line in enumerate(lines, 1) if not line["body"].strip()]
        check_load(client, load, loaded.path)
        stored = stored_messages(client, imported.path)
        check_records(stored, distinct(lines))
        check_counts(client, imported.path, stored)
        wait_until_indexed(client)
        check_needles(client, imported.path, stored, name)
    assert "Traceback" not in server.log_text()
    check_is_clean(server.data_dir)


@asynccontextmanager
async def importing(
    file: Path, token: str, url: str, write_url: str, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``parley import``; journal and rejected lines are kept in the folder."""
    importer = await asyncio.create_subprocess_exec(
        *parley_command(), "import", str(file), "--application", token, "--url", url, "--write-url", write_url,
        "--journal", str(folder / "journal"), "--rejected", str(folder / "rejected"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield importer
    finally:
        if importer.returncode is None:
            importer.kill()
            await importer.wait()


class Killer(NamedTuple):
    """Strikes the server while an import and other clients write to it."""

    server: Server
    importer: asyncio.subprocess.Process
    tap: Tap
    load: CreateLoad
    progress: Progress

    async def strike(self, pause_s: float) -> int:
        """Kill it when enough is in flight and was acknowledged, start it again, count unknown outcomes.

        The pause moves the moment, else it would always die just after it answered.
        """
        loaded, imported = len(self.load.acknowledged), self.tap.acknowledged

        def worth_it() -> bool:
            done = len(self.load.acknowledged) - loaded, self.tap.acknowledged - imported
            busy = self.tap.in_flight > 0 and self.tap.in_flight + self.load.in_flight >= IN_FLIGHT
            return busy and sum(done) >= ACKNOWLEDGED_BETWEEN_KILLS and done[1] >= IMPORTED_BETWEEN_KILLS

        await either(self.progress.reach(worth_it), self.importer.wait())
        await hold_async(pause_s)
        await either(self.progress.reach(worth_it), self.importer.wait())
        assert self.importer.returncode is None, "the import ended before the kills did"
        unknown = len(self.load.unknown) + self.tap.unknown
        self.load.server_is_down()
        self.server.kill()
        await self.progress.reach(lambda: self.load.in_flight == 0 and self.tap.in_flight == 0)
        unknown = len(self.load.unknown) + self.tap.unknown - unknown
        await asyncio.to_thread(self.server.start)
        self.load.server_is_up()
        return unknown


async def either(*awaitables: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of them."""
    tasks = [asyncio.create_task(awaitable) for awaitable in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def check_oracle(name: str, lines: list[dict[str, Any]]) -> None:
    """Check that this test folds and counts as the data set's README does."""
    bodies = {index: line["body"] for index, line in enumerate(lines)}
    assert {needle: len(matches(bodies, needle)) for needle in NEEDLES[name]} == NEEDLES[name]


def rejected_lines(folder: Path) -> list[int]:
    """Give the numbers of the lines that the import rejected."""
    return sorted(line["line"] for line in map(json.loads, (folder / "rejected").read_bytes().split(b"\n")[:-1]))


def check_load(
    client: Client, load: CreateLoad, application: str, void: Collection[tuple[int, int]] = frozenset()
) -> None:
    """Check that the other clients' messages are there once each, as acknowledged, without a hole but what is void."""
    assert load.findings == []
    found = {
        (chat, message["number"]): message["body"]
        for chat in range(1, LOAD_CHATS + 1)
        for message in walk(client, f"{application}/chats/{chat}/messages")
    }
    assert found == load.acknowledged
    counts = Counter(chat for chat, _ in {*found, *void})
    assert all(number <= counts[chat] for chat, number in found)
    assert not found.keys() & void


def check_needles(client: Client, application: str, stored: Stored, name: str) -> None:
    """Check that search finds what the file holds: the README's needles, drawn ones, repeated words, misses."""
    rng = Random(11)
    bodies = dict(enumerate(message["body"] for messages in stored.values() for message in messages))
    drawn = [draw(rng, list(bodies.values())) for _ in range(6)]
    for needle in [*NEEDLES[name], *drawn, "the the the", "ha ha", "no such words anywhere", "\N{BEER MUG}\N{SUSHI}"]:
        assert check_search(client, application, stored, needle) == len(matches(bodies, needle)), needle


def draw(rng: Random, bodies: list[str]) -> str:
    """Cut a random piece of up to 12 code points out of a random body."""
    body = rng.choice(bodies).strip()
    start = rng.randrange(len(body))
    return body[start : start + rng.randint(1, 12)].strip() or body[:1]
