"""Breaks things: some crashes are armed at a named point, others come with time. What was broken is healed again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from parley.log.redis.scripts import script
from tests.simulation import points
from tests.simulation.engine import Command
from tests.simulation.loop import Node
from tests.simulation.scale import TTL_S

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

_OPEN, _SEAL = script("open"), script("seal")
_MEETS_S = 1.2
"""For how long a point may wait to be met; then something simpler is broken."""
_SERVES_S = 3.0
"""The same where the database has to stand by first."""


class Faults:
    """One schedule's faults, drawn from its seed."""

    def __init__(self, simulation: Simulation, rng: Random) -> None:
        """Draw the plan."""
        self._sim = simulation
        self._rng = rng
        self.met: dict[str, int] = {}
        self.crashes = 0
        self._armed: str | None = None
        self._fired = asyncio.Event()
        self.is_lossy = rng.random() < 0.4
        """Whether the log may come back with less than it had, so that what was only queued may be gone."""
        self.is_synced = rng.random() < 0.7
        """Whether the engine says that it syncs before it answers: else each restart begins another life."""
        self.plan = self._draw()
        self.is_long_away = not {*points.STANDBY}.isdisjoint(self.plan)
        """Whether the log is away for so long that the database stands by."""

    def _draw(self) -> list[str]:
        rng = self._rng
        kinds = [*points.WORKER, *points.WORKER, *points.LIFE, *points.LOG_WRITE]
        kinds += [points.LEASE, points.DATABASE, points.ENGINE[0], points.ENGINE[0], *points.STANDBY[::2]]
        if self.is_lossy:
            kinds += [*points.ENGINE[1:]] * 4
        if not (self.is_lossy and self.is_synced):  # else nobody is left who could say what is missing
            kinds += [*points.WRITER * 3, points.STANDBY[1]]
        plan = [kinds[int(rng.random() * len(kinds))] for _ in range(3 if rng.random() < 0.25 else 2)]
        if rng.random() < 0.3:
            plan.insert(int(rng.random() * 2), points.OTHER[int(rng.random() * 2)])
        return plan

    async def run(self) -> None:
        """Break one thing after the other."""
        sim, rng = self._sim, self._rng
        for kind in self.plan:
            if kind not in points.LIFE or sim.has_begun:
                await sim.clients.rest(0.05 + 0.3 * rng.random())
            await self._do(kind)

    async def _do(self, kind: str) -> None:
        timed: dict[str, Callable[[], Awaitable[None]]] = {
            points.DATABASE: self._database_away,
            points.ENGINE[0]: self._restart,
            points.ENGINE[1]: self._lose_tail,
            points.ENGINE[2]: self._flush,
            points.ENGINE[3]: self._put_back,
            points.OTHER[0]: self._jump,
            points.OTHER[1]: self._pause,
        }
        if kind in timed:
            await timed[kind]()
            return
        if kind in points.STANDBY:
            await self._log_away(kind)
            return
        self._armed = kind
        self._fired = asyncio.Event()
        self._sim.engine.machine.keeps_before = kind == points.LOG_WRITE[1]
        if kind in points.LIFE and self._sim.has_begun:
            await (self._flush if self.is_lossy else self._end_life)()
        if not await self._is_met(_MEETS_S + (TTL_S if kind in points.LIFE else 0)):
            await self._restart()

    async def _is_met(self, timeout_s: float) -> bool:
        """Wait until the armed point is met, or let it be."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._fired.wait()
        except TimeoutError:
            self._armed = None
        return self._fired.is_set()

    # Points

    def on_network(self, node: Node, what: str, commands: Sequence[Command]) -> None:
        """Hear of commands on their way."""
        first = commands[0]
        if first[0] != b"EVALSHA":
            if what == "told":
                self._on_reply(node, commands)
        elif first[2] == b"7":
            self._on_append(node, what)

    def _on_reply(self, node: Node, commands: Sequence[Command]) -> None:
        first = commands[0]
        head = first[0]
        if head == "EVAL":
            if first[1] == _SEAL:
                self._kill_at(points.LIFE[0], node)
            elif first[1] == _OPEN:
                self._kill_at(points.LIFE[2], node)
        elif head == "SCRIPT":
            self._sim.has_begun = True
            self._kill_at(points.LIFE[3], node)
        elif len(commands) == 4 and commands[2][0] == "XRANGE" and commands[3][2]:
            self._kill_at(points.WORKER[0], node)

    def _on_append(self, node: Node, what: str) -> None:
        if what == "send":
            self._kill_at(points.WRITER[0], node)
        elif what == "sent":
            self._kill_at(points.WRITER[1], node)
        elif what == "done" and self._armed in points.LOG_WRITE and self._sim.engine.machine.wrote:
            point = self._fire()
            is_lost = point == points.LOG_WRITE[1]
            self._sim.crash_log(self._sim.engine.machine.before if is_lost else None, self._down_s())

    def on_database(self, node: Node, what: str, purpose: str) -> None:
        """Hear of a transaction on its way."""
        if purpose == "apply" and what == "ready":
            if self._armed == points.LEASE:
                self._fire()
                self._sim.loop.pause(node, TTL_S + 1.5)
            self._kill_at(points.WORKER[1], node)
        elif purpose == "apply":
            self._kill_at(points.WORKER[2], node)
        elif purpose == "number":
            self._on_number(node, what)
        elif purpose == "stand by" and what == "done":
            self._kill_at(points.STANDBY[0], node)
        elif purpose == "life" and what == "done":
            self._kill_at(points.LIFE[1], node)
        elif purpose == "grant" and what == "done":
            self._kill_at(points.WRITER[2] if node.name.startswith("writer") else points.WORKER[3], node)

    def _on_number(self, node: Node, what: str) -> None:
        if what == "ready":
            self._kill_at(points.STANDBY[1], node)
        elif self._armed == points.STANDBY[2]:
            self._fire()

    def _kill_at(self, point: str, node: Node) -> None:
        if self._armed == point and node.is_alive:
            self._fire()
            self._sim.kill(node, self._down_s())

    def _fire(self) -> str:
        point, self._armed = self._armed or "", None
        self._count(point)
        self._sim.loop.on(self._sim.loop.outside, 0, self._fired.set)
        return point

    def _count(self, point: str) -> None:
        self.met[point] = self.met.get(point, 0) + 1
        self.crashes += point in points.CRASHES
        self._sim.note("fault", point)

    def _down_s(self) -> float:
        return 0.02 + 0.3 * self._rng.random()

    # What comes with time

    async def _restart(self) -> None:
        kept = None
        if "answer before sync" in self._sim.engine.machine.broken:
            kept = self._sim.engine.picture()
            await self._sim.clients.rest(0.1)
        self._count(points.ENGINE[0])
        await self._crash(kept)

    async def _lose_tail(self) -> None:
        kept = self._sim.engine.picture()
        await self._sim.clients.rest(0.05 + 0.25 * self._rng.random())
        self._count(points.ENGINE[1])
        await self._crash(kept)

    async def _put_back(self) -> None:
        kept = self._sim.engine.picture()
        if self._rng.random() < 0.5:  # so that it is put back to an earlier life
            await self._flush()
        await self._sim.clients.rest(0.5 + self._rng.random())
        self._count(points.ENGINE[3])
        await self._crash(kept)

    async def _log_away(self, kind: str) -> None:
        """Have the log away, or only from those who persist, until the point is met, and for a while after it."""
        sim, rng = self._sim, self._rng
        is_crash = rng.random() < 0.6
        while not sim.engine.is_up:  # it may not be back from the last fault
            await sim.clients.rest(0.05)
        if is_crash:
            sim.crash_log(None, None)
        else:
            sim.network.unreachable_from = "worker"
        self._armed = kind
        self._fired = asyncio.Event()
        is_met = await self._is_met(_SERVES_S)
        await sim.clients.rest(0.2 + 0.8 * rng.random())
        if is_crash and self.is_lossy and rng.random() < 0.4:
            sim.engine.replace({})
            self._count(points.ENGINE[2])
        if is_crash:
            sim.engine.restart()
        sim.network.unreachable_from = ""
        if not is_met:
            await self._restart()

    async def _flush(self) -> None:
        self._count(points.ENGINE[2])
        self._sim.engine.replace({})
        await asyncio.sleep(0)

    async def _end_life(self) -> None:
        """Have the log look as if it had been sealed by one who went away."""
        key = "{p:0}:sealed"
        data = self._sim.engine.machine.data
        data[key] = data.pop("{p:0}:epoch", 0) or data.get(key, 0)
        await asyncio.sleep(0)

    async def _crash(self, kept: dict[str, object] | None) -> None:
        self._sim.crash_log(kept, self._down_s())
        await self._sim.clients.rest(0.1)

    async def _database_away(self) -> None:
        self._count(points.DATABASE)
        self._sim.server.fail()
        await self._sim.clients.rest(0.1 + self._rng.random())
        self._sim.server.is_up = True

    async def _jump(self) -> None:
        self._count(points.OTHER[0])
        forward = self._rng.random() < 0.6
        self._sim.jump(self._rng.choice((1.0, 5.0, 3_600.0)) if forward else -self._rng.choice((0.5, 2.0)))
        await asyncio.sleep(0)

    async def _pause(self) -> None:
        self._count(points.OTHER[1])
        self._sim.loop.pause(self._sim.some_node(), 0.2 + 3 * self._rng.random())
        await asyncio.sleep(0)
