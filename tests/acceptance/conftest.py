"""Fixtures of the acceptance suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.rooms import Rooms
from tests.support.server import Server
from tests.support.tenant import Tenant


@pytest.fixture
def rooms(tmp_path: Path, server: Server, application: Tenant) -> Rooms:
    """Give a folder and an application of its own."""
    return Rooms(tmp_path, server, application.token)
