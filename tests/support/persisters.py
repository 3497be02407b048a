"""Processes of an installation on Redis and MariaDB, inside this one: writers, and workers that persist."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from typing import Final, NamedTuple

from parley.domain.errors import OutcomeUnknownError, ParleyError, UnavailableError
from parley.domain.events import ChatCreated, Entry, IdempotencyKey, MessagesPosted
from parley.domain.grants import Partition
from parley.domain.model import Draft
from parley.domain.numbering import Appended, Outcome, Replayed
from parley.domain.partitions import partition_of
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.ingest.lives import PresentLives
from parley.ingest.recovery import Recovery
from parley.log import open_log
from parley.log.port import Apart
from parley.log.port import Opened as OpenedLog
from parley.storage import open_storage
from parley.storage.port import Opened as OpenedStorage
from parley.storage.port import Opening
from parley.storage.sharing import Shared
from parley.telemetry.clock import Clock, SystemClock
from parley.telemetry.metrics import Metrics
from parley.workers.lives import Means
from parley.workers.persist import PersistJob
from parley.workers.runner import Runner
from parley.workers.shares import Shares
from parley.workers.tenure import Claimant, Tenure

PARTITIONS: Final = 2
KEY_TTL_S: Final = 86_400
PATIENCE_S: Final = 5.0
_PROCESSES = count(1)


class Site(NamedTuple):
    """Where an installation's log and database are."""

    log_url: str
    database_url: str


class Process:
    """One process of the installation."""

    def __init__(self, storage: OpenedStorage, log: OpenedLog, clock: Clock | None = None) -> None:
        """Take what it opened; its jobs go by ``clock``, its leases by the time that passes."""
        self.storage = storage
        self.log = log.log
        assert log.apart is not None
        assert storage.shared is not None
        self.apart: Apart = log.apart
        self.shared: Shared = storage.shared
        self.owner = f"process-{next(_PROCESSES)}"
        self.metrics = Metrics()
        self.clock = clock or SystemClock()

    async def row(self, partition: int = 0) -> Partition:
        """Give a partition's row."""
        return next(row for row in await self.shared.scopes.partitions() if row.id == partition)


class Worker(Process):
    """One that persists."""

    def claimant(self) -> Claimant:
        """Give it as one that asks for leases."""
        return Claimant(self.shared.leases, self.owner, SystemClock())

    def job(self, partition: int, tenure: Tenure) -> PersistJob:
        """Make the job of a partition."""
        self.tenure = tenure
        means = Means(self.apart, self.shared, self.clock, self.metrics, KEY_TTL_S)
        return PersistJob(partition, tenure, means)

    async def claim(self, partition: int = 0) -> PersistJob:
        """Claim a partition's lease, which must be free, and make the job under it."""
        tenure = await self.claimant().claim(f"persist-{partition}")
        assert tenure is not None, "another process holds the lease"
        return self.job(partition, tenure)

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[Shares]:
        """Share all partitions with the other workers inside, as a worker process does."""
        starts = {f"persist-{each}": partial(self._start, each) for each in range(PARTITIONS)}
        shares = Shares(starts, self.claimant(), self.metrics)
        runner = _runner(shares)
        runner.start()
        try:
            yield shares
        finally:
            await runner.stop()
            await shares.close()

    def opened(self) -> dict[str, int]:
        """Count the lives that this process opened, by reason."""
        return {reason: counter.value for (reason,), counter in self.metrics.lives_opened}

    def _start(self, partition: int, tenure: Tenure) -> Runner:
        return _runner(self.job(partition, tenure))


