"""One process of several, as its parent sees it: started, asked, stopped."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from parley.cli.processes.asking import Told, ask
from parley.cli.processes.inheritance import OPTION, Inheritance
from parley.domain.errors import ConfigurationError
from parley.workers.runner import wait_for_event

ANSWER_TIMEOUT_S: Final = 2.5
"""A little longer than a process waits for what it looks at itself."""

_LAST_LOOKS_S: Final = 0.1
_BACKLOG: Final = 64

_log = structlog.get_logger(__name__)


class Child:
    """A process that runs, or that has ended."""

    def __init__(self, process: Process, slot: int, probes: Path, born: float) -> None:
        """Watch ``process`` of ``slot``, which answers probes on the socket ``probes``; it began at ``born``."""
        self.slot = slot
        self.pid = process.pid
        self.born = born
        self.was_ready = False
        """Whether it has said once that it can do its job."""
        self.answers = True
        """Whether it answered when it was asked last."""
        self.exposition = b""
        """Its metrics, as it told them last."""
        self.exit_code: int | None = None
        """What it ended with, a signal as a negative number."""
        self.ended = asyncio.Event()
        self._process = process
        self._probes = probes
        self._scrape: asyncio.Task[None] | None = None
        self._watch = asyncio.create_task(self._wait(), name=f"process-{slot}")

    async def ask(self, page: str) -> Told | None:
        """Get ``/health`` or ``/ready``; nothing if it gives no answer."""
        return None if self.ended.is_set() else await ask(self._probes, page, ANSWER_TIMEOUT_S)

    async def scrape(self) -> None:
        """Take its metrics into ``exposition``; whoever asks meanwhile waits for the same, so they never go back."""
        if self._scrape is None or self._scrape.done():
            self._scrape = asyncio.create_task(self._take_metrics(), name=f"scrape-{self.slot}")
        await self._scrape

    def terminate(self) -> None:
        """Tell it to finish what is in flight and end."""
        if not self.ended.is_set():
            self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        if not self.ended.is_set():
            self._process.kill()

    async def end(self, within_s: float) -> None:
        """Let it finish, and kill it if that takes longer; what it counts until then is taken along."""
        if self.answers:
            await self.scrape()
        self.terminate()
        try:
            async with asyncio.timeout(within_s):
                while not self.ended.is_set():
                    await self.scrape()
                    await wait_for_event(self.ended, _LAST_LOOKS_S)
        except TimeoutError:
            _log.error("process killed", process=self.slot, pid=self.pid, waited_s=within_s)
            self.kill()
            await self.ended.wait()

    async def _take_metrics(self) -> None:
        told = await self.ask("/metrics")
        self.answers = told is not None
        if told is not None and told.status == 200:  # noqa: PLR2004 - the only status of a whole page
            self.exposition = told.body

    async def _wait(self) -> None:
        self.exit_code = await self._process.wait()
        self._probes.unlink(missing_ok=True)
        self.ended.set()


class Nursery:
    """Starts processes, each with its slot's socket and one of its own for probes."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Take the command that becomes a process, and a folder that only this user can enter."""
        self._command = command
        self._folder = folder
        self._started = 0

    async def start(self, slot: int, service: socket.socket, born: float) -> Child:
        """Start a process on the slot's socket.

        Raises:
            OSError: the system gives us no further process.
            ConfigurationError: the folder's path is too long for a socket.
        """
        self._started += 1
        path = self._folder / f"{slot}-{self._started}.sock"
        with _listen(path) as admin:
            inherited = Inheritance(slot, service.fileno(), admin.fileno(), os.getpid())
            process = await asyncio.create_subprocess_exec(
                *self._command,
                f"{OPTION}={inherited}",
                stdin=DEVNULL,
                pass_fds=(service.fileno(), admin.fileno()),
                start_new_session=True,  # Ctrl-C is for the parent, which stops them in order
            )
        return Child(process, slot, path, born)


def own_command() -> list[str]:
    """Give the command that this process was started with, to start the same again."""
    return [sys.executable, *sys.argv]


def _listen(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        raise ConfigurationError(f"Cannot listen on {path}: {error}; TMPDIR chooses the folder") from None
    listening.listen(_BACKLOG)
    return listening
