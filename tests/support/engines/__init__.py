"""The real servers that tests speak to: each in a temporary folder, on a free loopback port."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TypeVar

from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.process import Engine
from tests.support.engines.redis import RedisServer

Started = TypeVar("Started", bound=Engine)


class Engines:
    """The servers that all tests of a process share, each started by the first test that asks for it.

    Whoever uses one takes names of its own (a database, a prefix of keys, a prefix of indices), empties
    nothing that others may use, and neither stops nor pauses it: a test of faults starts its own server.
    """

    def __init__(self, folder: Path) -> None:
        """Take an empty folder."""
        self._folder = folder
        self._started: list[Engine] = []

    @cached_property
    def redis(self) -> RedisServer:
        """Give the running Redis."""
        return self._start(RedisServer(self._folder / "redis"))

    @cached_property
    def mariadb(self) -> MariaDbServer:
        """Give the running MariaDB."""
        return self._start(MariaDbServer(self._folder / "mariadb"))

    @cached_property
    def opensearch(self) -> OpenSearchServer:
        """Give the running OpenSearch."""
        return self._start(OpenSearchServer(self._folder / "opensearch"))

    def stop(self) -> None:
        """Stop what was started."""
        for engine in self._started:
            if engine.is_running():
                engine.stop()

    def _start(self, engine: Started) -> Started:
        engine.start()
        self._started.append(engine)
        return engine
