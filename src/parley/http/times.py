"""Times as HTTP shows them: RFC 3339 UTC with milliseconds and ``Z``."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_ENDS: Final = tuple(f".{millisecond:03}Z" for millisecond in range(1000))
"""A page has a hundred times: looked up, half of what formatting takes."""


def format_time(at: int) -> str:
    """Format UTC milliseconds as ``2026-11-21T09:44:13.007Z``."""
    second, millisecond = divmod(at, 1000)
    return _format_second(second) + _ENDS[millisecond]


@lru_cache(maxsize=64)
def time_bytes(at: int) -> bytes:
    """Format the time of a create; those of one append share it."""
    return format_time(at).encode()


@lru_cache(maxsize=512)
def _format_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
