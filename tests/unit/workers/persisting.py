"""Processes that persist the one partition of a log, side by side, each with ways of its own to log and database."""

from __future__ import annotations

from contextlib import suppress

from parley.domain.errors import ParleyError
from parley.domain.events import Position
from parley.telemetry.metrics import Metrics
from parley.workers.lives import Means
from parley.workers.persist import PersistJob
from parley.workers.tenure import Claimant
from tests.unit.workers.doubles import StillClock
from tests.unit.workers.doubles_sharing import DictDatabase, DictLog, Engine, P, Places, Store, apart, shared

KEY_TTL_S = 86_400


class Process:
    """One that holds the partition's lease, or believes so."""

    def __init__(self, engine: Engine, store: Store, owner: str) -> None:
        """Hold nothing yet."""
        self.places = Places()
        self.metrics = Metrics()
        self.log = DictLog(engine, self.places)
        self.database = DictDatabase(store, self.places)
        self.clock = store.clock
        self._claimant = Claimant(self.database, owner, store.clock)
        self.lost_at: float | None = None
        """Since when it cannot reach the log, if its breaker says so."""

    async def claim(self) -> PersistJob | None:
        """Claim the lease and make the job under it."""
        tenure = await self._claimant.claim(f"persist-{P}")
        if tenure is None:
            return None
        self.tenure = tenure
        means = Means(apart(self.log), shared(self.database), self.clock, self.metrics, KEY_TTL_S, self._away_s)
        return PersistJob(P, tenure, means)

    async def must_claim(self) -> PersistJob:
        """Claim the lease, which must be free, and make the job under it."""
        job = await self.claim()
        assert job is not None, "another process holds the lease"
        return job

    def opened(self) -> dict[str, int]:
        """Count the lives that this process opened, by reason."""
        return {reason: counter.value for (reason,), counter in self.metrics.lives_opened}

    def _away_s(self, partition: int) -> float:
        """Tell for how long its breaker has been open."""
        assert partition == P
        return 0.0 if self.lost_at is None else self.clock.monotonic() - self.lost_at + 0.001


class World:
    """The engine, the store and the clock that all share."""

    def __init__(self) -> None:
        """Begin with a log that nobody has looked at."""
        self.clock = StillClock()
        self.engine = Engine(self.clock)
        self.store = Store(self.clock)

    def process(self, owner: str = "a") -> Process:
        """Start another process."""
        return Process(self.engine, self.store, owner)

    async def served(self) -> tuple[Process, PersistJob]:
        """Start a process that claims the lease and opens the log."""
        process = self.process()
        job = await process.must_claim()
        await self.settle(job)
        return process, job

    async def settle(self, job: PersistJob, *, steps: int = 12, pause_s: float = 0.3) -> None:
        """Step on while time passes, failing steps too, as a runner does."""
        for _ in range(steps):
            with suppress(ParleyError):
                await job.step()
            self.clock.move(pause_s)

    def append(self, count: int = 1) -> list[Position]:
        """Append as a writer does who knows what the database holds; every entry must be taken."""
        positions = [self.engine.append(self.store.row.life) for _ in range(count)]
        assert None not in positions, "the log is not served"
        return [position for position in positions if position is not None]

    def lose(self, *processes: Process) -> None:
        """Take the log away; these processes' breakers open."""
        self.engine.away = True
        for process in processes:
            process.lost_at = self.clock.monotonic()

    def bring_back(self, *processes: Process, run_id: str | None = None) -> None:
        """Bring the log back, maybe in another run of its engine; these processes' breakers close."""
        self.engine.away = False
        if run_id is not None:
            self.engine.run_id, self.engine.loaded = run_id, set()
        for process in processes:
            process.lost_at = None

    @property
    def is_served(self) -> bool:
        """Tell whether a writer would be served who knows what the database holds."""
        return self.engine.open == self.store.row.life.epoch and self.store.row.life in self.engine.loaded
