"""Fixtures of the shared real servers; a conftest imports those that its tests name."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tests.support.engines import Engines
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.redis import RedisServer

SAID: Final = "engine"
"""Under this name a run's report has what each shared server says that it is."""

Recorder = Callable[[str, object], None]


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Give the session's servers, none of them started yet; their folder goes at the end, it is large."""
    assert request.config.getoption("markexpr") != "not servers", "a test that starts servers is not marked so"
    folder = tmp_path_factory.mktemp("engines")
    engines = Engines(folder)
    yield engines
    engines.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis_server(engines: Engines, record_testsuite_property: Recorder) -> RedisServer:
    """Give the session's Redis or Valkey, or skip with a reason."""
    record_testsuite_property(SAID, engines.redis.version())
    return engines.redis


@pytest.fixture(scope="session")
def mariadb_server(engines: Engines, record_testsuite_property: Recorder) -> MariaDbServer:
    """Give the session's MariaDB or MySQL, or skip with a reason."""
    record_testsuite_property(SAID, engines.mariadb.version())
    return engines.mariadb


@pytest.fixture(scope="session")
def opensearch_server(engines: Engines, record_testsuite_property: Recorder) -> OpenSearchServer:
    """Give the session's OpenSearch or Elasticsearch, or skip with a reason."""
    record_testsuite_property(SAID, engines.opensearch.version())
    return engines.opensearch
