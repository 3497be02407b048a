"""Fixtures of the shared real servers; a conftest imports those that its tests name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.support.engines import Engines
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Give the session's servers, none of them started yet; their folder goes at the end, it is large."""
    folder = tmp_path_factory.mktemp("engines")
    engines = Engines(folder)
    yield engines
    engines.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis_server(engines: Engines) -> RedisServer:
    """Give the session's Redis, or skip with a reason."""
    return engines.redis


@pytest.fixture(scope="session")
def mariadb_server(engines: Engines) -> MariaDbServer:
    """Give the session's MariaDB, or skip with a reason."""
    return engines.mariadb


@pytest.fixture(scope="session")
def opensearch_server(engines: Engines) -> OpenSearchServer:
    """Give the session's OpenSearch, or skip with a reason."""
    return engines.opensearch
