"""The real ``parley serve`` as a child process, for tests that speak HTTP to it.

with Server(tmp_path) as server:
Client(server.api_url).get("/health")
server.kill()   # like a crash
server.start()  # same folder, same ports
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
_POLL_S = 0.02


class Server:
    """One ``parley serve`` on free loopback ports.

    The folder, the ports, the environment and the flags stay the same over `stop`, `kill` and
    `start`, and the output of all its lives ends up in one file.
    """

    durability = "stored"

    def __init__(
        self,
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        flags: Sequence[str] = (),
        command: Sequence[str] | None = None,
    ) -> None:
        """Take an empty or earlier folder, settings to add to the environment, flags to add to the command.

        ``command`` replaces the ``parley`` beside this interpreter. ``PARLEY_*`` of the surrounding
        environment is not passed on.
        """
        self.data_dir = folder / "data"
        self.api_port, self.write_port = free_ports(2)
        self.api_url = f"http://127.0.0.1:{self.api_port}"
        self.write_url = f"http://127.0.0.1:{self.write_port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._folder = folder
        self._log = folder / "server.log"
        outside = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        self._env = {**outside, **(env or {})}
        self._command = [
            *(command or parley_command()), "serve", "--data-dir", str(self.data_dir),
            "--api-bind", f"127.0.0.1:{self.api_port}", "--write-bind", f"127.0.0.1:{self.write_port}", *flags,
        ]  # fmt: skip

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop it, if it still runs; a server that does not stop in time is killed and fails the test."""
        if self.is_running():
            self.stop()

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the process and return when both ports answer ``/health`` with 200."""
        assert not self.is_running(), "the server already runs"
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._env, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._wait_until_healthy(timeout_s)
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Send SIGTERM, wait for the end and give the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            message = f"the server was still there {timeout_s} s after SIGTERM\n{self.log_text()[-4000:]}"
            raise AssertionError(message) from None

    def kill(self) -> None:
        """Kill it with SIGKILL, as a crash would, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Kill it if it runs, and start it again on the same folder and ports."""
        if self.is_running():
            self.kill()
        self.start()

    def is_running(self) -> bool:
        """Tell whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def log_text(self) -> str:
        """Give everything the process wrote to stdout and stderr, over all its lives."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def beside(self, folder: Path, env: Mapping[str, str]) -> Self:
        """Give another of the same profile, not started, with these settings."""
        return type(self)(folder, env=env)

    def _wait_until_healthy(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        for url in (self.api_url, self.write_url):
            while not _is_healthy(url):
                if not self.is_running():
                    message = f"the server ended while starting\n{self.log_text()[-4000:]}"
                    raise AssertionError(message)
                if time.monotonic() > deadline:
                    message = f"{url}/health was not 200 within {timeout_s} s\n{self.log_text()[-4000:]}"
                    raise AssertionError(message)
                time.sleep(_POLL_S)


def parley_command() -> list[str]:
    """Give the installed ``parley`` beside this interpreter, else the module."""
    script = Path(sys.executable).with_name("parley")
    return [str(script)] if script.exists() else [sys.executable, "-m", "parley"]


def free_ports(count: int) -> list[int]:
    """Find loopback ports that nobody listens on at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _is_healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310 - a loopback address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
