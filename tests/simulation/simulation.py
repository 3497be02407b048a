"""One schedule: two writers, two workers, a log and a database, some clients, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import Any, NamedTuple

from parley.domain.events import Position, position_id
from tests.simulation import scale
from tests.simulation.checks import check
from tests.simulation.clients import APPLICATION, Clients
from tests.simulation.database import Server
from tests.simulation.engine import Command, Engine, Place
from tests.simulation.faults import Faults
from tests.simulation.loop import Node, StuckError, VirtualLoop
from tests.simulation.network import Network
from tests.simulation.nodes import Worker, World, Writer, wall_ms
from tests.simulation.scripts import Machine
from tests.simulation.tables import Row, Tables

LEAST_APPENDS = 50
LEAST_CRASHES = 2
_LIMIT_S = 120.0
_CLIENTS = 2
_LAST_APPENDS = 10
"""About as many come when the clients are asked to end, and when every chat is written to once more."""


class Result(NamedTuple):
    """What became of a schedule."""

    seed: int
    wrong: list[str]
    """Empty if every promise was kept."""
    trace: str
    """A hash of all that happened: the same seed has the same one."""
    appends: int
    crashes: int
    met: frozenset[str]
    seconds: float
    """Virtual ones."""


class Simulation:
    """Everything of one schedule; `run` it once."""

    def __init__(self, seed: int, broken: frozenset[str] = frozenset()) -> None:
        """Draw everything from ``seed``; ``broken`` names rules that this build forgets."""
        rng = Random(seed)
        self.seed = seed
        self.lines: list[str] = []
        self.wrong: list[str] = []
        self.has_begun = False
        self._rng = rng
        self._log_offset_s = self._database_offset_s = 0.0
        self.loop = loop = VirtualLoop(Random(rng.random()))  # type: ignore[abstract]  # all of a loop that is used here
        asyncio._set_running_loop(loop)
        self.faults = Faults(self, Random(rng.random()))
        machine = Machine(lambda: wall_ms(loop.time(), self._log_offset_s), scale.FIRST_GRANT, broken)
        self.engine = Engine(machine, is_synced=self.faults.is_synced, is_stored=self._is_stored)
        self.network = Network(loop, self.engine, Random(rng.random()), self._on_network)
        tables = self.tables = Tables(lambda: wall_ms(loop.time(), self._database_offset_s), 1)
        tables.add_application(APPLICATION, 0)
        self.server = Server(tables, self.network, Random(rng.random()), self._on_database, self._on_commit)
        self.server.broken = broken
        must_flag = self.faults.is_lossy and self.faults.is_synced
        if not must_flag:
            self.network.loss = rng.choice((0.0, 0.005, 0.03))
        self.server.trouble = rng.choice((0.0, 0.02, 0.08))
        sample_s = scale.SAMPLE_S if must_flag else scale.SELDOM_S
        ask_s = scale.ASK_S if self.faults.is_long_away else scale.SELDOM_S
        self._world = World(self.network, self.server, 1, Random(rng.random()), sample_s, ask_s)
        self.clients = Clients(self.network, Random(rng.random()), lambda: self._writers)
        self._runs = 0
        self._writers: list[Writer] = []
        self._nodes: list[Node] = []
        asyncio._set_running_loop(None)

    def run(self) -> Result:
        """Run it, and hold what became of everything against what was promised."""
        began = self.loop.time()
        try:
            self.loop.run(self._main(), _LIMIT_S)
        except StuckError as error:
            self.wrong.append(f"stuck: {error}")
        else:
            self.wrong += check(self)
        self.wrong += self.clients.wrong + self.loop.errors
        met = frozenset({*self.faults.met, *self.network.met, *self.server.met})
        seconds = self.loop.time() - began
        trace = blake2b("\n".join(self.lines).encode(), digest_size=8).hexdigest()
        return Result(self.seed, self.wrong, trace, self.engine.appends, self.faults.crashes, met, seconds)

    def note(self, *what: object) -> None:
        """Put a line into the trace."""
        self.lines.append(f"{self.loop.time():.6f} {what}")

    async def _main(self) -> None:
        for kind in ("writer", "writer", "worker", "worker"):
            self._start(kind)
        faults = self.loop.create_task(self.faults.run())
        working = [self.loop.create_task(self.clients.work()) for _ in range(_CLIENTS)]
        await faults
        while self.engine.appends < LEAST_APPENDS - _LAST_APPENDS:
            await self.clients.rest(0.02)
        self.clients.is_over = True
        self._heal()
        for client in working:
            await client
        await self.clients.touch()
        while self.engine.appends < LEAST_APPENDS:
            await self.clients.touch()
        while not self._is_drained():
            await self.clients.rest(0.05)

    def _heal(self) -> None:
        self.network.loss = self.server.trouble = 0.0

    def _is_stored(self, place: Place) -> bool:
        key, ms, seq = place
        return Position(int(key.split(":")[2]), position_id(ms, seq)) <= self.tables.partitions[0].position

    def _is_drained(self) -> bool:
        row = self.tables.partitions[0]
        data = self.engine.machine.data
        stream = data.get(f"{{p:0}}:{row.epoch}:log")
        return (
            row.mode == b"log"
            and data.get("{p:0}:epoch") == row.epoch
            and stream is not None
            and stream.ms << 20 | stream.seq == row.position.id
        )

    # Processes

    def _start(self, kind: str) -> None:
        self._runs += 1
        node = Node(f"{kind} {self._runs}")
        self._nodes.append(node)
        self.loop.on(node, 0, self._begin, kind, node)

    def _begin(self, kind: str, node: Node) -> None:
        process = Writer(self._world, node) if kind == "writer" else Worker(self._world, node)
        if isinstance(process, Writer):
            self._writers.append(process)
        running = self.loop.create_task(process.run())
        running.add_done_callback(self._ended)

    def _ended(self, running: asyncio.Task[None]) -> None:
        if not running.cancelled() and running.exception() is not None:
            self.wrong.append(f"failed: a process ended: {running.exception()!r}")

    def kill(self, node: Node, down_s: float) -> None:
        """Kill a process; another run of it begins later."""
        self.note("killed", node.name)
        self.loop.kill(node)
        self._nodes.remove(node)
        self.server.leave(node)
        kind = node.name.split(" ")[0]
        for writer in [writer for writer in self._writers if writer.node is node]:
            self.clients.reset(writer)
            if len(self._writers) > 1:
                self._writers.remove(writer)
        self.loop.on(self.loop.outside, down_s, self._start, kind)

    def crash_log(self, kept: dict[str, Any] | None, down_s: float | None) -> None:
        """Let the log's engine crash; it comes back over ``kept``, or over all it had, after a time if one is given."""
        if not self.engine.is_up:
            return
        self.engine.crash(kept)
        self.network.cut()
        if down_s is not None:
            self.loop.on(self.loop.outside, down_s, self.engine.restart)

    def jump(self, seconds: float) -> None:
        """Let one of the clocks jump."""
        draw = self._rng.random()
        if draw < 0.3:
            self._log_offset_s += seconds
        elif draw < 0.6:
            self._database_offset_s += seconds
        else:
            self.some_node().offset_s += seconds

    def some_node(self) -> Node:
        """Draw a process."""
        return self._nodes[int(self._rng.random() * len(self._nodes))]

    # What is heard

    def _on_network(self, node: Node, what: str, commands: Sequence[Command]) -> None:
        if what == "told":
            self.note(node.name, commands[-1][0] if commands[0][0] == b"EVALSHA" else len(commands))
        self.faults.on_network(node, what, commands)

    def _on_database(self, node: Node, what: str, purpose: str) -> None:
        if purpose:
            self.note(node.name, what, purpose)
        self.faults.on_database(node, what, purpose)

    def _on_commit(self, node: Node, writes: list[tuple[str, Row]]) -> None:
        """Look at what is about to be committed: nobody writes late, and positions only rise."""
        for name, bindings in writes:
            if name == "move_partition":
                row = self.tables.partitions[bindings[6]]
                is_standby = node.name.startswith("writer")
                if is_standby and bindings[:2] != row.position:
                    self.wrong.append(f"position: the standby moved the position from {row.position} to {bindings[:2]}")
                if is_standby:
                    continue
                if bindings[:2] <= row.position or tuple(bindings[7:]) != row.position:
                    self.wrong.append(f"position: it went from {row.position} to {bindings[:2]}")
            if name in {"move_partition", "open_epoch", "stand_by", "note_run"}:
                lease = self.tables.leases.get(b"persist-0")
                if lease is not None and lease.owner not in {node.name.encode(), b""}:
                    self.wrong.append(f"lease: {node.name} wrote under a lease that is {lease.owner.decode()}'s")
