"""Power cuts under the real log and storage: what was acknowledged had been synced before.

``kill -9`` leaves the page cache alone, so it says nothing about syncs. Here SQLite runs on a disk
that forgets what was not synced, and the same test with ``synchronous=NORMAL`` must lose messages.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import apsw
import pytest

from parley.bootstrap.process import Roles, run
from parley.bootstrap.sockets import Sockets
from parley.config import JOBS, load_settings
from parley.domain.cursors import Window
from parley.domain.events import ChatCreated, Entry, IdempotencyKey, MessageEdited, MessagesPosted
from parley.domain.model import Draft
from tests.support.house import House, opened_at
from tests.support.vfs import PowerCutVfs, keep_nothing, keep_prefix, keep_some
from tests.support.workload import CreateLoad, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

LIVES = 5
CUTS_IN_A_LIFE = 40
CLIENTS = 48
CHATS = 6
OPERATIONS_BETWEEN_CUTS = 120
CHECKPOINT_EVERY = 400
EDITED_SHARE = 0.2
SURVIVORS = (keep_nothing, keep_prefix, keep_some)

Place = tuple[int, int]
"""Chat and number."""
Known = dict[Place, tuple[str, ...]]
"""What clients know: each acknowledged message's body, or both bodies while an edit has no answer."""


class Cut(NamedTuple):
    """The files that a power cut left, and what had been acknowledged by then."""

    folder: Path
    known: Mapping[Place, Sequence[str]]
    """A body, or the tuple of those that may be there."""


class Disk:
    """A disk below one life of the database; at seeded random operations it shows a power cut's result."""

    def __init__(self, folder: Path, rng: Random, known: Mapping[Place, Sequence[str]]) -> None:
        """Lie under ``folder``; ``known`` is what clients know at any moment."""
        self.cuts: list[Cut] = []
        self.ended = asyncio.Event()
        self.vfs = PowerCutVfs(f"power-cut-{folder}", self._operation)
        self.url = f"sqlite://{folder}/parley.db?vfs={self.vfs.name}"
        self._folder, self._rng, self._known = folder, rng, known
        self._loop = asyncio.get_running_loop()
        self._countdown = -1

    def start_cutting(self) -> None:
        """Count operations from now on."""
        self._countdown = self._rng.randint(1, OPERATIONS_BETWEEN_CUTS)

    def _operation(self, _kind: str) -> None:
        """Before an operation: cut the power here, if it is time; runs in a database thread."""
        self._countdown -= 1
        if self._countdown == 0 and len(self.cuts) < CUTS_IN_A_LIFE:
            cut = Cut(self._folder / f"cut-{len(self.cuts)}", dict(self._known))
            self.vfs.power_cut(SURVIVORS[len(self.cuts) % len(SURVIVORS)], self._rng, cut.folder)
            self.cuts.append(cut)
            self.start_cutting()
            if len(self.cuts) == CUTS_IN_A_LIFE:
                self._loop.call_soon_threadsafe(self.ended.set)


async def prepare(folder: Path, rng: Random) -> str:
    """Make a database with an application and chats, and close it whole; give the token."""
    async with opened_at(f"sqlite://{folder}/parley.db", rng) as house:
        application, _ = await house.opened.tenants.create("power", None)
        for _ in range(CHATS):
            await house.append(Entry(application.token, None, ChatCreated()))
    return application.token


async def live(folder: Path, token: str, known: Known, rng: Random, options: str = "") -> list[Cut]:
    """Create and edit from many clients at once until the power was cut often enough."""
    disk = Disk(folder, rng, known)
    async with opened_at(disk.url + options, rng) as house:
        disk.start_cutting()
        async with asyncio.TaskGroup() as group:
            group.create_task(checkpoint(disk, folder, known))
            for _ in range(CLIENTS):
                group.create_task(create(house, token, known, rng, disk.ended))
    disk.vfs.unregister()
    return disk.cuts


async def create(house: House, token: str, known: Known, rng: Random, ended: asyncio.Event) -> None:
    """Create messages and bulks and edit some, without pause, noting what is acknowledged."""
    while not ended.is_set():
        chat, key = rng.randint(1, CHATS), f"{rng.getrandbits(64):x}"
        bodies = [f"{key} {index} " + "\N{SUSHI}é" * rng.randint(0, 60) for index in range(rng.choice((1, 1, 1, 5)))]
        what = MessagesPosted(tuple(Draft(body) for body in bodies))
        entry = Entry(token, chat, what, key=IdempotencyKey("messages", key, key.encode()))
        first = (await house.append(entry)).number
        places = [(chat, first + index) for index in range(len(bodies))]
        assert not known.keys() & set(places), "a number was given twice"
        known.update((place, (body,)) for place, body in zip(places, bodies, strict=True))
        if rng.random() < EDITED_SHARE:
            known[chat, first] = (bodies[0], f"{key} edited")
            await house.append(Entry(token, chat, MessageEdited(f"{key} edited"), number=first))
            known[chat, first] = (f"{key} edited",)


