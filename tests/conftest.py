"""Fixtures for suites that speak to a running server. One server a session, one application a test."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.data import data_folder
from tests.support.deployment import Deployment
from tests.support.engines.fixtures import (  # noqa: F401 - found by name
    engines,
    mariadb_server,
    opensearch_server,
    redis_server,
)
from tests.support.server import Server
from tests.support.tenant import Tenant

pytest_plugins = ["tests.support.tally"]

_ENGINES = "tests.support.engines"


def pytest_configure() -> None:
    """Let Ctrl-C reach the commands that tests start, also where a shell has started this run in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start real servers: by a fixture, or by a name that their module has from the engines."""
    for item in items:
        module = getattr(item, "module", None)
        homes = {getattr(each, "__module__", "") or "" for each in vars(module).values()} if module else set()
        if "engines" in getattr(item, "fixturenames", ()) or any(home.startswith(_ENGINES) for home in homes):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give the session's running ``parley serve``, both ports open, the index built; it must end with 0."""
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    with Client(server.api_url) as client:
        tenant = Tenant(client)
        tenant.wait_until_indexed(tenant.create_chat())
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def server(embedded: Server) -> Server:
    """Give the deployment that the fixtures below speak to; `tests/api` gives one of each profile instead."""
    return embedded


@pytest.fixture(scope="module")
def api(server: Deployment) -> Iterator[Client]:
    """Give a keep-alive client of the full API."""
    with Client(server.api_url) as client:
        yield client


@pytest.fixture(scope="module")
def write(server: Deployment) -> Iterator[Client]:
    """Give a keep-alive client of the write service."""
    with Client(server.write_url) as client:
        yield client


@pytest.fixture
def application(api: Client) -> Tenant:
    """Give an application of its own, without chats."""
    return Tenant(api)


@pytest.fixture
def chat(application: Tenant) -> str:
    """Give the path of the application's chat 1, without messages."""
    return application.create_chat()


@pytest.fixture(scope="session")
def data() -> Path:
    """Give the folder of shared test data, or skip with a reason."""
    return data_folder()
