"""Spreads jobs of one kind over the processes that do them: each holds its fair share of their leases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

import structlog

from parley.domain.errors import UnavailableError
from parley.storage.sharing import Holder
from parley.telemetry.metrics import Metrics
from parley.workers.runner import Runner
from parley.workers.tenure import TTL_S, Claimant, Tenure

BEAT_S: Final = 2.0
"""Between two looks at who lives and who holds what; a fifth of a lease's time."""

HAND_BACK_S: Final = 3 * BEAT_S
"""How long a process is without the log until it leaves the jobs to one that has it: all have beaten meanwhile."""

Start = Callable[[Tenure], Runner]
"""Makes a job's runner, not yet started, for a tenure that has just begun."""

_log = structlog.get_logger(__name__)


class _Held(NamedTuple):
    tenure: Tenure
    runner: Runner


class Shares:
    """A `Job` that claims leases, runs their jobs, and hands back what others should have.

    The fair share is the number of jobs by the number of living processes, rounded up. A tenure that is not sure any
    more is over before anything else is done: its runner is stopped, and the lease claimed again like any other.

    A process that is without the log does not live for the others, and after a while it hands back everything, if any
    lives. If none does, the log is away from all, and each keeps what it has.
    """

    name = "shares"

    def __init__(
        self, jobs: Mapping[str, Start], claimant: Claimant, metrics: Metrics, away_s: Callable[[], float] = lambda: 0.0
    ) -> None:
        """Share the leases of these names with all other claimants.

        ``away_s`` gives for how long this process has been without what the jobs need; 0 if it is not.
        """
        self._jobs = dict(jobs)
        self._away_s = away_s
        self._claimant = claimant
        self._leases, self._owner, _ = claimant
        self._held: dict[str, _Held] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}
        for job in self._jobs:
            metrics.leases_held.child(job).watch(partial(self.holds, job))

    @property
    def runners(self) -> list[Runner]:
        """The runners of the jobs that are this process's own at present."""
        return [held.runner for held in self._held.values()]

    def holds(self, job: str) -> bool:
        """Tell whether this process surely holds the job's lease."""
        return job in self._held and self._held[job].tenure.is_sure

    def notify(self) -> None:
        """Wake the jobs that are this process's own."""
        for held in self._held.values():
            held.runner.notify()

    async def step(self) -> float:
        """Give up what is lost, hold what is held, hand back what is too much, and claim what is free."""
        self._leave([job for job, held in self._held.items() if not held.tenure.is_sure])
        away_s = self._away_s()
        living = await self._leases.beat(self._owner, 0 if away_s else TTL_S)
        for held in list(self._held.values()):
            await held.tenure.renew()
        fair = self._fair(living, away_s)
        self._leave(list(self._held)[fair:])
        if len(self._held) < fair:
            await self._claim(fair)
        return BEAT_S

    def _fair(self, living: int, away_s: float) -> int:
        """Give how many jobs this process should do beside those that live, of which it is none while it is away."""
        if living and away_s >= HAND_BACK_S:
            return 0
        return -(-len(self._jobs) // max(1, living + bool(away_s)))

    async def close(self) -> None:
        """Stop the jobs after their present step, let go of the leases, and be gone for the other processes."""
        self._leave(list(self._held))
        await self.settled()
        with suppress(UnavailableError):
            await self._leases.beat(self._owner, 0)

    async def settled(self) -> None:
        """Return when everything that is being handed back is."""
        await asyncio.gather(*self._leaving.values())

    async def _claim(self, fair: int) -> None:
        holders = {holder.job: holder for holder in await self._leases.holders()}
        for job, start in self._jobs.items():
            if len(self._held) >= fair:
                return
            if job in self._held or job in self._leaving or not self._is_free(holders.get(job)):
                continue
            tenure = await self._claimant.claim(job)
            if tenure is None:
                continue
            runner = start(tenure)
            self._held[job] = _Held(tenure, runner)
            _log.info("lease claimed", job=job, token=tenure.lease.token)
            runner.start()

    def _is_free(self, holder: Holder | None) -> bool:
        return holder is None or not holder.is_live or holder.owner == self._owner

    def _leave(self, jobs: list[str]) -> None:
        """Begin to hand jobs back, beside the steps: one job's transaction must not cost the leases of the others."""
        for job in jobs:
            held = self._held.pop(job)
            task = asyncio.create_task(self._hand_back(job, held), name=f"hand-back-{job}")
            self._leaving[job] = task

    async def _hand_back(self, job: str, held: _Held) -> None:
        try:
            await held.runner.stop()
            await held.tenure.end()
        finally:
            del self._leaving[job]
        _log.info("lease handed back", job=job, token=held.tenure.lease.token)
