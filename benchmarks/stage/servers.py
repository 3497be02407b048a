"""The server profile: Redis, MariaDB, OpenSearch, a write process, an API, and workers that come and go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Literal, Self

from redis import Redis

from benchmarks.stage.honesty import check, expect_rows
from benchmarks.stage.tenants import Caller, make_tenants
from benchmarks.suite.compiled import SOURCE
from benchmarks.suite.sample import Sample
from benchmarks.suite.target import Target
from parley.domain.events import position_id
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.process import Engine
from tests.support.engines.redis import Fsync, RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.polling import wait_for

STORE: Final = "persist"
EVERYTHING: Final = "persist,index,erase,reconcile"
_DRAINED_S: Final = 900
_LOOKED_EVERY_S: Final = 0.1
_HEAP_MB: Final = 1024


class Servers:
    """Engines and a fleet on them; no worker runs unless `working` says so."""

    def __init__(self, folder: Path, *, aof: Fsync = "always", env: Mapping[str, str] | None = None) -> None:
        """Take a folder, when Redis syncs, and further settings."""
        self._folder = folder
        self._env = dict(env or {})
        if aof != "always":
            self._env["PARLEY_LOG_DURABILITY"] = "relaxed"
        self.redis = RedisServer(folder / "redis", aof=aof)
        self.mariadb = MariaDbServer(folder / "mariadb")
        self.opensearch = OpenSearchServer(folder / "search", heap_mb=_HEAP_MB)
        self._stack = ExitStack()
        self._worker: Member | None = None
        self._known = 0

    def __enter__(self) -> Self:
        """Start the engines, an API and a write process, and make the applications."""
        with self._stack as stack:
            redis, mariadb = stack.enter_context(self.redis), stack.enter_context(self.mariadb)
            opensearch = stack.enter_context(self.opensearch)
            fleet = Fleet(self._folder / "fleet", redis=redis, mariadb=mariadb, opensearch=opensearch, env=self._env)
            self.fleet = stack.enter_context(fleet)
            with self.working(STORE):
                self._api, self._write = self.fleet.start("api"), self.fleet.start("write")
                self.api, self.write = self._api.url, self._write.url
                self.tokens = make_tenants(self.api, self.write)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop everything."""
        self._stack.close()

    @contextmanager
    def working(self, jobs: str) -> Iterator[Member]:
        """Run a worker with these jobs inside."""
        self._worker = self.fleet.start("work", "--jobs", jobs)
        try:
            yield self._worker
        finally:
            self._worker.stop()
            self._worker = None

    def target(self, door: Literal["api", "write"] = "write") -> Target:
        """Give where a load goes, through the API or the write service."""
        service = self._api if door == "api" else self._write
        running: dict[str, Member | Engine | None] = {
            "service": service, "redis": self.redis, "mariadb": self.mariadb, "worker": self._worker,
            "opensearch": self.opensearch,
        }  # fmt: skip
        processes = {name: each.process.pid for name, each in running.items() if each is not None and each.process}
        return Target(service.url, self.tokens, processes)

    def source(self) -> Target:
        """Start a write process of the source, which is not compiled, and give where a load goes."""
        write = self.fleet.start("write", env=SOURCE)
        assert write.process is not None  # noqa: S101 - it was started
        return Target(write.url, self.tokens, {**self.target().processes, "service": write.process.pid})

    def rows(self) -> int:
        """Count the stored messages; ``parley check`` compares the counts with the rows."""
        return int(self.mariadb.run("select coalesce(sum(messages_count), 0) from chat", self.fleet.database)[0][0])

    def settle(self, *acknowledged: Sample | int, beside: int = 0) -> None:
        """Let a worker store what waits, compare rows with answers, and let ``parley check`` compare the rest.

        ``beside`` messages were created by probes, the last of them perhaps without an answer.

        Raises:
            WrongError: something differs.
        """
        if self._worker is None:
            with self.working(STORE):
                self.await_stored()
        else:
            self.await_stored()
        rows = self.rows()
        expect_rows(rows - self._known, *acknowledged, beside=beside)
        self._known = rows
        check(self.fleet.run("check", timeout_s=_DRAINED_S))

    def await_stored(self) -> None:
        """Wait until the running worker has stored everything that is on the log."""
        wait_for(self.is_stored, "the log is drained", _DRAINED_S, every_s=_LOOKED_EVERY_S)

    def is_stored(self) -> bool:
        """Tell whether the database's position is the end of every stream."""
        positions = self.mariadb.run("select id, position_epoch, position_id from `partition`", self.fleet.database)
        with Redis(port=self.redis.port) as client:
            return all(
                int(position) >= _end(client, f"{{{self.fleet.database}:{partition}}}:{epoch}:log")
                for partition, epoch, position in positions
            )

    def await_indexed(self) -> None:
        """Wait until the running worker has indexed everything that is stored."""
        if self._worker is None:
            raise RuntimeError("no worker runs")
        worker = Caller(self._worker.url)
        wait_for(lambda: worker.metric("parley_index_lag_ms") == 0, "the index has caught up", _DRAINED_S, every_s=0.1)

    def settings(self) -> dict[str, str]:
        """Ask connections to both engines what they sync."""
        with Redis(port=self.redis.port) as client:
            told = {name: client.config_get(name)[name] for name in ("appendonly", "appendfsync")}
        names = ("innodb_flush_log_at_trx_commit", "sync_binlog", "log_bin")
        ((*values,),) = self.mariadb.run(f"select {', '.join(f'@@{name}' for name in names)}")
        return {**told, **dict(zip(names, values, strict=True))}

    def versions(self) -> dict[str, str]:
        """Ask every engine what it is."""
        return {engine.name: engine.version() for engine in (self.redis, self.mariadb, self.opensearch)}


def _end(client: Redis, stream: str) -> int:
    """Give the position that the last entry of a stream got, 0 where there is none."""
    if not client.exists(stream):
        return 0
    milliseconds, _, sequence = client.xinfo_stream(stream)["last-generated-id"].decode().partition("-")
    return position_id(int(milliseconds), int(sequence))
