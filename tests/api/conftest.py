"""Fixtures of the API suite: a deployment of each profile, and an eye on its log."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.client import Client
from tests.support.deployment import Deployment, Spread
from tests.support.engines import Engines
from tests.support.fleet import Fleet
from tests.support.tenant import Tenant

_REQUEST_ID = re.compile(r'"request_id": "[^"]*"')
"""Clients choose theirs, and find their lines by it."""
_TOKEN = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32}(?![0-9A-Za-z])")


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[Spread]:
    """Give the session's server profile on real servers, the index built; each process must end with 0."""
    folder = tmp_path_factory.mktemp("fleet")
    with Fleet(folder, redis=engines.redis, mariadb=engines.mariadb, opensearch=engines.opensearch) as made:
        worker = made.start("work")
        with Spread(made) as spread:
            with Client(spread.api_url) as client:
                tenant = Tenant(client)
                tenant.wait_until_indexed(tenant.create_chat())
            yield spread
        assert worker.stop() == 0


@pytest.fixture(scope="module", params=["embedded", pytest.param("fleet", marks=pytest.mark.servers)])
def server(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """Give the session's deployment of either profile; a module leaves no traceback and no token in its log."""
    deployment: Deployment = request.getfixturevalue(request.param)
    before = deployment.log_text().count("Traceback")
    yield deployment
    log = deployment.log_text()
    start = log.rfind("Traceback")
    assert log.count("Traceback") == before, f"a traceback in the log:\n{log[max(0, start - 500) : start + 4000]}"
    assert not _TOKEN.search(_REQUEST_ID.sub("", log)), "a token in the log"


@pytest.fixture(scope="module")
def services(api: Client, write: Client) -> dict[str, Client]:
    """Give both services by name."""
    return {"api": api, "write": write}


@pytest.fixture(scope="module")
def server_urls(server: Deployment) -> tuple[str, str]:
    """Give the addresses of the full API and of the write service."""
    return server.api_url, server.write_url


@pytest.fixture(scope="module")
def durability(server: Deployment) -> str:
    """Give what a write is that nobody waited for."""
    return server.durability
