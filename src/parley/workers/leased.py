"""Runs a job that only one process may do at a time, while this one holds its lease."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from parley.domain.errors import ParleyError
from parley.telemetry.metrics import Metrics
from parley.workers.runner import Job, Wait, wait_for_event
from parley.workers.tenure import Claimant, Tenure

RENEW_S: Final = 3.0
CLAIM_S: Final = 2.0
"""Between two looks at a lease that another process holds."""


class LeasedJob:
    """A `Job` around another: its steps are done under a lease of its name, which is renewed beside a long one.

    A step that began in time may end after the lease was lost, so the job must bear another beside it for that while.
    """

    def __init__(self, job: Job, claimant: Claimant, metrics: Metrics, *, wait: Wait = wait_for_event) -> None:
        """Do ``job`` whenever no other claimant does."""
        self._job = job
        self._claimant = claimant
        self._clock = claimant.clock
        self._wait = wait
        self._tenure: Tenure | None = None
        self._due_at = self._back_at = self._claim_at = float("-inf")
        metrics.leases_held.child(job.name).watch(lambda: self.holds)

    @property
    def name(self) -> str:
        """The job's own name, which is its lease's as well."""
        return self._job.name

    @property
    def holds(self) -> bool:
        """Whether this process surely holds the lease."""
        return self._tenure is not None and self._tenure.is_sure

    async def step(self) -> float:
        """Do a step of the job if the lease is there and the job is due or woken; else look after the lease."""
        asked_at = self._clock.monotonic()
        if asked_at < self._claim_at:
            return self._claim_at - asked_at
        is_woken = asked_at < self._back_at
        tenure = await self._hold()
        if tenure is None:
            self._due_at = self._back_at = float("-inf")
            self._claim_at = asked_at + CLAIM_S
            return CLAIM_S
        if is_woken or self._clock.monotonic() >= self._due_at:
            pause_s = await self._step_under(tenure)
            self._due_at = self._clock.monotonic() + pause_s
        now = self._clock.monotonic()
        pause_s = min(max(0, self._due_at - now), RENEW_S)
        self._back_at = now + pause_s
        return pause_s

    async def _step_under(self, tenure: Tenure) -> float:
        """Do a step of the job, and renew the lease while it lasts."""
        self._due_at = self._back_at = float("-inf")
        done = asyncio.Event()
        stepping = asyncio.create_task(self._do(done))
        await self._wait(done, RENEW_S)
        while not done.is_set():
            await self._renew_beside(tenure)
            await self._wait(done, RENEW_S)
        return await stepping

    async def close(self) -> None:
        """Let go of the lease, after the last step."""
        if self._tenure is not None:
            await self._tenure.end()
            self._tenure = None

    async def _hold(self) -> Tenure | None:
        """Give the lease, claimed or renewed if it is time."""
        if self._tenure is not None and self._tenure.age_s >= RENEW_S:
            await self._tenure.renew()
        if self._tenure is None or not self._tenure.is_sure:
            self._tenure = await self._claimant.claim(self.name)
        return self._tenure

    async def _do(self, done: asyncio.Event) -> float:
        try:
            return await self._job.step()
        finally:
            done.set()

    async def _renew_beside(self, tenure: Tenure) -> None:
        with suppress(ParleyError):
            await tenure.renew()
