"""Runs one job until told to stop: step by step, woken or by time, backing off while it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, Protocol

import structlog

from parley.domain.errors import ParleyError

FIRST_BACKOFF_S: Final = 0.1
LONGEST_BACKOFF_S: Final = 30.0

_log = structlog.get_logger(__name__)

Wait = Callable[[asyncio.Event, float], Awaitable[None]]
"""Returns when the event is set or the seconds have passed."""


class Job(Protocol):
    """Work in bounded steps. A step that raised is repeated, so it must be safe to repeat."""

    @property
    def name(self) -> str:
        """What log lines and metrics call it."""

    async def step(self) -> float:
        """Do one bounded piece; give the seconds until the next, 0 for at once. A wake-up cuts them short."""


class Status(NamedTuple):
    """How a job is doing: failures in a row, and what the last of them said."""

    failures: int
    error: str | None


async def wait_for_event(event: asyncio.Event, timeout_s: float) -> None:
    """Return when the event is set or the time has passed."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return


class Runner:
    """Owns the job's task. A stop lets the present step finish, so no transaction is cut."""

    def __init__(  # noqa: PLR0913 - the job's pace, and what a test replaces
        self,
        job: Job,
        *,
        jitter: Callable[[], float],
        on_failure: Callable[[str], None],
        gather_s: float = 0,
        longest_backoff_s: float = LONGEST_BACKOFF_S,
        wait: Wait = wait_for_event,
    ) -> None:
        """Run ``job``; ``jitter`` gives random numbers below 1, ``on_failure`` counts by job name.

        A wake-up takes ``gather_s`` to arrive, and those of that time are one.
        """
        self._gather_s = gather_s
        self._longest_backoff_s = longest_backoff_s
        self._gathering: asyncio.TimerHandle | None = None
        self._job = job
        self._jitter = jitter
        self._on_failure = on_failure
        self._wait = wait
        self._woken = asyncio.Event()
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.status = Status(0, None)

    @property
    def name(self) -> str:
        """The job's name."""
        return self._job.name

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=f"worker-{self.name}")

    def notify(self) -> None:
        """Wake the job if it waits for something to do; a failing one keeps backing off."""
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(self._gather_s, self._wake)

    def _wake(self) -> None:
        self._gathering = None
        self._woken.set()

    async def stop(self) -> None:
        """Let the present step finish, and return after it."""
        self._stopped.set()
        if self._gathering is not None:
            self._gathering.cancel()
        self._woken.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                pause_s = await self._job.step()
            except Exception as error:  # noqa: BLE001 - a job outlives every failure, and says each
                await self._wait(self._stopped, self._failed(error))
                continue
            self._succeeded()
            if pause_s > 0 and not self._stopped.is_set():
                await self._wait(self._woken, pause_s)

    def _failed(self, error: Exception) -> float:
        failures = self.status.failures + 1
        expected = isinstance(error, ParleyError)
        self.status = Status(failures, error.detail if isinstance(error, ParleyError) else type(error).__name__)
        longest_s = min(self._longest_backoff_s, FIRST_BACKOFF_S * (1 << min(failures - 1, 20)))
        pause_s = longest_s * (0.5 + self._jitter() / 2)
        cause = error.__cause__
        _log.log(
            30 if expected else 40,
            "worker failed",
            worker=self.name,
            error=str(error),
            cause=None if cause is None else str(cause),
            failures=failures,
            retry_in_s=round(pause_s, 3),
            exc_info=None if expected else error,
        )
        self._on_failure(self.name)
        return pause_s

    def _succeeded(self) -> None:
        if self.status.failures:
            _log.info("worker recovered", worker=self.name, failures=self.status.failures)
            self.status = Status(0, None)
