"""The workers of one process: by themselves over an embedded log, else under leases that all processes share."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from typing import Final, NamedTuple

from parley.bootstrap.ports import Beside, Ports
from parley.config import Settings
from parley.storage.sharing import persist_lease
from parley.telemetry.clock import Clock
from parley.telemetry.metrics import Metrics
from parley.workers.erase import EraseJob
from parley.workers.feed import Feed
from parley.workers.gates import GateJob
from parley.workers.index import POLL_S, UNWOKEN_POLL_S, IndexFollower
from parley.workers.leased import LeasedJob
from parley.workers.lives import Means
from parley.workers.persist import PersistJob
from parley.workers.reconcile import ReconcileJob
from parley.workers.runner import LONGEST_BACKOFF_S, Job, Runner
from parley.workers.shares import Shares
from parley.workers.tenure import Claimant, Tenure

_INDEX_GATHER_S: Final = 0.05
"""What is stored within this time is indexed together: many small index commits would cost the creates."""

_PERSIST_BACKOFF_S: Final = 1.0
"""Writes wait behind persist: it tries again soon, whatever was away."""


class Working(NamedTuple):
    """The jobs of this process; ``feeding`` gives what feeds the index, ``None`` while this process does not."""

    feeding: Callable[[], IndexFollower | None]
    runners: tuple[Runner, ...]
    shares: Shares | None = None
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()
    """Of each runner what lets go of its leases; none on an embedded log."""

    def start(self) -> None:
        """Begin."""
        for runner in self.runners:
            runner.start()

    def notify(self) -> None:
        """Hear that something was written."""
        for runner in self.runners:
            if runner.name == IndexFollower.name:
                runner.notify()
        if self.shares is not None:
            self.shares.notify()

    def failing(self) -> list[str]:
        """Say which jobs fail at present."""
        runners = [*self.runners, *([] if self.shares is None else self.shares.runners)]
        return [f"{runner.name}: {runner.status.error}" for runner in runners if runner.status.failures]

    async def stop(self) -> None:
        """Let every job finish its step, then let go of its leases: none waits for another's step."""
        await asyncio.gather(*(_stop(*each) for each in zip_longest(self.runners, self.closers)))


async def _stop(runner: Runner, close: Callable[[], Awaitable[None]] | None) -> None:
    await runner.stop()
    if close is not None:
        await close()


async def build_working(
    settings: Settings, jobs: tuple[str, ...], ports: Ports, clock: Clock, metrics: Metrics
) -> Working:
    """Wire the jobs that are named."""
    follower = IndexFollower(
        ports.storage.changes,
        ports.search,
        Feed(ports.search, metrics.index_documents.add, metrics.index_refused.add),
        clock,
        batch_messages=settings.search_batch_messages,
        poll_s=POLL_S if ports.beside is None else UNWOKEN_POLL_S,
    )
    erase = EraseJob(ports.storage.erasure, clock, metrics.erased_rows.add)
    swept = metrics.expired_keys.add
    reconcile = ReconcileJob(ports.storage.erasure, clock, key_ttl_s=settings.key_ttl_s, on_swept=swept)
    by_name: dict[str, Sequence[Job]] = {"index": (follower,), "erase": (erase,), "reconcile": (reconcile,)}
    if ports.beside is not None:
        by_name["erase"] = (erase, GateJob(ports.beside.database.scopes, ports.log.log))
    chosen = [job for name, some in by_name.items() if name in jobs for job in some]
    run = partial(_run, metrics)
    if ports.beside is None or ports.guard is None:
        feeds = "index" in jobs
        return Working(lambda: follower if feeds else None, tuple(run(job) for job in chosen))
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    claimant = Claimant(ports.beside.database.leases, owner, clock)
    leased = [LeasedJob(job, claimant, metrics) for job in chosen]
    runners, closers = [run(job) for job in leased], [job.close for job in leased]
    shares = None
    if "persist" in jobs:
        breaker = ports.guard.breaker
        means = Means(ports.beside.log, ports.beside.database, clock, metrics, settings.key_ttl_s, breaker.away_s)
        shares = Shares(await _persisting(ports.beside, means), claimant, metrics, breaker.longest_s)
        runners.append(run(shares))
        closers.append(shares.close)
    indexing = [job for job in leased if job.name == IndexFollower.name]
    fed = lambda: follower if any(job.holds for job in indexing) else None  # noqa: E731 - reads as what it is
    return Working(fed, tuple(runners), shares, tuple(closers))


async def _persisting(beside: Beside, means: Means) -> Mapping[str, Callable[[Tenure], Runner]]:
    """Give what persists each partition, by the name of its lease."""

    def start(partition: int, tenure: Tenure) -> Runner:
        return _run(means.metrics, PersistJob(partition, tenure, means))

    partitions = await beside.database.scopes.partitions()
    return {persist_lease(each.id): partial(start, each.id) for each in partitions}


def _run(metrics: Metrics, job: Job) -> Runner:
    failures = metrics.worker_failures.child(job.name)
    return Runner(
        job,
        jitter=random.random,
        on_failure=lambda _: failures.add(),
        gather_s=_INDEX_GATHER_S if job.name == IndexFollower.name else 0,
        longest_backoff_s=_PERSIST_BACKOFF_S if job.name.startswith(("persist", "shares")) else LONGEST_BACKOFF_S,
    )
