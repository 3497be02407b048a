"""Processes of the product, wired as `parley.bootstrap` does, over the memory network and database."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import Any, Final, NamedTuple

from parley.database.mysql.transactions import Database
from parley.domain.errors import NotFoundError, ParleyError, UnavailableError
from parley.domain.events import Entry
from parley.ingest.admission import Admission, DepthBound
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.ingest.finding import LogFinder
from parley.ingest.lives import PresentLives
from parley.ingest.parents import Parents
from parley.ingest.recovery import Recovery
from parley.ingest.storing import Storing
from parley.ingest.writes import Patience, Reply, Writes
from parley.log.breaker import Breaker
from parley.log.port import Apart
from parley.log.redis.appends import AppendTerms, RedisLog
from parley.log.redis.feeding import RedisFeeding
from parley.log.redis.keeper import Budget, RedisKeeper
from parley.log.redis.lives import Lives
from parley.log.redis.reach import RedisReach
from parley.log.redis.sampling import Sampling
from parley.log.redis.stream import RedisStream
from parley.log.standby import Standby
from parley.log.switch import Switch
from parley.storage.mysql.applying.persisting import MySqlPersisting
from parley.storage.mysql.leases import MySqlLeases
from parley.storage.mysql.numbering import MySqlNumbering
from parley.storage.mysql.scopes import MySqlScopes
from parley.storage.sharing import Shared, persist_lease
from parley.telemetry.metrics import Metrics
from parley.workers.lives import Means
from parley.workers.persist import PersistJob
from parley.workers.runner import Runner
from parley.workers.shares import Shares
from parley.workers.tenure import Claimant, Tenure
from tests.simulation.database import MemoryAddress, Server
from tests.simulation.loop import Node
from tests.simulation.network import MemoryServers, MemoryWires, Network
from tests.support.pace import hold_async

PREFIX: Final = "p"
KEY_TTL_S: Final = 86_400
UNSETTLED_S: Final = 2.0
_BUDGET: Final = Budget(keys=8, scopes=3, idle_ms=400, gate_ms=2_000)
"""So little that keys and scopes are let go of within a schedule."""
_PROBE_PATIENCE_S: Final = 0.2
_LIMITS: Final = BatchLimits(max_entries=256, max_bytes=1 << 20)
_METRICS: Final = Metrics()
"""One for all: nobody reads them."""


class NodeClock:
    """A process's clocks: the monotonic one is right, the other is off by what the node says."""

    def __init__(self, network: Network, node: Node) -> None:
        """Read the loop's time."""
        self._loop = network.loop
        self._node = node
        self.monotonic = network.loop.time

    def now_ms(self) -> int:
        """Give UTC milliseconds."""
        return wall_ms(self._loop.time(), self._node.offset_s)


def wall_ms(seconds: float, offset_s: float) -> int:
    """Give what a clock shows that is off by some seconds."""
    return 1_700_000_000_000 + int((seconds + offset_s) * 1_000)


class Own(NamedTuple):
    """What every process has."""

    clock: NodeClock
    lives: Lives
    keeping: MemoryWires
    feeding: RedisFeeding
    database: Database
    scopes: MySqlScopes


class World(NamedTuple):
    """What all processes share."""

    network: Network
    server: Server
    partitions: int
    rng: Random
    sample_s: float
    """Between two samples of the log by a writer."""
    beat_s: float
    """Between two questions of each process whether the log is there."""

    def new_chat_id(self, partition: int, counter: int) -> int:
        """Give a chat an id that no other has."""
        return counter * self.partitions + partition


def _own(world: World, node: Node) -> Own:
    clock = NodeClock(world.network, node)
    lives = Lives(PREFIX, node.name)
    keeping = MemoryWires(world.network, node, UNSETTLED_S / 3)
    feeding = RedisFeeding(keeping, lives, world.partitions)
    address: Any = MemoryAddress(world.server, node)
    database = Database(address, {}, sessions=8, jitter=world.rng.random)
    scopes = MySqlScopes(database, clock, KEY_TTL_S * 1_000)
    return Own(clock, lives, keeping, feeding, database, scopes)


def _reach(world: World, node: Node, log: Any) -> RedisReach:  # noqa: ANN401 - a worker has none
    probing = MemoryWires(world.network, node, _PROBE_PATIENCE_S)
    return RedisReach(probing, log, world.partitions)


async def _watch(breaker: Breaker, node: Node, pause_s: float) -> None:
    """Ask whether the log is there, as often as a schedule needs it."""
    while node.is_alive:
        await breaker.beat()
        await hold_async(pause_s)


async def _renew(present: PresentLives) -> None:
    """Learn the lives before anything else; a process that cannot is started again and again."""
    while True:
        try:
            await present.renew()
        except UnavailableError:
            await hold_async(0.1)
        else:
            return


