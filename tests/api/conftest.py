"""Fixtures of the API suite: both services by name, and an eye on the server's log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.client import Client
from tests.support.server import Server


@pytest.fixture(scope="session")
def services(api: Client, write: Client) -> dict[str, Client]:
    """Give both services by name."""
    return {"api": api, "write": write}


@pytest.fixture(scope="module", autouse=True)
def _clean_log(server: Server) -> Iterator[None]:
    """Fail the module when its requests raised a traceback in the server's log."""
    before = len(server.log_text())
    yield
    written = server.log_text()[before:]
    start = written.find("Traceback")
    assert start < 0, f"a traceback in the server's log:\n{written[max(0, start - 500) : start + 4000]}"


@pytest.fixture(scope="session")
def server_urls(server: Server) -> tuple[str, str]:
    """Give the addresses of the full API and of the write service."""
    return server.api_url, server.write_url
