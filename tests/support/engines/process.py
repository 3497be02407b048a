"""A real server as a child process: a folder, a port, and as many lives as a test wants."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Self

from tests.support.missing import lacking
from tests.support.stopping import halt

HOST = "127.0.0.1"
STOP_TIMEOUT_S = 30.0
_POLL_S = 0.02
_RACES = 5
_TAIL = 4000
_NURSERY = ThreadPoolExecutor(1, "engines")
"""The kernel kills a server when the *thread* ends that started it: this one lasts as long as the process."""


class PortTakenError(AssertionError):
    """Somebody else got the port between the look at it and the start."""


class Engine(ABC):
    """One server in a folder of its own.

    Folder, port and options stay the same over `stop`, `kill` and `start`; the output of all lives
    ends up in one file. A killed test run leaves nothing behind: the kernel kills the server with it.
    """

    name: ClassVar[str]
    ports: ClassVar[range] = range(10_000, 16_000)
    """Below what kernels give to outgoing connections: the port stays free while the server is down."""
    port_taken: ClassVar[str] = "address already in use"
    """What the log says, in lower case, of a server that ended because somebody else has its port."""
    start_timeout_s: ClassVar[float] = 30.0

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        """Take an empty or earlier folder, and options that are added to the command of the next start."""
        self.folder = folder.absolute()
        self.options = options
        self.port = free_port(self.ports)
        self.process: subprocess.Popen[bytes] | None = None
        self._log = self.folder / f"{self.name}.log"
        self._life_from = 0
        self._has_lived = False

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop it, if it still runs."""
        if self.is_running():
            self.stop()

    @abstractmethod
    def prepare(self) -> None:
        """Make what the first start needs."""

    @abstractmethod
    def command(self) -> list[str]:
        """Give the command that runs the server in the foreground."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Tell whether the running server takes requests."""

    def start(self) -> None:
        """Start the server and return when it takes requests.

        Raises:
            AssertionError: it ended or was not ready in time; the text has the end of its log.
        """
        assert not self.is_running(), f"{self.name} already runs"
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._has_lived:
            self.prepare()
        for race in range(1, _RACES + 1):
            try:
                self._launch()
            except PortTakenError:
                if self._has_lived or race == _RACES:  # a port that was given out stays
                    raise
                self.port = free_port(self.ports)
            else:
                self._has_lived = True
                return

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Send SIGTERM, wait for the end and give the exit code; a paused server goes on for it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.resume()
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(self._complaint(f"was still there {timeout_s} s after SIGTERM")) from None

    def kill(self) -> None:
        """Kill it with SIGKILL, as a crash would, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Kill it if it runs, and start it again on the same folder and port."""
        if self.is_running():
            self.kill()
        self.start()

    def pause(self) -> None:
        """Let it hang: connections open, nothing is answered."""
        assert self.process is not None
        halt(self.process.pid)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def is_running(self) -> bool:
        """Tell whether the process is there, paused or not."""
        return self.process is not None and self.process.poll() is None

    def log_text(self, *, this_life: bool = False) -> str:
        """Give what the server wrote, over all its lives or since its last start."""
        raw = self._log.read_bytes() if self._log.exists() else b""
        return raw[self._life_from if this_life else 0 :].decode("utf-8", "replace")

    def _launch(self) -> None:
        self._life_from = self._log.stat().st_size if self._log.exists() else 0
        self.process = _NURSERY.submit(self._begin).result()
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def _begin(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [program("setpriv", "util-linux"), "--pdeathsig", "KILL", "--", *self.command()],
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                cwd=self.folder,
                process_group=0,  # Ctrl-C reaches pytest alone
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        while not self.is_ready():
            if not self.is_running():
                error = PortTakenError if self.port_taken in self._this_life().lower() else AssertionError
                raise error(self._complaint("ended while starting"))
            if time.monotonic() > deadline:
                raise AssertionError(self._complaint(f"was not ready within {self.start_timeout_s} s"))
            time.sleep(_POLL_S)

    def _this_life(self) -> str:
        return self.log_text(this_life=True)

    def _complaint(self, what: str) -> str:
        return f"{self.name} {what}\n{self._this_life()[-_TAIL:]}"


def program(name: str, package: str) -> str:
    """Find a program, also where only root looks by default, or say what the machine lacks."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    return shutil.which(name, path=path) or lacking(
        f"{name} ({package}) is not installed; scripts/system-packages.sh installs it"
    )


def free_port(ports: range) -> int:
    """Find a loopback port that nobody listens on at the moment, anywhere in the range."""
    for port in random.SystemRandom().sample(ports, len(ports)):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no port is free in {ports}")
