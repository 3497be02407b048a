"""One run: a load, a fault in its midst, healing, draining, reading everything, and the recording of it all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec

from parley.verify.history import Manifest
from tests.faults.client import Door, Doors, RecordedClient
from tests.faults.final import read_everything
from tests.faults.load import WAITS, Load
from tests.faults.must import Must
from tests.faults.proxy import Swallower
from tests.faults.recorder import Recorder
from tests.faults.recovery import DRAINED_S, Recovery
from tests.faults.site import Site, is_drained
from tests.faults.world import KnownApplication
from tests.faults.writing import Writers
from tests.support.client import Client
from tests.support.pace import hold_async
from tests.support.tenant import Tenant
from tests.support.workload import Progress

APPLICATIONS: Final = 3
CHATS: Final = 8
CALM: Final = 400
"""Creates before the first fault, between two, and after the last one."""
MET: Final = 50
ACKNOWLEDGED: Final = 1_000
_LOOKS_S: Final = 0.3


AnySite = TypeVar("AnySite", bound=Site)


class Strike(NamedTuple, Generic[AnySite]):
    """What a nemesis has at hand."""

    site: AnySite
    load: Load
    recorder: Recorder
    rng: Random
    recovery: Recovery
    told: dict[str, Any]
    """What it wants to be in the run's record."""
    swallowers: Sequence[Swallower] = ()
    """What clients speak to, where the plan says so."""

    @asynccontextmanager
    async def fault(self, name: str, *, watched: bool = True) -> AsyncIterator[None]:
        """Say that what happens inside is the fault, and have its recovery watched from its end."""
        p = self.recorder.new_client()
        began = self.recorder.write(p=p, i=0, t="ok", f="fault_on", svc=name)
        try:
            yield
        finally:
            ended = self.recorder.write(p=p, i=1, t="ok", f="fault_off", svc=name)
        if watched:
            self.recovery.begin(name, (ended.ns - began.ns) / 10**9)

    def wrong(self, what: str) -> None:
        """Say what the product did wrong that no client sees: the run is invalid."""
        blame(self.told, what)

    async def go_on(self) -> None:
        """Let the load go on for a while."""
        await self.load.acknowledge(CALM)

    async def calm(self) -> None:
        """Let the load go on undisturbed for a while, at least until the last fault has been got over."""
        await self.go_on()
        await self.recovery.over()

    @asynccontextmanager
    async def unknown_volley(self, name: str) -> AsyncIterator[None]:
        """Have what happens inside fall into a volley, and make sure that some outcomes are unknown afterwards."""
        before = self.load.unknown
        async with self.load.volley(), self.fault(name):
            yield
        met = self.load.unknown - before
        assert met > 0, f"{name} met no create"
        self.told.setdefault("unknown_per_kill", []).append(met)


def blame(told: dict[str, Any], what: str) -> None:
    """Note what the product did wrong that no client sees."""
    told.setdefault("wrong", []).append(what)


Level = Literal["queued", "stored"]
Nemesis = Callable[[Strike[Any]], Awaitable[None]]


class Plan(NamedTuple):
    """What a run does, and what it must show to prove anything."""

    title: str
    nemesis: Nemesis
    level: Level
    seed: int
    commit: str
    swallows: bool = False
    """Whether clients reach the services through something that can lose answers."""
    waits: float = WAITS
    """Of the creates, those that ask to be stored first."""
    must: Must = Must()
    min_met: int = MET
    min_acknowledged: int = ACKNOWLEDGED


async def run(site: Site, plan: Plan, folder: Path) -> dict[str, Any]:
    """Record one run into a folder; give what the recording does not say."""
    told: dict[str, Any] = {}
    with Recorder(folder) as recorder:
        progress, rng = Progress(), Random(plan.seed)
        applications = await asyncio.to_thread(_make_applications, site)
        async with AsyncExitStack() as stack:
            doors, swallowers = await _through(site.doors, stack) if plan.swallows else (site.doors, ())
            load = Load(doors, applications, recorder, plan.seed, progress, plan.waits)
            await _make_chats(load, applications, recorder, site)
            recovery = Recovery(site.doors, partial(blame, told))
            async with load.running(), recovery.watching():
                await load.acknowledge(CALM)
                await plan.nemesis(Strike(site, load, recorder, rng, recovery, told, swallowers))
                await asyncio.to_thread(site.heal)
                await load.acknowledge(CALM)
                await progress.reach(lambda: _firm(load, plan) >= plan.min_acknowledged)
        drained = await _drain(site)
        told |= {"acknowledged": load.acknowledged, "firm": _firm(load, plan)}
        told["healed"] = [msgspec.to_builtins(each) for each in recovery.told()]
        await read_everything(site, applications, recorder)
        recorder.conclude(_manifest(site, plan, drained=drained))
    checked = await asyncio.to_thread(site.run, "check")
    told["check"] = "clean" if checked.returncode == 0 else checked.stdout[-2000:] + checked.stderr[-1000:]
    return told


def _firm(load: Load, plan: Plan) -> int:
    """Count the creates that were acknowledged at the level which is judged."""
    return load.stored if plan.level == "stored" else load.acknowledged


async def _through(doors: Doors, stack: AsyncExitStack) -> tuple[Doors, Sequence[Swallower]]:
    """Stand in front of every door."""
    made: dict[Door, Swallower] = {door: Swallower(urlsplit(door.url).port or 0) for door in (*doors.api, *doors.write)}
    ports = {door: await stack.enter_async_context(swallower.open()) for door, swallower in made.items()}
    moved = {door: door._replace(url=f"http://127.0.0.1:{port}") for door, port in ports.items()}
    return Doors([moved[door] for door in doors.api], [moved[door] for door in doors.write]), list(made.values())


async def _drain(site: Site) -> bool:
    until = time.monotonic() + DRAINED_S
    while not await asyncio.to_thread(is_drained, site):
        if time.monotonic() > until:
            return False
        await hold_async(_LOOKS_S)
    return True


def _make_applications(site: Site) -> list[KnownApplication]:
    with Client(site.doors.api[0].url) as api:
        return [KnownApplication(Tenant(api, f"tenant {i}").token) for i in range(APPLICATIONS)]


async def _make_chats(load: Load, applications: list[KnownApplication], recorder: Recorder, site: Site) -> None:
    """Make the first chats: operations of the recording like any other."""
    client = RecordedClient(recorder)
    writers = Writers(client, site.doors, Random(0), load)
    for application in applications:
        for _ in range(CHATS):
            assert await writers.create_chat(application)
    client.close()


def _manifest(site: Site, plan: Plan, *, drained: bool) -> Manifest:
    return Manifest(
        title=plan.title, seed=plan.seed, commit=plan.commit, profile=site.profile, settings=site.settings(),
        level=plan.level, drained=drained, sources=site.sources, min_acknowledged=plan.min_acknowledged,
        min_met=plan.min_met,
    )  # fmt: skip
