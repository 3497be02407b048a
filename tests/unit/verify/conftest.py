"""A script for every test that tells one."""

from __future__ import annotations

import pytest

from tests.support.histories.script import Script
from tests.unit.verify.one_chat import begun


@pytest.fixture
def script() -> Script:
    """Give a script with one chat."""
    return begun()
