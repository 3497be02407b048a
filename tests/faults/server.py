"""The server profile: Redis, MariaDB and OpenSearch, and several processes of Parley on them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import httpx

from parley.verify.history import Source
from tests.faults.builds.build import environment
from tests.faults.client import Door, Doors
from tests.faults.disks import small_disk
from tests.faults.site import Needs, Profile
from tests.faults.stored import MARIADB, StoredChat, mariadb_rows, read_stored
from tests.faults.toxiproxy import Toxiproxy
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member

_WORKERS: Final = 2
_WRITERS: Final = 2
_APIS: Final = 2
_PAGE: Final = 5_000
LOG, LONELY, LONELY_WORKER, DATABASE = "log", "log-of-one", "log-of-one-worker", "database"
"""Ways through the proxy: to Redis for most, for the last write process, and for the last worker; to MariaDB."""


class ServerSite:
    """Two processes of each kind, on a Redis and a MariaDB of their own."""

    profile: Profile = "server"
    sources: tuple[Source, ...] = ("pages", "singles", "sql", "index")

    def __init__(self, folder: Path, opensearch: OpenSearchServer, needs: Needs) -> None:
        """Take an empty folder, a running OpenSearch, which starts slowly and so serves many sites, and the needs."""
        folder.mkdir(parents=True, exist_ok=True)
        self.clock = folder / "clock"
        self.clock.write_text("0")
        self.deliveries = folder / "deliveries"
        self.deliveries.mkdir()
        self._needs = needs
        self.redis = RedisServer(folder / "redis")
        self.mariadb = MariaDbServer(folder / "mariadb")
        self.ways = Toxiproxy(folder / "ways")
        self.opensearch = opensearch
        self._folder = folder
        self._env = dict(needs.env)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start everything."""
        with ExitStack() as stack:
            if not self.opensearch.is_running():  # the last site's fault did not end well
                self.opensearch.start()
            for name, megabytes in self._needs.small_disks.items():
                stack.enter_context(small_disk(self._folder / name, megabytes))
            stack.enter_context(self.mariadb)
            stack.enter_context(self.redis)
            if self._needs.ways:
                stack.enter_context(self.ways)
            self.fleet = stack.enter_context(
                Fleet(
                    self._folder / "fleet", redis=self.redis, mariadb=self.mariadb, opensearch=self.opensearch,
                    env={**self._env, **environment(self._needs.build), "FAULTS_CLOCK": str(self.clock)},
                )
            )  # fmt: skip
            if self._needs.ways:
                self._lay_ways()
            twice = {"FAULTS_TWICE": str(self.deliveries)} if self._needs.delivers_twice else {}
            self.workers = self._start("work", _WORKERS - 1, twice)
            self.workers += self._start("work", 1, {**twice, **self._lonely(LONELY_WORKER)})
            self.apis = self._start("api", _APIS)
            self.writers = self._start("write", _WRITERS - 1)
            self.writers += self._start("write", 1, self._lonely(LONELY))
            self._stack = stack.pop_all()
        self.doors = Doors(
            [Door("api", one.url) for one in self.apis], [Door("write", one.url) for one in self.writers]
        )
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop everything."""
        self._stack.close()

    def pids(self) -> list[int]:
        """Give the processes of Parley that run."""
        return [member.process.pid for member in self.fleet.members if member.process and member.is_running()]

    def modes(self) -> set[str]:
        """Say who gives the numbers of the partitions at present: ``log``, ``standby``."""
        return {mode for (mode,) in self.mariadb.run("select mode from `partition`", self.fleet.database)}

    def settings(self) -> dict[str, str]:
        """Give what was set besides the defaults."""
        return self._env

    def heal(self) -> None:
        """Start what does not run, what others stand on first."""
        for engine in (self.mariadb, self.redis, self.opensearch):
            if not engine.is_running():
                engine.start()
            engine.resume()
        for member in self.fleet.members:
            if not member.is_running():
                member.start()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of Parley's commands on the servers."""
        return self.fleet.run(*arguments)

    def stored(self, token: str) -> Iterator[StoredChat]:
        """Ask MariaDB."""
        return read_stored(mariadb_rows(self.mariadb, self.fleet.database), MARIADB, token)

    def indexed(self) -> set[tuple[int, int]]:
        """Page through the index behind its alias; tombstones are no documents."""
        where = f"{self.opensearch.url}/{self.fleet.database}-*/_search"
        httpx.post(where.replace("_search", "_refresh"), timeout=60).raise_for_status()
        found: set[tuple[int, int]] = set()
        after = 0
        while True:
            asked = {
                "size": _PAGE, "sort": [{"key": "asc"}], "search_after": [after], "_source": False,
                "query": {"bool": {"must": [{"exists": {"field": "key"}}], "must_not": [{"term": {"gone": True}}]}},
            }  # fmt: skip
            hits = httpx.post(where, json=asked, timeout=60).raise_for_status().json()["hits"]["hits"]
            if not hits:
                return found
            after = hits[-1]["sort"][0]
            found |= {(hit["sort"][0] >> 32, hit["sort"][0] & 0xFFFFFFFF) for hit in hits}

    def log_text(self) -> str:
        """Give what all processes wrote over all their lives."""
        return "".join(member.log_text() for member in self.fleet.members)

    def _lay_ways(self) -> None:
        """Have all processes reach Redis and MariaDB through proxies, one of them by a way of its own."""
        self.ways.add_way(LONELY, self.redis.port)
        self.ways.add_way(LONELY_WORKER, self.redis.port)
        database, port = self.fleet.env["PARLEY_DATABASE_URL"], self.ways.add_way(DATABASE, self.mariadb.port)
        self.fleet.env["PARLEY_DATABASE_URL"] = database.replace(f":{self.mariadb.port}/", f":{port}/")
        self.ways.add_way(LOG, self.redis.port)
        self.fleet.env["PARLEY_LOG_URL"] = self._log_url(LOG)

    def _lonely(self, way: str) -> Mapping[str, str]:
        return {"PARLEY_LOG_URL": self._log_url(way)} if self._needs.ways else {}

    def _log_url(self, way: str) -> str:
        direct = f"{self.redis.url}?prefix={self.fleet.database}"
        return direct.replace(f":{self.redis.port}/", f":{self.ways.port_of(way)}/")

    def _start(self, role: str, count: int, env: Mapping[str, str] | None = None) -> list[Member]:
        return [self.fleet.start(role, env=env) for _ in range(count)]
