"""Several real ``parley`` processes on real servers, as they run when one machine is not enough.

with Fleet(tmp_path, redis=redis, mariadb=mariadb, opensearch=opensearch) as fleet:
api, write = fleet.start("api"), fleet.start("write")
worker = fleet.start("work")
worker.kill()
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.polling import wait_for
from tests.support.server import free_ports, parley_command
from tests.support.stopping import halt

START_TIMEOUT_S = 40.0
STOP_TIMEOUT_S = 40.0

_BIND_OF = {"api": "--api-bind", "write": "--write-bind", "work": "--admin-bind"}


class Member:
    """One process of the fleet; its port stays the same over its lives."""

    def __init__(self, role: str, env: Mapping[str, str], log: Path, flags: tuple[str, ...]) -> None:
        """Take a free port."""
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.role = role
        self._command = [*parley_command(), role, _BIND_OF[role], f"127.0.0.1:{port}", *flags]
        self._env = dict(env)
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._said: object = "nothing"

    def start(self, *, wait: bool = True) -> None:
        """Start the process and return when it is ready."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._env, cwd=self._log.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if wait:
            try:
                wait_for(self._is_up, f"{self.role} is ready", START_TIMEOUT_S)
            except AssertionError as error:
                error.add_note(f"{self._said}\n{self.log_text()[-3000:]}")
                raise

    def stop(self) -> int:
        """Send SIGTERM, wait for the end and give the exit code."""
        self.signal(signal.SIGTERM)
        assert self.process is not None
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def halt(self) -> None:
        """Stop it where it is, as SIGSTOP does; SIGCONT lets it go on."""
        assert self.process is not None
        halt(self.process.pid)

    def is_running(self) -> bool:
        """Tell whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Ask whether it can do its job."""
        return _get(f"{self.url}/ready")

    def log_text(self) -> str:
        """Give what it wrote, over all its lives."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def _is_up(self) -> bool:
        assert self.is_running(), f"{self.role} ended: {self.log_text()[-3000:]}"
        try:
            status, _ = self._said = self.ready()
        except (URLError, ConnectionError, TimeoutError) as error:
            self._said = error
            return False
        return status == 200


class Fleet:
    """Processes that share a database, a log and an index of their own."""

    def __init__(
        self,
        folder: Path,
        *,
        redis: RedisServer,
        mariadb: MariaDbServer,
        opensearch: OpenSearchServer | None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Make an empty database; without OpenSearch the index stays unasked for in a file of nobody."""
        name = f"parley_{secrets.token_hex(4)}"
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.database = name
        self.mariadb = mariadb
        self.members: list[Member] = []
        outside = {key: value for key, value in os.environ.items() if not key.startswith("PARLEY_")}
        self.env = {
            **outside,
            "PARLEY_DATABASE_URL": mariadb.create_database(name),
            "PARLEY_LOG_URL": f"{redis.url}?prefix={name}",
            "PARLEY_DATA_DIR": str(folder / "data"),
            **({} if opensearch is None else {"PARLEY_SEARCH_URL": f"{opensearch.url}/{name}"}),
            **(env or {}),
        }

    def __enter__(self) -> Self:
        """Begin without processes."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop all that run; in the opposite order, so that workers end last."""
        for member in reversed(self.members):
            if member.is_running():
                member.signal(signal.SIGCONT)
                member.stop()

    def start(self, role: str, *flags: str, env: Mapping[str, str] | None = None, wait: bool = True) -> Member:
        """Start one more process; ``env`` adds settings of its own."""
        log = self._folder / f"{role}-{len(self.members)}.log"
        member = Member(role, {**self.env, **(env or {})}, log, flags)
        self.members.append(member)
        member.start(wait=wait)
        return member

    def run(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [*parley_command(), *arguments],
            env=self.env, cwd=self._folder, capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip


def _get(url: str) -> tuple[int, dict[str, Any]]:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - a loopback address of ours
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)
