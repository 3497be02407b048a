"""After each fault: until when every door serves again, and until when is stored and indexed what was acknowledged."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from tests.faults.client import Door
from tests.faults.site import Site
from tests.support.client import Answer, Client
from tests.support.pace import hold_async
from tests.support.tenant import Tenant, expect
from tests.support.workload import OK_CREATED, AsyncClient, NoAnswerError, NotSentError, Progress

BACK_S: Final = 30.0
DRAINED_S: Final = 120.0
SOON_S: Final = 15.0
"""What is promised is twice the outage; after a short one, this."""
_ANSWER_S: Final = 6.0
_AGAIN_S: Final = 0.2
_OK: Final = 200

_Places = Mapping[int, tuple[int, int]]


class Healed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one fault; nothing where it did not end well in time."""

    fault: str
    outage_s: float
    back_s: float | None
    """Until the last door took a create, and the last API gave it back, both unmarked."""
    drained_s: float | None
    late: bool
    """Whether draining took longer than twice the outage, and than what is soon."""


@dataclass(eq=False)
class _Healing:
    """A fault that is over."""

    fault: str
    off: float
    outage_s: float
    waits_for: set[Door]
    back_s: float | None = 0.0
    ends: _Places = field(default_factory=dict)
    """Up to where each partition's log went when it was first seen whole after the fault."""
    is_drained: bool = False
    drained_s: float | None = None

    def told(self) -> Healed:
        """Give its record."""
        late = self.drained_s is None or self.drained_s > max(2 * self.outage_s, SOON_S)
        return Healed(
            fault=self.fault, outage_s=round(self.outage_s, 1), back_s=_rounded(self.back_s),
            drained_s=_rounded(self.drained_s), late=late,
        )  # fmt: skip


class Recovery:
    """Asks at every door by itself, in an application of its own that no recording knows, and looks at the state."""

    def __init__(self, site: Site, wrong: Callable[[str], None]) -> None:
        """Watch a site; ``wrong`` is told what was not back, or not drained, in time."""
        self._site, self._wrong = site, wrong
        self._faults: list[_Healing] = []
        self._progress = Progress()
        self._chat = ""
        self._ending = False

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch inside, and after it until nothing is waited for."""
        self._chat = await asyncio.to_thread(_make_chat, self._site)
        async with asyncio.TaskGroup() as group:
            doors = [*self._site.doors.api, *self._site.doors.write]
            tasks = [group.create_task(self._ask(door)) for door in doors] + [group.create_task(self._look())]
            try:
                yield
                await self.over()
            finally:
                for task in tasks:
                    task.cancel()

    def begin(self, fault: str, outage_s: float) -> None:
        """Measure from now on: the fault is over."""
        doors = {*self._site.doors.api, *self._site.doors.write}
        self._faults.append(_Healing(fault, time.monotonic(), outage_s, doors))
        self._progress.note()

    async def over(self) -> None:
        """Wait until every fault so far has been got over, or has taken too long for that."""
        await self._progress.reach(lambda: all(each.is_drained and not each.waits_for for each in self._faults))

    def told(self) -> list[Healed]:
        """Give the record of every fault."""
        return [each.told() for each in self._faults]

    async def _ask(self, door: Door) -> None:
        """Ask at one door as long as a fault waits for it."""
        while True:
            await self._progress.reach(lambda: any(door in each.waits_for for each in self._faults))
            asked, serves = time.monotonic(), await self._serves(door)
            for each in self._faults:
                if door in each.waits_for:
                    self._note_door(each, door, serves=serves and asked >= each.off)
            self._progress.note()
            if not serves:
                await hold_async(_AGAIN_S)

    def _note_door(self, fault: _Healing, door: Door, *, serves: bool) -> None:
        took_s = time.monotonic() - fault.off
        if serves:
            fault.back_s = None if fault.back_s is None else max(fault.back_s, took_s)
        elif took_s > BACK_S:
            fault.back_s = None
            self._wrong(f"{fault.fault}: {door.svc} {door.url} was not back after {BACK_S:.0f} s")
        else:
            return
        fault.waits_for.remove(door)

    async def _serves(self, door: Door) -> bool:
        connection = AsyncClient(door.url)
        try:
            async with asyncio.timeout(_ANSWER_S):
                ready = await connection.request("GET", "/ready")
                made = await connection.request("POST", f"{self._chat}/messages", {"body": "probe"})
                if ready.status != _OK or not _is_whole(made, OK_CREATED):
                    return False
                where = f"{self._chat}/messages/{made.json()['number']}"
                return door.svc != "api" or _is_whole(await connection.request("GET", where), _OK)
        except (TimeoutError, NotSentError, NoAnswerError):
            return False
        finally:
            connection.close()

    async def _look(self) -> None:
        """Look at the state as long as a fault waits for it."""
        while True:
            await self._progress.reach(lambda: any(not each.is_drained for each in self._faults))
            asked, partitions = time.monotonic(), await asyncio.to_thread(_partitions, self._site)
            for each in self._faults:
                if not each.is_drained and asked >= each.off:
                    self._note_state(each, partitions)
            self._progress.note()
            await hold_async(_AGAIN_S)

    def _note_state(self, fault: _Healing, partitions: list[dict[str, Any]]) -> None:
        took_s = time.monotonic() - fault.off
        if not fault.ends and partitions and all(each.get("log") in {"served", None} for each in partitions):
            fault.ends = {each["id"]: _place(each.get("end") or each["position"]) for each in partitions}
        if fault.ends and partitions and all(_is_past(each, fault.ends[each["id"]]) for each in partitions):
            fault.is_drained, fault.drained_s = True, took_s
        elif took_s > DRAINED_S:
            fault.is_drained = True
            self._wrong(f"{fault.fault}: not everything was stored and indexed after {DRAINED_S:.0f} s")


def _make_chat(site: Site) -> str:
    """Make a chat and have it stored: it outlives the log."""
    with Client(site.doors.api[0].url) as api:
        path = Tenant(api, "probe").path
        made = expect(api.json("POST", f"{path}/chats", {"title": "probe"}, [("Prefer", "wait=30")]), OK_CREATED)
        return f"{path}/chats/{made['number']}"


def _is_whole(answer: Answer, status: int) -> bool:
    return answer.status == status and not answer.header("Parley-Degraded")


def _partitions(site: Site) -> list[dict[str, Any]]:
    """Give the partitions as the product says that they are; none while it cannot say."""
    said = site.run("status", "--json").stdout
    return json.loads(said)["partitions"] if said else []


def _place(told: Mapping[str, Any] | None) -> tuple[int, int]:
    return (0, 0) if told is None else (told["epoch"], told["id"])


def _is_past(partition: Mapping[str, Any], end: tuple[int, int]) -> bool:
    is_stored = _place(partition["position"]) >= end
    is_indexed = _place(partition["index_position"]) >= end or partition["index_lag_s"] == 0
    return is_stored and is_indexed


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