class Writer:
    """One run of a process that writes."""

    def __init__(self, world: World, node: Node) -> None:
        """Wire it; `run` starts it."""
        self.node = node
        self.is_ready = False
        self._sample_s, self._beat_s = world.sample_s, world.beat_s
        means = self._means = _own(world, node)
        appending = MemoryWires(world.network, node, UNSETTLED_S / 3)
        self._sampling = Sampling(means.keeping, means.lives)
        terms = AppendTerms(means.clock, world.partitions, KEY_TTL_S * 1_000, UNSETTLED_S)
        own = RedisLog(appending, means.lives, means.feeding.vouched, self._sampling, terms)
        reach = _reach(world, node, own)
        numbering = MySqlNumbering(means.database, means.clock, KEY_TTL_S * 1_000, world.new_chat_id)
        self.log = log = Switch(own, reach, Standby(numbering, means.clock), world.partitions, means.clock)
        self._breaker = Breaker(reach.away, means.clock, world.rng.random, log.lose)
        self._present = PresentLives(means.scopes, means.feeding, log)
        recovery = Recovery(means.scopes, means.feeding, self._present)
        self.batcher = Batcher(log, _LIMITS, means.clock, lambda *_: None, recovery)
        admission = Admission(log, self.batcher, DepthBound(10_000, 1 << 24))
        storage: Any = _Storage(world.server, means.database)
        finder = LogFinder(means.feeding, storage, log.is_away)
        self.parents = Parents(finder, answer_timeout_s=UNSETTLED_S)
        patience = Patience(UNSETTLED_S, Storing(means.scopes, means.clock))
        self.writes = Writes(log, admission, self.parents, self.batcher, patience)

    async def run(self) -> None:
        """Serve until killed."""
        await _renew(self._present)
        self._watching = asyncio.create_task(self._present.watch(asyncio.Event()))
        self._asking = asyncio.create_task(_watch(self._breaker, self.node, self._beat_s))
        self.is_ready = True
        while self.node.is_alive:
            await self._sampling.sample()
            await hold_async(self._sample_s)

    def handle(self, entry: Entry, wait_s: int | None, reply: Reply) -> None:
        """Do what the HTTP services do with a request: admission, parents, append."""

        def found(error: ParleyError | None) -> None:
            if error is None:
                self.writes.send(entry, 100, wait_s, reply)
            else:
                reply(error)

        try:
            self.writes.admission.check()
        except UnavailableError as error:
            reply(error)
        else:
            self.parents.resolve(entry.token, entry.chat, found)


class _Storage:
    """As much of the storage as a writer asks."""

    def __init__(self, server: Server, database: Database) -> None:
        self._server = server
        self._database = database

    async def find_chat(self, token: str, chat: int | None) -> None:
        """Return if it is there."""
        tables = self._server.tables
        await self._database.read(lambda session: session.rows("partitions"))
        application = tables.applications.get(token)
        if application is None or application.is_gone:
            raise NotFoundError("ChatApplication")
        found = None if chat is None else tables.chats.get((application.id, chat))
        if chat is not None and (found is None or found.is_gone):
            raise NotFoundError("Chat")


class Worker:
    """One run of a process that persists."""

    def __init__(self, world: World, node: Node) -> None:
        """Wire it; `run` starts it."""
        self.node = node
        means = self._means = _own(world, node)
        reading = MemoryWires(world.network, node, UNSETTLED_S / 3)
        servers: Any = MemoryServers(world.network, node)
        keeper = RedisKeeper(servers, means.keeping, means.lives, _BUDGET, is_single=True)
        persisting = MySqlPersisting(means.database, means.clock, world.new_chat_id)
        leases = MySqlLeases(means.database)
        unused: Any = None
        shared = Shared(means.scopes, persisting, leases, dead_letters=unused, numbering=unused)
        reach = _reach(world, node, None)
        self._beat_s = world.beat_s
        self._breaker = Breaker(reach.away, means.clock, world.rng.random, lambda _: None)
        self._present = PresentLives(means.scopes, means.feeding)
        apart = Apart(means.feeding, RedisStream(reading, PREFIX), keeper, reach)
        job_means = Means(apart, shared, means.clock, _METRICS, KEY_TTL_S, self._breaker.away_s)
        claimant = Claimant(leases, node.name, means.clock)
        run = partial(Runner, jitter=world.rng.random, on_failure=lambda _: None, longest_backoff_s=1.0)

        def start(partition: int, tenure: Tenure) -> Runner:
            return run(PersistJob(partition, tenure, job_means))

        jobs = {persist_lease(partition): partial(start, partition) for partition in range(world.partitions)}
        self._runner = run(Shares(jobs, claimant, _METRICS))

    async def run(self) -> None:
        """Work until killed."""
        await _renew(self._present)
        self._watching = asyncio.create_task(self._present.watch(asyncio.Event()))
        self._asking = asyncio.create_task(_watch(self._breaker, self.node, self._beat_s))
        self._runner.start()
