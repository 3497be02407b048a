"""One place on the shared port, and the process that works there: kept filled, or handed on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import structlog

from parley.cli.processes.backoff import Backoff
from parley.cli.processes.child import Child
from parley.domain.errors import ConfigurationError
from parley.telemetry.clock import Clock
from parley.workers.runner import wait_for_event

READY_WITHIN_S: Final = 60.0
"""How long a successor may take until the one that it replaces is left where it is."""

_LOOK_EVERY_S: Final = 0.05
_LATE_S: Final = 10.0

_log = structlog.get_logger(__name__)

Start = Callable[[int], Awaitable[Child]]
"""Starts a process in the slot of this number."""

Wait = Callable[[asyncio.Event, float], Awaitable[None]]
"""Returns when the event is set or the seconds have passed."""


class Care(NamedTuple):
    """How the processes of all slots are looked after."""

    start: Start
    stop: asyncio.Event
    """Ends all; whoever sets it ends the processes."""
    end_within_s: float
    """How long a process that was told to end may take."""
    clock: Clock
    wait: Wait = wait_for_event


class Slot:
    """Keeps one process running. Deaths are followed by a pause and a new start until told to stop."""

    def __init__(self, number: int, backoff: Backoff, care: Care) -> None:
        """Be slot ``number``, from 1, without a process yet."""
        self.number = number
        self.current: Child | None = None
        self.restarts = 0
        """Starts after a death."""
        self.opened = asyncio.Event()
        """Set once a process here has been ready."""
        self._last_exit: int | None = None
        self._backoff = backoff
        self._care = care

    @property
    def trouble(self) -> str | None:
        """Say what is wrong with the process here, besides what it says itself; nothing if it does its job."""
        child = self.current
        if child is not None and child.was_ready:
            return None if child.answers else "no answer"
        if not self._backoff.in_a_row:
            return "starting"
        code = "it could not be started" if self._last_exit is None else f"exited with {self._last_exit}"
        return f"restarting, {code} ({self._backoff.in_a_row} in a row)"

    async def open(self) -> Child:
        """Start the first process; give it when it is ready, has ended, or all is to stop.

        Raises:
            OSError: the system gives us no process.
        """
        self.current = await self._care.start(self.number)
        await self._until_ready(self.current)
        return self.current

    async def keep(self) -> None:
        """Have a process here until told to stop."""
        while not self._care.stop.is_set():
            child = self.current or await self._start_again()
            if child is None:
                continue
            await self._until_ready(child)
            await child.ended.wait()
            if self._care.stop.is_set() or child is not self.current:
                continue  # it was replaced
            self.current = None
            await self._pause(child.exit_code, self._care.clock.monotonic() - child.born, child.pid)

    async def replace(self) -> None:
        """Put a new process in the old one's place once it is ready; return when the old one has ended.

        Both accept from the same socket meanwhile.

        Raises:
            ConfigurationError: the new one did not become ready; the old one goes on.
        """
        try:
            successor = await self._care.start(self.number)
        except OSError as error:
            raise ConfigurationError(f"it could not be started: {error.strerror}") from None
        if not await self._until_ready(successor, READY_WITHIN_S):
            code = successor.exit_code
            await successor.end(self._care.end_within_s)
            raise ConfigurationError("it was not ready in time" if code is None else f"it exited with {code}")
        old, self.current = self.current, successor
        _log.info("process replaced", process=self.number, pid=successor.pid, old_pid=old and old.pid)
        if old is not None:
            await old.end(self._care.end_within_s)

    async def _start_again(self) -> Child | None:
        try:
            child = await self._care.start(self.number)
        except (OSError, ConfigurationError) as error:
            _log.error("process not started", process=self.number, error=str(error))
            await self._pause(None, 0, None)
            return None
        if self.current is None:
            self.current = child
            self.restarts += bool(self._backoff.in_a_row)
            return child
        child.terminate()  # while it was started, a successor has taken the place
        return self.current

    async def _until_ready(self, child: Child, within_s: float = float("inf")) -> bool:
        began, is_late = self._care.clock.monotonic(), False
        while not (child.was_ready or child.ended.is_set() or self._care.stop.is_set()):
            told = await child.ask("/ready")
            waited_s = self._care.clock.monotonic() - began
            if told is not None and told.status == 200:  # noqa: PLR2004 - ready
                child.was_ready = True
                self.opened.set()
                _log.info("process ready", process=self.number, pid=child.pid)
            elif waited_s > within_s:
                return False
            else:
                is_late = is_late or self._tell_late(child, waited_s, b"no answer" if told is None else told.body)
                await self._care.wait(child.ended, _LOOK_EVERY_S)
        return child.was_ready and not child.ended.is_set()

    def _tell_late(self, child: Child, waited_s: float, said: bytes) -> bool:
        """Say once what keeps a process from its job; whoever started it looks at a silent terminal."""
        if waited_s < _LATE_S:
            return False
        _log.warning("process not ready", process=self.number, pid=child.pid, said=said.decode("utf-8", "replace"))
        return True

    async def _pause(self, code: int | None, lived_s: float, pid: int | None) -> None:
        self._last_exit = code
        pause_s = self._backoff.died(lived_s)
        if pid is not None:
            _log.error(
                "process died",
                process=self.number, pid=pid, exit_code=code, in_a_row=self._backoff.in_a_row,
                lived_s=round(lived_s, 1), pause_s=round(pause_s, 2),
            )  # fmt: skip
        await self._care.wait(self._care.stop, pause_s)
