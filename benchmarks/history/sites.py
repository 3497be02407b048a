"""Where a history lies and how the product is started on it, in both profiles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple, Protocol, Self

from parley.config import Settings
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer
from tests.support.fleet import Fleet, Member
from tests.support.server import Server

STARTS: Final = 3
BUFFER_POOL: Final = "--innodb-buffer-pool-size=1G"
"""As in deploy/compose.yaml."""

_HEAP_MB: Final = 1_024


class Serving(NamedTuple):
    """The running product: its addresses, its processes, and how long a start takes."""

    api: str
    write: str
    processes: list[int]
    start_s: float

    def memory_mb(self) -> float:
        """Give the resident memory of its processes."""
        return sum(map(_resident_mb, self.processes))


class Site(Protocol):
    """A profile's store."""

    profile: str

    def __enter__(self) -> Self:
        """Start what the store needs to run."""
        ...

    def __exit__(self, *exc: object) -> None:
        """Stop it."""
        ...

    def settings(self, messages: int) -> Settings:
        """Give what a loader opens at the stage of so many messages, while the product does not run."""
        ...

    def serving(self, messages: int, env: Mapping[str, str], *, index: bool) -> AbstractContextManager[Serving]:
        """Run the product, with further settings, after the loader; feed the index if it has the rest."""
        ...

    def disk(self) -> dict[str, int]:
        """Give the bytes of each part of the store."""
        ...


class EmbeddedSite:
    """One folder, one process."""

    profile = "embedded"

    def __init__(self, folder: Path) -> None:
        """Take an empty folder."""
        self._folder = folder

    def __enter__(self) -> Self:
        """Have nothing to start."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Have nothing to stop."""

    def settings(self, messages: int) -> Settings:
        """Give the settings of the files."""
        del messages
        return Settings(data_dir=self._folder / "data")

    @contextmanager
    def serving(self, messages: int, env: Mapping[str, str], *, index: bool) -> Iterator[Serving]:
        """Run ``parley serve``, which always feeds its index."""
        del messages, index
        server = Server(self._folder, env=env)
        start_s = median(_time_start(server) for _ in range(STARTS))
        with server:
            assert server.process is not None  # noqa: S101 - it was started
            yield Serving(server.api_url, server.write_url, [server.process.pid], start_s)

    def disk(self) -> dict[str, int]:
        """Give the bytes of the files."""
        files = {"database": "parley.db", "index": "search.db"}
        return {name: (self._folder / "data" / file).stat().st_size for name, file in files.items()}


class ServedSite:
    """Redis, MariaDB and OpenSearch, and a fleet of an API, a write service and a worker."""

    profile = "server"

    def __init__(self, folder: Path) -> None:
        """Take an empty folder with a short name."""
        self._folder = folder
        self._redis = RedisServer(folder / "redis")
        self._mariadb = MariaDbServer(folder / "mariadb", [BUFFER_POOL])
        self._opensearch = OpenSearchServer(folder / "search", heap_mb=_HEAP_MB)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start the engines."""
        with self._stack as stack:
            for engine in (self._redis, self._mariadb, self._opensearch):
                stack.enter_context(engine)
            self._fleet = stack.enter_context(
                Fleet(self._folder / "fleet", redis=self._redis, mariadb=self._mariadb, opensearch=self._opensearch)
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop the engines."""
        self._stack.close()

    def settings(self, messages: int) -> Settings:
        """Give the settings of the servers."""
        env = self._fleet.env
        return Settings(
            data_dir=Path(env["PARLEY_DATA_DIR"]),
            database_url=env["PARLEY_DATABASE_URL"],
            log_url=self._log_url(messages),
            search_url=env["PARLEY_SEARCH_URL"],
        )

    @contextmanager
    def serving(self, messages: int, env: Mapping[str, str], *, index: bool) -> Iterator[Serving]:
        """Run the fleet on an empty log, whose worker opens its life: the last one ended with what was loaded."""
        jobs = f"persist,erase,reconcile{',index' if index else ''}"
        env = {**env, "PARLEY_LOG_URL": self._log_url(messages)}
        members = [self._fleet.start("work", "--jobs", jobs, env=env)]
        try:
            members += [self._fleet.start(role, env=env) for role in ("write", "api")]
            _, write, api = members
            start_s = median(_time_start(api) for _ in range(STARTS))
            processes = [member.process.pid for member in members if member.process is not None]
            yield Serving(api.url, write.url, processes, start_s)
        finally:
            for member in reversed(members):
                if member.is_running():
                    member.stop()

    def disk(self) -> dict[str, int]:
        """Give the bytes of the database and of the index."""
        return {
            "database": _size(self._folder / "mariadb" / "data" / self._fleet.database),
            "index": _size(self._folder / "search" / "node_1" / "data"),
        }

    def _log_url(self, messages: int) -> str:
        return f"{self._redis.url}?prefix=history-{messages}"


SITES: Final[Mapping[str, Callable[[Path], Site]]] = {"embedded": EmbeddedSite, "server": ServedSite}


def _time_start(process: Server | Member) -> float:
    """Start a process, again if it runs, and leave it stopped or running as the first start found it."""
    was_running = process.is_running()
    if was_running:
        process.stop()
    began = time.perf_counter()
    process.start()
    took = time.perf_counter() - began
    if not was_running:
        process.stop()
    return took


def _resident_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1_024


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
