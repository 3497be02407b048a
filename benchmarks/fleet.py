"""Creates a second on Redis (appendfsync always) and MariaDB (synced commits), one write process, 100 applications.

    PYTHONPATH=. .venv/bin/python benchmarks/fleet.py [--rounds 3] [--seconds 6] [--modes burst whole]
                                                      [--backlog 500000] [--size 1]

Closed loop by wrk, 64 keep-alive connections. *burst*: workers stopped; *sustained*: persist on, index off; *whole*:
everything on. An answer that is not 2xx voids a round and stops the run. After each round the workers drain, and rows
are compared with answers. At the end one worker drains a backlog of messages that were created so many at once (size),
and its memory is watched.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from product import call
from rich.console import Console
from rich.table import Table
from wrk import Result, run

from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member

APPLICATIONS = 100
CHATS = 5
DRAINED_S = 600

CREATE = """
local counter, keyed, size, seed, tokens = 0, false, 1, "", {}
function init(arguments)
  keyed, size, seed = arguments[1] == "keys", tonumber(arguments[2]), arguments[3]
  for token in string.gmatch(arguments[4], "%x+") do tokens[#tokens + 1] = token end
  local one = '{"body":"' .. string.rep("a message of about a hundred bytes, as people write ", 2) .. '"}'
  single, bulk = '{"message":' .. one .. '}', '{"messages":[' .. string.rep(one .. ",", size - 1) .. one .. "]}"
end
function request()
  counter = counter + 1
  local headers = {["Content-Type"] = "application/json"}
  if keyed then headers["Idempotency-Key"] = seed .. "-" .. counter end
  local chat = math.floor(counter / #tokens) % CHATS + 1
  local path = "/api/v1/applications/" .. tokens[counter % #tokens + 1] .. "/chats/" .. chat .. "/messages"
  if size > 1 then return wrk.format("POST", path .. "/bulk", headers, bulk) end
  return wrk.format("POST", path, headers, single)
end
""".replace("CHATS", str(CHATS))

ENV = {"PARLEY_DEPTH_MAX_MESSAGES": "2000000", "PARLEY_DEPTH_MAX_BYTES": str(4 << 30)}
"""No 503 before the backlog is complete."""

MODES = {"burst": None, "sustained": "persist", "whole": "persist,index,erase,reconcile"}


class Bench:
    """A fleet with one write process and an API; workers come and go."""

    def __init__(self, fleet: Fleet, mariadb: MariaDbServer) -> None:
        """Make the applications and their chats, with a worker that opens the log."""
        self._fleet = fleet
        self._mariadb = mariadb
        with self.working("persist"):
            self.api, self.write = fleet.start("api"), fleet.start("write")
            self.tokens = [
                call("POST", f"{self.api.url}/api/v1/applications", {"name": "bench"})["token"]
                for _ in range(APPLICATIONS)
            ]
            for token in self.tokens:
                for _ in range(CHATS):
                    call("POST", f"{self.write.url}/api/v1/applications/{token}/chats", {})
        self.sent = 0

    @contextmanager
    def working(self, jobs: str | None) -> Iterator[Member | None]:
        """Run a worker with these jobs inside, or none."""
        worker = None if jobs is None else self._fleet.start("work", "--jobs", jobs)
        try:
            yield worker
        finally:
            if worker is not None:
                worker.stop()

    def load(self, seconds: int, keys: str, size: int = 1) -> Result:
        """Load the write process."""
        arguments = (keys, str(size), secrets.token_hex(6), ",".join(self.tokens))
        result = run(self.write.url, seconds, CREATE, *arguments)
        if result.errors:
            raise SystemExit(f"void: {result.errors} answers were not 2xx")
        self.sent += result.requests * size
        return result

    def rows(self) -> int:
        """Count the stored messages."""
        return int(self._mariadb.run("select coalesce(sum(messages_count), 0) from chat", self._fleet.database)[0][0])

    def drain(self) -> tuple[float, float, float]:
        """Let one worker store what waits; give messages a second, and its memory in MB at a tenth and at the end."""
        before = self.rows()
        with self.working("persist") as worker:
            if worker is None:
                raise RuntimeError("a worker was asked for")
            began, stored, early = time.monotonic(), before, 0.0
            while (rows := self.rows()) != stored or rows < self.sent:
                stored = rows
                early = early or (memory_mb(worker) if rows - before > (self.sent - before) / 10 else 0.0)
                if time.monotonic() - began > DRAINED_S:
                    raise SystemExit(f"not drained: {rows:,} rows of {self.sent:,}")
            seconds = time.monotonic() - began
            return (stored - before) / seconds, early, memory_mb(worker)


def memory_mb(member: Member) -> float:
    """Give a process's resident memory."""
    if member.process is None:
        raise RuntimeError(f"{member.role} does not run")
    status = Path(f"/proc/{member.process.pid}/status").read_text("utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--modes", nargs="*", choices=MODES, default=list(MODES))
    parser.add_argument("--backlog", type=int, default=500_000)
    parser.add_argument("--size", type=int, default=1)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="parley-bench-", dir=Path(__file__).parents[2]) as name,
        RedisServer(Path(name) / "redis") as redis,
        MariaDbServer(Path(name) / "mariadb") as mariadb,
        OpenSearchServer(Path(name) / "opensearch") as opensearch,
        Fleet(Path(name) / "fleet", redis=redis, mariadb=mariadb, opensearch=opensearch, env=ENV) as fleet,
    ):
        bench = Bench(fleet, mariadb)
        taken: dict[tuple[str, str], list[Result]] = {}
        for _ in range(options.rounds):
            for mode in options.modes:
                for keys in ("none", "keys"):
                    with bench.working(MODES[mode]):
                        taken.setdefault((mode, keys), []).append(bench.load(options.seconds, keys))
                    bench.drain()
        while bench.sent < bench.rows() + options.backlog:
            bench.load(1, "none", options.size)
        drained = bench.drain()
    report(taken, drained)


def report(taken: dict[tuple[str, str], list[Result]], drained: tuple[float, float, float]) -> None:
    """Print medians and ranges."""
    table = Table(title=f"Creates, AOF always, 64 connections, 1 write process, {APPLICATIONS} applications")
    for column in ("mode", "keys", "requests/s", "range", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if column in {"mode", "keys"} else "right")
    for (mode, keys), rounds in taken.items():
        rates = [result.requests_per_s for result in rounds]
        table.add_row(
            mode, "all" if keys == "keys" else "none", f"{median(rates):,.0f}", f"{min(rates):,.0f}-{max(rates):,.0f}",
            f"{median(result.p50 for result in rounds):.1f}", f"{median(result.p99 for result in rounds):.1f}",
        )  # fmt: skip
    rate, early, late = drained
    Console(width=120).print(
        table, f"backlog: {rate:,.0f} messages/s by one worker; memory {early:.0f} -> {late:.0f} MB"
    )


if __name__ == "__main__":
    main()
