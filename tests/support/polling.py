"""Wait for a condition that comes true by itself, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], what: str, timeout_s: float = 10, every_s: float = 0.02) -> Found:
    """Call ``look`` until it gives something true, and give that; fail with ``what`` after the time."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(every_s)
    return found


def now() -> str:
    """Give the time as the API writes times, to compare with them as text."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
