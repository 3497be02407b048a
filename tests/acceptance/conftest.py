"""Fixtures of the acceptance suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines.redis import RedisServer
from tests.support.rooms import Rooms
from tests.support.server import Server
from tests.support.tenant import Tenant


@pytest.fixture
def rooms(tmp_path: Path, server: Server, application: Tenant) -> Rooms:
    """Give a folder and an application of its own."""
    return Rooms(tmp_path, server, application.token)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a Redis of the test's own, to be harmed."""
    with RedisServer(tmp_path / "redis") as server:
        yield server
