"""After each fault: until when every door serves again, and until when is stored and indexed what was acknowledged.

It is asked in applications of its own, which no recording knows: at each door by itself for a create and a read; and in
each partition a message is sent, and looked for until a search finds it. Partitions are stored and indexed in the order
of their logs, so all that was acknowledged before it is stored and indexed as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, Final, NamedTuple

import msgspec

from parley.domain.partitions import partition_of
from tests.faults.client import Door, Doors
from tests.support.client import Answer, Client
from tests.support.pace import hold_async
from tests.support.tenant import Tenant, expect
from tests.support.workload import OK_CREATED, AsyncClient, NoAnswerError, NotSentError, Progress

BACK_S: Final = 30.0
DRAINED_S: Final = 120.0
SOON_S: Final = 15.0
"""What is promised is twice the outage; after a short one, this."""
_PARTITIONS: Final = 4
"""As many as there are where nobody says otherwise."""
_ANSWER_S: Final = 6.0
_AGAIN_S: Final = 0.2
_FOUND_S: Final = 10.0
"""Then another message is sent: the first may have become a dead letter."""
_OK: Final = 200

_Ask = Callable[..., Awaitable[Answer]]


class Healed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one fault; nothing where it did not end well in time."""

    fault: str
    outage_s: float
    back_s: float | None
    """Until the last door took a create, and the last API gave it back, both unmarked."""
    drained_s: float | None
    """Until all that was acknowledged by its end was stored and indexed."""
    late: bool
    """Whether draining took longer than twice the outage, and than what is soon."""


class _Probe(NamedTuple):
    """Something that is asked again and again until it goes well."""

    what: str
    limit_s: float
    ask: Callable[[], Awaitable[bool]]


@dataclass(eq=False)
class _Healing:
    """A fault that is over, and how long it took until each probe went well that began after it."""

    fault: str
    off: float
    outage_s: float
    took_s: dict[_Probe, float | None]