class Writer(Process):
    """One that writes, through group commit and recovery as the real one."""

    async def start(self) -> None:
        """Learn the present lives and go on learning."""
        self._lives = PresentLives(self.shared.scopes, self.apart.feeding)
        await self._lives.renew()
        recovery = Recovery(self.shared.scopes, self.apart.feeding, self._lives)
        self._batcher = Batcher(self.log, BatchLimits(256, 1024 * 1024), SystemClock(), lambda *_: None, recovery)
        self._stop = asyncio.Event()
        self._watching = asyncio.create_task(self._lives.watch(self._stop))
        self.unknown = 0

    async def stop(self) -> None:
        """End."""
        await self._batcher.drained()
        self._stop.set()
        await self._watching

    async def append(self, entry: Entry) -> Outcome:
        """Append and give the outcome.

        Raises:
            ParleyError: what a client would be told.
        """
        settled: asyncio.Future[Outcome | ParleyError] = asyncio.get_running_loop().create_future()
        self._batcher.submit(entry, 200, PATIENCE_S, settled.set_result)
        outcome = await settled
        if isinstance(outcome, ParleyError):
            raise outcome
        return outcome

    async def take(self, entry: Entry) -> int:
        """Append an entry that must be taken, again under its key while the outcome is unknown; give its number."""
        async with asyncio.timeout(30):
            while True:
                try:
                    outcome = await self.append(entry)
                except UnavailableError:
                    await asyncio.sleep(0)
                except OutcomeUnknownError:
                    assert entry.key is not None, "an unknown outcome of an entry without a key"
                    self.unknown += 1
                else:
                    assert isinstance(outcome, Appended | Replayed), outcome
                    return outcome.number

    async def add_chat(self, partition: int = 0) -> tuple[str, int]:
        """Make an application of a partition with a chat."""
        while True:
            application, _ = await self.storage.tenants.create("an application", None)
            if partition_of(application.token, PARTITIONS) == partition:
                return application.token, await self.take(Entry(application.token, None, ChatCreated()))

    async def post(self, chat: tuple[str, int], *bodies: str) -> int:
        """Post messages under a key of their own; give the first one's number."""
        key = IdempotencyKey("messages", f"key of {bodies[0]}", bodies[0].encode().ljust(16)[:16])
        return await self.take(Entry(*chat, MessagesPosted(tuple(map(Draft, bodies))), key=key))

    async def post_all(self, chat: tuple[str, int], bodies: Sequence[str]) -> dict[int, str]:
        """Post each, all at once; give what was acknowledged, by number."""
        numbers = await asyncio.gather(*(self.post(chat, body) for body in bodies))
        assert len(set(numbers)) == len(numbers), "a number was given twice"
        return dict(zip(numbers, bodies, strict=True))


class Installation:
    """Opens processes on a site."""

    def __init__(self, site: Site, stack: AsyncExitStack) -> None:
        """Close all with ``stack``."""
        self.site = site
        self._stack = stack

    async def writer(self) -> Writer:
        """Start a writer."""
        writer = Writer(*await self._open())
        await writer.start()
        self._stack.push_async_callback(writer.stop)
        return writer

    async def worker(self) -> Worker:
        """Start a worker that holds nothing yet."""
        return Worker(*await self._open())

    async def _open(self) -> tuple[OpenedStorage, OpenedLog]:
        new_token = lambda: random.randbytes(16).hex()  # noqa: E731 - as bootstrap passes it
        opening = Opening(SystemClock(), new_token, PARTITIONS, KEY_TTL_S, 4, 200_000, 1.0)
        return await open_site(self.site, opening, self._stack)


async def open_site(site: Site, opening: Opening, stack: AsyncExitStack) -> tuple[OpenedStorage, OpenedLog]:
    """Open a site's database and its log, as a process does that starts, and close both with ``stack``."""
    storage = open_storage(site.database_url, opening)
    stack.push_async_callback(storage.close)
    await storage.start()
    log = open_log(
        site.log_url,
        clock=SystemClock(),
        writer_id=f"writer-{next(_PROCESSES)}",
        partitions=opening.partitions,
        accepts_relaxed=True,
        unsettled_s=PATIENCE_S,
    )
    stack.push_async_callback(log.close)
    await log.start()
    return storage, log


@asynccontextmanager
async def installed(site: Site) -> AsyncIterator[Installation]:
    """Give an installation, and end its processes in the end."""
    async with AsyncExitStack() as stack:
        yield Installation(site, stack)


def _runner(job: PersistJob | Shares) -> Runner:
    return Runner(job, jitter=random.random, on_failure=lambda _: None, longest_backoff_s=1.0)