async def checkpoint(disk: Disk, folder: Path, known: Known) -> None:
    """Move the write-ahead log into the database now and then, as SQLite does when the log is long."""
    connection = apsw.Connection(str(folder / "parley.db"), vfs=disk.vfs.name)
    seen = len(known)
    while not disk.ended.is_set():
        await asyncio.sleep(0.01)
        if len(known) - seen >= CHECKPOINT_EVERY:
            seen = len(known)
            await asyncio.to_thread(connection.execute, "pragma wal_checkpoint(passive)")
    connection.close()


async def survived(cut: Cut, token: str, rng: Random) -> dict[Place, str]:
    """Start on what a power cut left, check that it is whole, and give every message."""
    path = cut.folder / "parley.db"
    async with opened_at(f"sqlite://{path}", rng) as house:
        found: dict[Place, str] = {}
        storage = house.opened.storage
        for chat in range(1, CHATS + 1):
            last = 0
            while items := (await storage.page_messages(token, chat, Window(last, None, 100))).items:
                found |= {(chat, message.number): message.body for message in items}
                last = items[-1].number
            assert [number for in_chat, number in found if in_chat == chat] == list(range(1, last + 1)), cut.folder
            assert (await storage.get_chat(token, chat)).messages_count == last, cut.folder
    connection = apsw.Connection(str(path))
    assert connection.execute("pragma integrity_check").get == "ok", cut.folder
    connection.close()
    return found


def lost(cut: Cut, found: dict[Place, str]) -> int:
    """Count acknowledged messages that are not there, or not as they were."""
    return sum(
        found.get(place) not in (known if isinstance(known, tuple) else (known,)) for place, known in cut.known.items()
    )


@pytest.fixture
def interpreter() -> Iterator[None]:
    """Put back what a server sets for its whole process."""
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


async def test_client_finds_every_acknowledged_message_when_the_power_was_cut(tmp_path: Path) -> None:
    """Two hundred cuts at random operations, five starts on what the last of them left."""
    rng = Random(23)
    folder, known, cuts = tmp_path / "life-0", Known(), 0
    token = await prepare(folder, rng)

    for life in range(LIVES):
        taken = await live(folder, token, known, rng)
        for cut in taken[:-1]:
            assert lost(cut, await survived(cut, token, rng)) == 0, cut.folder
            shutil.rmtree(cut.folder)
        folder = shutil.copytree(taken[-1].folder, tmp_path / f"life-{life + 1}")
        found = await survived(taken[-1], token, rng)
        assert lost(taken[-1], found) == 0, taken[-1].folder
        known, cuts = {place: (body,) for place, body in found.items()}, cuts + len(taken)

    assert cuts == LIVES * CUTS_IN_A_LIFE
    assert len(known) > cuts, "too little was written to prove anything"


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("synchronous", ["full", "normal"])
async def test_client_finds_every_201_when_the_power_was_cut_under_both_services(
    synchronous: str, tmp_path: Path
) -> None:
    """The same below the whole process: both ports, group commit, index and workers; NORMAL is the control."""
    rng, progress = Random(29), Progress()
    token = await prepare(tmp_path, rng)
    known: dict[Place, str] = {}
    disk = Disk(tmp_path, rng, known)
    settings = load_settings(
        {
            "data_dir": tmp_path,
            "database_url": f"{disk.url}&synchronous={synchronous}",
            "log_durability": "relaxed" if synchronous == "normal" else "synced",
            "api_bind": "127.0.0.1:0",
            "write_bind": "127.0.0.1:0",
        }
    )
    sockets = Sockets.take(settings, "api", "write")
    urls = [f"http://127.0.0.1:{bound.getsockname()[1]}" for bound in sockets if bound is not None]
    ready, stop = asyncio.Event(), asyncio.Event()

    async with asyncio.TaskGroup() as group:
        group.create_task(run(settings, Roles(api=True, write=True, jobs=JOBS), sockets, ready.set, stop))
        await ready.wait()
        load = CreateLoad(urls, token, CHATS, rng, progress)
        load.acknowledged = known
        async with load.running(CLIENTS):
            disk.start_cutting()
            await disk.ended.wait()
        stop.set()
    sockets.close()
    disk.vfs.unregister()

    assert load.findings == []
    assert len(known) > CUTS_IN_A_LIFE
    missing = sum([lost(cut, await survived(cut, token, rng)) for cut in disk.cuts])
    assert (missing > 0) == (synchronous == "normal"), missing


async def test_proof_of_sync_fails_when_commits_are_not_synced(tmp_path: Path) -> None:
    """With ``synchronous=NORMAL`` the same cuts lose what was acknowledged: the control of the test above."""
    rng = Random(23)
    token = await prepare(tmp_path, rng)

    cuts = await live(tmp_path, token, {}, rng, "&synchronous=normal")

    assert sum([lost(cut, await survived(cut, token, rng)) for cut in cuts]) > 0