class Recovery:
    """Asks as long as a fault has not been got over."""

    def __init__(self, doors: Doors, wrong: Callable[[str], None]) -> None:
        """Ask at these doors; ``wrong`` is told what did not go well in time."""
        self._doors, self._wrong = doors, wrong
        self._faults: list[_Healing] = []
        self._waits: set[tuple[_Healing, _Probe]] = set()
        self._progress = Progress()
        self._back: list[_Probe] = []
        self._drained: list[_Probe] = []
        self._lost: set[_Probe] = set()
        """What was not well in time once: the run is invalid, and nobody waits for it again."""

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch inside, and after it until nothing is waited for."""
        chats = await asyncio.to_thread(_make_chats, self._doors.api[0])
        every = (*self._doors.api, *self._doors.write)
        self._back = [_Probe(f"{door.svc} {door.url}", BACK_S, partial(_serves, door, chats[0])) for door in every]
        self._drained = [
            _Probe(f"partition {id_}", DRAINED_S, partial(_drains, self._doors.api[0], chat, count()))
            for id_, chat in enumerate(chats)
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._ask(probe)) for probe in (*self._back, *self._drained)]
            try:
                yield
                await self.over()
            finally:
                for task in tasks:
                    task.cancel()

    def begin(self, fault: str, outage_s: float) -> None:
        """Measure from now on: the fault is over."""
        over = _Healing(fault, time.monotonic(), outage_s, dict.fromkeys(self._lost))
        self._faults.append(over)
        self._waits |= {(over, probe) for probe in (*self._back, *self._drained) if probe not in self._lost}
        self._progress.note()

    async def over(self) -> None:
        """Wait until every fault so far has been got over, or has taken too long for that."""
        await self._progress.reach(lambda: not self._waits)

    def told(self) -> list[Healed]:
        """Give the record of every fault."""
        return [self._told(each) for each in self._faults]

    async def _ask(self, probe: _Probe) -> None:
        while True:
            await self._progress.reach(lambda: any(waiting is probe for _, waiting in self._waits))
            asked, went_well = time.monotonic(), await _try(probe)
            for fault in [fault for fault, waiting in self._waits if waiting is probe]:
                self._note(fault, probe, went_well=went_well and asked >= fault.off)
            self._progress.note()
            if not went_well:
                await hold_async(_AGAIN_S)

    def _note(self, fault: _Healing, probe: _Probe, *, went_well: bool) -> None:
        took_s = time.monotonic() - fault.off
        if not went_well and took_s < probe.limit_s:
            return
        fault.took_s[probe] = took_s if went_well else None
        self._waits.remove((fault, probe))
        if not went_well:
            self._lost.add(probe)
            self._wrong(f"{fault.fault}: {probe.what} was not well after {probe.limit_s:.0f} s")

    def _told(self, fault: _Healing) -> Healed:
        back_s, drained_s = (_longest(fault, probes) for probes in (self._back, self._drained))
        late = drained_s is None or drained_s > max(2 * fault.outage_s, SOON_S)
        return Healed(
            fault=fault.fault, outage_s=round(fault.outage_s, 1), back_s=back_s, drained_s=drained_s, late=late
        )


def _longest(fault: _Healing, probes: list[_Probe]) -> float | None:
    took = [fault.took_s[probe] for probe in probes]
    known = [each for each in took if each is not None]
    return round(max(known), 1) if len(known) == len(took) else None


async def _try(probe: _Probe) -> bool:
    try:
        return await probe.ask()
    except (TimeoutError, NotSentError, NoAnswerError):
        return False


async def _serves(door: Door, chat: str) -> bool:
    """Tell whether a door says that it is ready, and serves unmarked: a create, and where it reads that message."""
    async with _asking(door) as ask:
        ready, made = await ask("GET", "/ready"), await ask("POST", f"{chat}/messages", {"body": "probe"})
        if ready.status != _OK or not _is_whole(made, OK_CREATED):
            return False
        return door.svc != "api" or _is_whole(await ask("GET", f"{chat}/messages/{made.json()['number']}"), _OK)


async def _drains(door: Door, chat: str, words: count[int]) -> bool:
    """Send a message, and another one after a while, and tell whether they were stored, and one was found."""
    word, until = f"marker{next(words)}", time.monotonic() + DRAINED_S
    async with _asking(door) as ask:
        while time.monotonic() < until:
            made = await ask("POST", f"{chat}/messages", {"body": word}, [("Prefer", "wait=5")])
            if made.status != OK_CREATED or made.header("Parley-Durability") != "stored":
                return False
            if await _is_found(ask, f"{chat}/messages/search?q={word}"):
                return True
    return False


async def _is_found(ask: _Ask, target: str) -> bool:
    until = time.monotonic() + _FOUND_S
    while time.monotonic() < until:
        found = await ask("GET", target)
        if found.status == _OK and found.json():
            return True
        await hold_async(_AGAIN_S)
    return False


@asynccontextmanager
async def _asking(door: Door) -> AsyncIterator[_Ask]:
    connection = AsyncClient(door.url)

    async def ask(*request: Any) -> Answer:  # noqa: ANN401 - as the client takes it
        async with asyncio.timeout(_ANSWER_S):
            return await connection.request(*request)

    try:
        yield ask
    finally:
        connection.close()


def _make_chats(door: Door) -> list[str]:
    """Make a chat in each partition, and have them stored: they outlive the log."""
    chats: dict[int, str] = {}
    with Client(door.url) as api:
        while len(chats) < _PARTITIONS:
            tenant = Tenant(api, "probe")
            id_ = partition_of(tenant.token, _PARTITIONS)
            if id_ not in chats:
                title = {"title": "probe"}
                made = expect(api.json("POST", f"{tenant.path}/chats", title, [("Prefer", "wait=30")]), OK_CREATED)
                chats[id_] = f"{tenant.path}/chats/{made['number']}"
    return [chats[id_] for id_ in sorted(chats)]


def _is_whole(answer: Answer, status: int) -> bool:
    return answer.status == status and not answer.header("Parley-Degraded")
