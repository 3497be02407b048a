"""A parent and its processes as a test sees them: started, asked, signalled, and loaded with requests."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.support.client import render
from tests.support.pace import hold_async
from tests.support.polling import wait_for
from tests.support.server import free_ports
from tests.support.workload import AsyncClient

SMALL_PARENT = (sys.executable, "-m", "tests.support.small_parent")
ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
_NEWCOMER_S = 0.005


class Processes:
    """A parent with its processes, each of which answers every POST with 201."""

    def __init__(self, folder: Path, count: int = 2, env: Mapping[str, str] | None = None) -> None:
        """Run ``count`` processes; ``env`` adds settings."""
        self.write_port, self.admin_port = free_ports(2)
        self.faults = folder / "faults"
        self.faults.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.parent: subprocess.Popen[bytes] | None = None
        outside = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        self._env = {
            **outside,
            "PARLEY_WRITE_BIND": f"127.0.0.1:{self.write_port}",
            "PARLEY_ADMIN_BIND": f"127.0.0.1:{self.admin_port}",
            "PARLEY_PROCESSES": str(count),
            "PARLEY_DATA_DIR": str(folder / "data"),
            "FAULTS": str(self.faults),
            "TMPDIR": str(self.temporary),
            **(env or {}),
        }
        self._log = folder / "processes.log"

    def __enter__(self) -> Self:
        """Start them and return when all are ready."""
        self.start()
        wait_for(lambda: "Parley is ready." in self.log_text(), f"announced: {self.log_text()}", PATIENCE_S)
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop them, if they still run."""
        if self.parent is not None and self.parent.poll() is None:
            assert self.stop() == 0 or exc[0] is not None, self.log_text()[-4000:]

    def start(self) -> subprocess.Popen[bytes]:
        """Start the parent."""
        with self._log.open("ab") as log:
            self.parent = subprocess.Popen(
                SMALL_PARENT, env=self._env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self.parent

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell the parent to stop, and give its exit code."""
        self.signal(number)
        assert self.parent is not None
        return self.parent.wait(PATIENCE_S)

    def signal(self, number: signal.Signals) -> None:
        """Send the parent a signal."""
        assert self.parent is not None
        self.parent.send_signal(number)

    def log_text(self) -> str:
        """Give everything that was printed or logged."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the log lines of one event."""
        lines = [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def pids(self) -> list[int]:
        """Give the processes that the parent has, ended ones too that it has not looked at."""
        assert self.parent is not None
        found = Path(f"/proc/{self.parent.pid}/task/{self.parent.pid}/children").read_text().split()
        return sorted(map(int, found))

    def pid_of(self, number: int) -> int:
        """Give the process that was last ready under this number."""
        return int([line["pid"] for line in self.events("process ready") if line["process"] == number][-1])

    def page(self, path: str) -> tuple[int, Any]:
        """Get one of the parent's JSON pages: its status and value."""
        try:
            with urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=10) as answer:
                return answer.status, json.load(answer)
        except HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def samples(self, *kinds: str) -> dict[tuple[str, ...], float]:
        """Give every sample of the parent's metrics of these kinds."""
        with urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        return {
            (sample.name, *(f"{key}={value}" for key, value in sample.labels.items())): sample.value
            for family in families
            if family.type in kinds
            for sample in family.samples
        }

    def counters(self) -> dict[tuple[str, ...], float]:
        """Give every sample that must never fall."""
        return self.samples("counter", "histogram")

    def answered(self) -> float:
        """Give how many requests the parent says were answered."""
        return sum(value for name, value in self.counters().items() if name[0] == "parley_http_requests_total")


class Load:
    """Clients that keep their connection, quick and slow, and clients that make one for each request."""

    def __init__(self, port: int) -> None:
        """Ask the service on ``port``."""
        self.answers: Counter[int] = Counter()
        """How many each process answered."""
        self.failures: list[str] = []
        """Whatever was not a 201."""
        self._url = f"http://127.0.0.1:{port}"
        self._stopping = False
        self._happened = asyncio.Condition()

    @asynccontextmanager
    async def running(self, pauses_s: Sequence[float], newcomers: int) -> AsyncIterator[None]:
        """Run one keeping client for each pause between its requests, and newcomers; none fails quietly."""
        async with asyncio.TaskGroup() as group:
            for pause_s in pauses_s:
                group.create_task(self._keep_asking(pause_s))
            for _ in range(newcomers):
                group.create_task(self._come_anew())
            yield
            self._stopping = True

    async def more(self, count: int) -> None:
        """Return when so many more requests were answered."""
        until = self.answers.total() + count
        async with self._happened:
            await self._happened.wait_for(lambda: self.answers.total() >= until or bool(self.failures))

    async def _keep_asking(self, pause_s: float) -> None:
        client = AsyncClient(self._url)
        while not self._stopping:
            await self._ask(client)
            await hold_async(pause_s)
            if client._streams is not None and client._streams[0].at_eof():
                client.close()  # as any client does that finds its idle connection closed
        client.close()

    async def _come_anew(self) -> None:
        while not self._stopping:
            client = AsyncClient(self._url)
            await self._ask(client)
            client.close()
            await hold_async(_NEWCOMER_S)

    async def _ask(self, client: AsyncClient) -> None:
        try:
            answer = await client.post("/", {"body": "x"}, "key")
        except Exception as error:  # noqa: BLE001 - any failure is one
            self.failures.append(f"{type(error).__name__} {error.__cause__!r}")
            return
        if answer.status == 201:
            self.answers[answer.json()["process"]] += 1
        else:
            self.failures.append(f"{answer.status} {answer.body!r}")
        async with self._happened:
            self._happened.notify_all()


def is_running(pid: int) -> bool:
    """Tell whether a process is there and not only waiting to be looked at."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def request(path: str) -> bytes:
    """Write one POST."""
    return render("POST", path, b"{}", [("Content-Type", "application/json")], "localhost")
